"""The reckoning catches every way in which the books of service and supplier may differ."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from ops.demo.answers import TURNED_DOWN
from ops.demo.events import Malformed
from ops.demo.evidence import Article, Called, Days, Page, supplier_books
from ops.demo.reckoning import missing_ends, reckon
from ops.demo.scenario import Fate, so_id_of
from ops.demo.summary import as_json, sentence
from ops.demo.texts import Texts
from tests.unit.demo.account import (
    GOODS,
    MOVED,
    PARKED,
    PUSHED,
    REFUSED,
    ROW,
    SCENARIO,
    STRANGER,
    Account,
    changed,
    result_of,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def account() -> Account:
    return Account(SCENARIO)


def test_an_honest_account_agrees(account: Account) -> None:
    assert account.codes() == []
    assert missing_ends(SCENARIO, account.received) == []


def test_a_result_delivered_again_under_its_id_counts_once(account: Account) -> None:
    for result in list(account.received.results.values()):
        account.received.take(result)
    assert account.codes() == []


def test_an_order_that_the_supplier_has_twice_is_caught(account: Account) -> None:
    account.orders[PUSHED] = replace(account.orders[PUSHED], creates=2)
    assert account.codes() == [("doubled", PUSHED)]


def test_a_missing_result_is_caught(account: Account) -> None:
    account.without("paid-SO-1001-1")
    assert missing_ends(SCENARIO, account.received) == ["paid-SO-1001-1"]
    # The order is at the supplier all the same, which is worth a line of its own.
    assert account.codes() == [("no_result", "paid-SO-1001-1"), ("present_but_not_pushed", PUSHED)]


def test_a_refused_order_that_is_at_the_supplier_is_caught(account: Account) -> None:
    account.orders[REFUSED] = replace(account.orders[REFUSED], creates=1, state="created")
    assert account.codes() == [("present_but_not_pushed", REFUSED)]


def test_a_parked_order_that_is_at_the_supplier_is_caught(account: Account) -> None:
    account.orders[PARKED] = replace(account.orders[PARKED], creates=1, state="created")
    assert account.codes() == [("present_but_not_pushed", PARKED)]


def test_an_order_cancelled_before_it_came_that_is_at_the_supplier_is_caught(account: Account) -> None:
    account.orders["SO-1120"] = replace(account.orders["SO-1120"], creates=1, state="created")
    assert account.codes() == [("present_but_not_pushed", "SO-1120")]


@pytest.mark.parametrize("page", [None, Page("unknown", 0, 1, 0, 0, None)])
def test_an_order_told_as_pushed_that_the_supplier_lacks_is_caught(account: Account, page: Page | None) -> None:
    if page is None:
        del account.orders[PUSHED]
    else:
        account.orders[PUSHED] = page
    assert account.codes() == [("pushed_but_absent", PUSHED)]


def test_two_ends_of_one_event_are_caught(account: Account) -> None:
    event = next(event for event in SCENARIO.firsts() if event.so_id == PUSHED)
    again = result_of(event, account.orders)
    account.received.take(told(again.type, again.data, event.event_id, again="/another id"))
    assert account.codes() == [("several_results", event.event_id)]


def test_another_end_than_the_planned_one_is_caught(account: Account) -> None:
    event = next(event for event in SCENARIO.firsts() if event.so_id == REFUSED)
    account.without(event.event_id)
    parked = result_of(replace(event, fate=Fate.PARKED), account.orders)
    account.received.take(parked)
    assert account.codes() == [("other_result", event.event_id)]


def test_a_rejection_that_names_another_field_is_caught(account: Account) -> None:
    event = next(event for event in SCENARIO.firsts() if isinstance(event.payload, Malformed))
    account.without(event.event_id)
    other = replace(event, payload=Malformed(b"", "order.paid", "data.so_id"))
    account.received.take(result_of(other, account.orders))
    assert account.codes() == [("other_field", event.event_id)]


def test_an_order_that_nobody_sent_is_caught(account: Account) -> None:
    account.orders["SO-7"] = STRANGER
    assert account.codes() == [("stranger_order", "SO-7")]


def test_a_result_for_an_event_that_nobody_sent_is_caught(account: Account) -> None:
    event = next(event for event in SCENARIO.firsts() if event.so_id == PUSHED)
    account.received.take(result_of(replace(event, event_id="paid-SO-7-1"), account.orders))
    assert account.codes() == [("stranger_result", "paid-SO-7-1")]


def _untold(account: Account) -> None:
    del account.received.results[GOODS]


def _told_twice(account: Account) -> None:
    account.received.take(changed(GOODS, account.articles[GOODS], again="/2"))


def _other_brand(account: Account) -> None:
    account.articles[GOODS] = replace(account.articles[GOODS], brand="GEA")


def _not_procurable(account: Account) -> None:
    account.articles[GOODS] = replace(account.articles[GOODS], procurable=False)


def _unknown(account: Account) -> None:
    del account.articles[GOODS]


@pytest.mark.parametrize(
    ("doctor", "code"),
    [
        (_untold, "article_not_told"),
        (_told_twice, "article_told_often"),
        (_other_brand, "article_differs"),
        (_not_procurable, "article_differs"),
        (_unknown, "article_unknown"),
    ],
)
def test_goods_that_differ_are_caught(account: Account, doctor: Callable[[Account], None], code: str) -> None:
    doctor(account)
    assert account.codes() == [(code, GOODS)]


def test_goods_that_nobody_asked_for_are_caught(account: Account) -> None:
    account.received.take(changed("BX9", Article("m", "b", "c", procurable=True)))
    assert account.codes() == [("article_not_asked_for", "BX9")]


def test_a_sync_that_fell_short_is_caught(account: Account) -> None:
    result = account.without("sync-goods-1")
    row = {**ROW, "status": "partial", "success_count": 180, "failed_count": 20}
    short = type(result.data).model_validate({"sync_log": row, "changed": 180, "unchanged": 0})
    account.received.take(told(result.type, short, "sync-goods-1"))
    assert account.codes() == [("sync_incomplete", ROW["id"])]


def test_a_fault_that_did_not_happen_is_told(account: Account) -> None:
    account.fired[0] = 3
    assert account.codes() == [("fault_not_shown", "unavailable")]


def test_a_result_that_breaks_the_contract_is_told(account: Account) -> None:
    account.received.unreadable.append("type: missing")
    assert account.codes() == [("unreadable_result", "relay.results")]


def test_every_disagreement_has_its_sentence_and_the_json_carries_it(account: Account) -> None:
    account.orders.pop(PUSHED)
    account.orders["SO-7"] = STRANGER
    account.orders[MOVED] = replace(account.orders[MOVED], state="settled", days=Days())
    account.callbacks["true"] = Called(0, {"503 refused": 1})
    account.fired[0] = 0
    verdict = reckon(SCENARIO, account.books(), account.received)
    for language in ("en", "zh"):
        assert all(one.subject in sentence(one, Texts(language)) for one in verdict.disagreements)
    document = as_json(verdict, 12.34)
    assert '"agrees": false' in document
    assert "the supplier does not have it" in document


def test_the_figures_count_both_sides(account: Account) -> None:
    figures = reckon(SCENARIO, account.books(), account.received).figures
    assert (figures.events_in, figures.distinct, figures.ended) == (200, 180, 180)
    assert (figures.told_pushed, figures.held, figures.doubled) == (160, 160, 0)
    assert {one.name: (one.told, one.held) for one in figures.standings} == {
        "confirmed": (154, 154),
        "out_of_stock": (1, 1),
        "turned_down": (1, 1),
        "cancelled": (3, 3),
        "intercepted": (1, 1),
        "settled": (1, 1),
        "moved": (3, 3),
    }
    assert (figures.callbacks, figures.callbacks_repeated, figures.callbacks_refused) == (174, 8, 2)
    assert (figures.told_goods, figures.held_goods) == (200, 200)
    assert [one.reason for one in figures.refused] == ["不行", "商品已下架"]
    assert figures.refused[1].so_ids == (so_id_of(TURNED_DOWN),)
    assert [one.so_id for one in figures.parked] == ["SO-1006", "SO-1036"]
    assert len(figures.rejected) == 3


def test_the_sandboxes_answers_are_read_by_the_number_of_the_rule() -> None:
    page = {
        "state": "confirmed",
        "creates": 1,
        "create_calls": 2,
        "duplicates_refused": 1,
        "cancels": 0,
        "retail_order_no": "R",
        "ext_order_no": "H",
        "reschedule_calls": 1,
        "decisions": [{"word": "out_of_stock", "timestamp": "20261122100000"}],
        # 23:59:59 of 29 November in Shanghai.
        "distribution_time": "1795967999000",
        "install_time": None,
    }
    books = supplier_books(
        {"orders": {"SO-1": page}, "calls": {"ylh.create": 2}},
        [{"code": "BX1", "model": "m", "brand": "b", "group": "g", "procurable": True}],
        [{"id": 10, "fired": 3}, {"id": 9, "fired": 1}],
        {"kinds": {"true": {"200 taken": 4, "503 refused": 1}, "forged": {"401 refused": 2}}},
    )
    days = Days(date(2026, 11, 29))
    assert books.orders["SO-1"] == Page("confirmed", 1, 2, 1, 0, "R", "H", 1, was_out_of_stock=True, days=days)
    assert books.callbacks == {"true": Called(4, {"503 refused": 1}), "forged": Called(0, {"401 refused": 2})}
    assert books.articles["BX1"].category == "g"
    assert list(books.fired) == [1, 3]


def test_a_callback_that_was_not_taken_is_caught(account: Account) -> None:
    account.callbacks["true"] = Called(165, {"503 refused": 1})
    assert account.codes() == [("callback_not_taken", "true")]


def test_a_forged_callback_that_was_taken_is_caught(account: Account) -> None:
    account.callbacks["forged"] = Called(1, {"401 refused": 1})
    assert account.codes() == [("forged_taken", "forged")]
