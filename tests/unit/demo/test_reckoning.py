"""The reckoning catches every way in which the books of service and supplier may differ."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ops.demo.events import Malformed
from ops.demo.evidence import Article, Page, Received, SupplierBooks, supplier_books
from ops.demo.reckoning import missing_ends, reckon
from ops.demo.scenario import ENDING_OF, Fate, Planned, Scenario, build
from ops.demo.summary import as_json, sentence
from ops.demo.texts import Texts
from schemas.codec import new_event
from schemas.registry import OUTBOUND

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from schemas.envelope import Event

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
SCENARIO = build(NOW)
PUSHED, PARKED, REFUSED, CANCELLED = "SO-1001", "SO-1006", "SO-1020", "SO-1012"
LOST = "SO-1010"
GOODS = "BX0000003"


class Account:
    """Both sides as an honest run leaves them, to be doctored."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.orders = {
            event.so_id: page_of(event)
            for event in scenario.firsts()
            if event.so_id is not None and event.event_id.startswith("paid-")
        }
        for event in scenario.firsts():
            if event.fate is Fate.CANCEL_TAKEN and event.so_id is not None:
                self.orders[event.so_id] = replace(self.orders[event.so_id], state="cancelled", cancels=1)
        self.articles = {code: Article(f"M-{code}", "海尔", "冰箱", procurable=True) for code in scenario.product_codes}
        self.fired = [fault.least for fault in scenario.faults]
        self.received = Received()
        for event in scenario.firsts():
            self.received.take(result_of(event, self.orders))
        for code, article in self.articles.items():
            self.received.take(changed(code, article))

    def codes(self) -> list[tuple[str, str]]:
        """What the reckoning finds: (code, subject)."""
        books = SupplierBooks(self.orders, self.articles, {"ylh.create": 200}, self.fired)
        return [(one.code, one.subject) for one in reckon(self.scenario, books, self.received).disagreements]

    def without(self, event_id: str) -> Event:
        """Take the result out that ends an event."""
        (result,) = self.received.ends()[event_id]
        del self.received.results[result.id]
        return result


def page_of(event: Planned) -> Page:
    there = event.fate is Fate.PUSHED
    return Page(
        state="created" if there else "unknown",
        creates=int(there),
        create_calls=1,
        duplicates_refused=0,
        cancels=0,
        retail_order_no=f"R-{event.so_id}" if there else None,
    )


def result_of(event: Planned, orders: dict[str, Page]) -> Event:
    type_ = ENDING_OF[event.fate]
    order = {
        "so_id": event.so_id,
        "online_no": None,
        "source_system": None,
        "version": 1,
        "state": None,
        "sequence": 1,
        "occurred_at": NOW,
        "retail_order_no": orders[event.so_id].retail_order_no if event.so_id in orders else None,
        "ext_order_no": None,
        "at_supplier": True,
        "refundable": False,
        "applied_version": None,
        "error": {
            "class": "rejected",
            "code": "refused",
            "message": "no",
            "supplier_message": "不行",
            "retriable": False,
        },
    }
    other: dict[str, dict[str, object]] = {
        "event.dead_lettered": {"error": order["error"], "attempts": 3, "dead_letter_id": "d-1"},
        "event.rejected": {
            "errors": [{"field": getattr(event.payload, "field", "body"), "expected": "x", "input": "y"}],
            "message_id": event.event_id,
            "body_sha256": "0" * 64,
        },
        "sync.completed": {"sync_log": ROW, "changed": 200, "unchanged": 0},
    }
    model = OUTBOUND[type_]
    values = other.get(type_) or {name: value for name, value in order.items() if accepts(model, name)}
    return told(type_, model.model_validate(values), event.event_id, subject=event.so_id)


ROW = {
    "id": "6f1ed002-ab5a-4d4e-a5d7-9b6a3f0f3f11",
    "sync_type": "products",
    "status": "success",
    "message": None,
    "total_count": 200,
    "success_count": 200,
    "failed_count": 0,
    "started_at": NOW,
    "completed_at": NOW,
    "created_at": NOW,
}


def accepts(model: type[BaseModel], name: str) -> bool:
    return name in model.model_fields


