"""The reckoning catches every way in which an order's life may be told otherwise than the supplier has it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from ops.demo.evidence import Days
from ops.demo.reckoning import missing_ends
from tests.unit.demo.account import CANCELLED, LOST, MOVED, PUSHED, SCENARIO, Account, last_word, said, told


@pytest.fixture
def account() -> Account:
    return Account(SCENARIO)


def test_another_order_number_than_the_suppliers_is_caught(account: Account) -> None:
    account.orders[PUSHED] = replace(account.orders[PUSHED], retail_order_no="R-other")
    assert account.codes() == [("other_number", PUSHED)]


def test_no_order_number_is_right_only_where_something_else_proved_the_arrival(account: Account) -> None:
    event = next(event for event in SCENARIO.firsts() if event.so_id == LOST)
    result = account.without(event.event_id)
    account.received.take(told(result.type, result.data.model_copy(update={"retail_order_no": None}), event.event_id))
    assert account.codes() == [("other_number", LOST)]
    known = account.orders[LOST]
    account.orders[LOST] = replace(known, duplicates_refused=1)
    assert account.codes() == []
    # A callback came before the resend: Haier's own number is known by it.
    account.orders[LOST] = known
    account.without(event.event_id)
    by_callback = result.data.model_copy(update={"retail_order_no": None, "ext_order_no": known.ext_order_no})
    account.received.take(told(result.type, by_callback, event.event_id))
    assert account.codes() == []


def test_a_cancel_that_the_supplier_did_not_take_is_caught(account: Account) -> None:
    account.orders[CANCELLED] = replace(account.orders[CANCELLED], state="confirmed", cancels=0)
    assert account.codes() == [("cancelled_but_stands", CANCELLED)]


def test_a_cancel_that_nobody_told_is_caught(account: Account) -> None:
    account.orders[PUSHED] = replace(account.orders[PUSHED], state="cancelled", cancels=1)
    assert account.codes() == [("stands_but_cancelled", PUSHED)]


def test_another_state_than_the_suppliers_is_caught(account: Account) -> None:
    account.orders[PUSHED] = replace(account.orders[PUSHED], state="refused")
    assert account.codes() == [("other_state", PUSHED)]


def test_a_callback_whose_result_never_came_is_caught(account: Account) -> None:
    del account.received.results[last_word(PUSHED, "confirmed").id]
    assert missing_ends(SCENARIO, account.received) == [PUSHED]
    assert account.codes() == [("other_state", PUSHED)]


def test_a_decision_that_nobody_planned_is_told_even_where_both_sides_know_it(account: Account) -> None:
    account.orders[PUSHED] = replace(account.orders[PUSHED], state="settled")
    account.received.take(said(PUSHED, "order.settled", "settled", sequence=10))
    assert account.codes() == [("unplanned_state", PUSHED)]


def test_the_last_word_is_that_of_the_highest_sequence_whatever_came_last(account: Account) -> None:
    account.received.take(said(PUSHED, "order.out_of_stock", "out_of_stock", sequence=3))
    assert account.codes() == []
    account.received.take(said(PUSHED, "order.refused", "refused", sequence=10))
    assert account.codes() == [("other_state", PUSHED)]


def test_what_a_callback_brings_about_ends_no_event(account: Account) -> None:
    """An ``order.cancel.succeeded`` that bears the id of the ``order.paid`` is no second end of it."""
    cancelled = last_word(CANCELLED, "cancelled")
    assert cancelled.correlationid == f"paid-{CANCELLED}-1"
    assert [result.type for result in account.received.ends()[cancelled.correlationid]] == ["order.push.succeeded"]


@pytest.mark.parametrize("days", [Days(), Days(date(2026, 11, 30)), Days(date(2026, 11, 29), date(2026, 11, 29))])
def test_other_days_than_the_shop_gave_are_caught(account: Account, days: Days) -> None:
    account.orders[MOVED] = replace(account.orders[MOVED], days=days)
    assert account.codes() == [("other_days", MOVED)]


def test_days_that_no_result_tells_are_caught(account: Account) -> None:
    account.without(f"moved-{MOVED}-2")
    assert account.codes() == [("no_result", f"moved-{MOVED}-2"), ("other_days", MOVED)]


def test_a_cancel_that_came_twice_is_caught(account: Account) -> None:
    account.orders[CANCELLED] = replace(account.orders[CANCELLED], cancels=2)
    assert account.codes() == [("cancelled_twice", CANCELLED)]