def told(type_: str, data: BaseModel, correlationid: str, *, subject: str | None = None, again: str = "") -> Event:
    id_ = f"{type_}/{correlationid}{again}"
    return new_event(type_, data, source="/relay", id_=id_, correlationid=correlationid, subject=subject)


def changed(code: str, article: Article, *, again: str = "") -> Event:
    new = {"model": article.model, "brand": article.brand, "category": article.category, "procurable": True}
    data = OUTBOUND["product.changed"].model_validate({"product_code": code, "new": new})
    return new_event("product.changed", data, source="/relay", id_=f"{code}{again}", correlationid="sync-goods-1")


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


def test_another_order_number_than_the_suppliers_is_caught(account: Account) -> None:
    account.orders[PUSHED] = replace(account.orders[PUSHED], retail_order_no="R-other")
    assert account.codes() == [("other_number", PUSHED)]


def test_no_order_number_is_right_only_where_a_duplicate_refusal_proved_the_arrival(account: Account) -> None:
    event = next(event for event in SCENARIO.firsts() if event.so_id == LOST)
    result = account.without(event.event_id)
    account.received.take(told(result.type, result.data.model_copy(update={"retail_order_no": None}), event.event_id))
    assert account.codes() == [("other_number", LOST)]
    account.orders[LOST] = replace(account.orders[LOST], duplicates_refused=1)
    assert account.codes() == []


def test_a_cancel_that_the_supplier_did_not_take_is_caught(account: Account) -> None:
    account.orders[CANCELLED] = replace(account.orders[CANCELLED], state="created", cancels=0)
    assert account.codes() == [("cancelled_but_stands", CANCELLED)]


def test_a_cancel_that_nobody_told_is_caught(account: Account) -> None:
    account.orders[PUSHED] = replace(account.orders[PUSHED], state="cancelled", cancels=1)
    assert account.codes() == [("stands_but_cancelled", PUSHED)]


def test_a_cancel_that_came_twice_is_caught(account: Account) -> None:
    account.orders[CANCELLED] = replace(account.orders[CANCELLED], cancels=2)
    assert account.codes() == [("cancelled_twice", CANCELLED)]


def test_an_order_that_nobody_sent_is_caught(account: Account) -> None:
    account.orders["SO-7"] = account.orders[PUSHED]
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
    account.orders["SO-7"] = Page("created", 1, 1, 0, 0, None)
    account.fired[0] = 0
    books = SupplierBooks(account.orders, account.articles, {}, account.fired)
    verdict = reckon(SCENARIO, books, account.received)
    for language in ("en", "zh"):
        assert all(one.subject in sentence(one, Texts(language)) for one in verdict.disagreements)
    document = as_json(verdict, 12.34)
    assert '"agrees": false' in document
    assert "the supplier does not have it" in document


def test_the_figures_count_both_sides(account: Account) -> None:
    books = SupplierBooks(account.orders, account.articles, {"ylh.create": 200}, account.fired)
    figures = reckon(SCENARIO, books, account.received).figures
    assert (figures.events_in, figures.distinct, figures.ended) == (200, 180, 180)
    assert (figures.told_pushed, figures.held, figures.doubled) == (164, 164, 0)
    assert (figures.told_cancelled, figures.held_cancelled) == (3, 3)
    assert (figures.told_goods, figures.held_goods) == (200, 200)
    assert [one.reason for one in figures.refused] == ["不行"]
    assert [one.so_id for one in figures.parked] == ["SO-1006", "SO-1036"]
    assert len(figures.rejected) == 3


def test_the_sandboxes_answers_are_read_by_the_number_of_the_rule() -> None:
    page = {
        "state": "created",
        "creates": 1,
        "create_calls": 2,
        "duplicates_refused": 1,
        "cancels": 0,
        "retail_order_no": "R",
    }
    books = supplier_books(
        {"orders": {"SO-1": page}, "calls": {"ylh.create": 2}},
        [{"code": "BX1", "model": "m", "brand": "b", "group": "g", "procurable": True}],
        [{"id": 10, "fired": 3}, {"id": 9, "fired": 1}],
    )
    assert books.orders["SO-1"] == Page("created", 1, 2, 1, 0, "R")
    assert books.articles["BX1"].category == "g"
    assert list(books.fired) == [1, 3]
