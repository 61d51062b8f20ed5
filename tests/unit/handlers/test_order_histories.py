"""Orders under random histories: any events in any order, any answers, two processes, a crash at any place.

The laws (DESIGN sections 1, 5, 6; EVENTS, "A cancel ends a so_id"): an order is created at most once and never after
a cancel, every call is preceded by its intent, every event ends with one result or is parked, results are numbered
upwards, and what the shop is told is what the supplier has, its days too.
"""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer.domain.order import OrderState
from consumer.domain.order_parts import Days
from tests.unit.handlers.history import History, check_laws
from tests.unit.handlers.world import (
    ENDED_BY_CANCEL,
    SO,
    Books,
    Job,
    Said,
    Ylh,
    cancel_event,
    paid_event,
    rescheduled_event,
    status_event,
)

if TYPE_CHECKING:
    from schemas.envelope import Event

PAID = st.sampled_from([paid_event(1), paid_event(2), paid_event(2, "改地址"), paid_event(3, "再改")])
CANCEL = st.sampled_from([cancel_event(), cancel_event("cancel-2")])
DAYS = st.sampled_from(
    [
        rescheduled_event(2, distribution_on="2026-12-02", install_on="2026-12-03"),
        rescheduled_event(3, distribution_on=None, install_on="2026-12-04"),
        rescheduled_event(4, distribution_on="2026-12-05"),
    ]
)
EVENTS = st.lists(PAID | CANCEL, min_size=1, max_size=4)
ALL_EVENTS = st.lists(PAID | DAYS | DAYS | CANCEL | st.just(status_event()), min_size=1, max_size=5)
UNCANCELLED = st.lists(PAID | DAYS | DAYS, min_size=2, max_size=5)
SCRIPTS = st.lists(st.sampled_from(Said), max_size=8)
SCHEDULES = st.lists(st.integers(0, 11), max_size=40)
LONGER = st.lists(st.integers(0, 17), max_size=70)


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(EVENTS, SCRIPTS, SCHEDULES, st.booleans(), st.booleans())
def test_no_history_breaks_a_law(
    events: list[Event],
    script: list[Said],
    schedule: list[int],
    refuses_second_cancel: bool,  # noqa: FBT001 - drawn
    refuses_first: bool,  # noqa: FBT001 - drawn
) -> None:
    books = Books()
    ylh = Ylh(books, script, refuses_second_cancel=refuses_second_cancel, refuses_first=refuses_first)
    history = History(events, ylh, books)
    history.play(schedule)
    check_laws(history)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(ALL_EVENTS, UNCANCELLED), SCRIPTS, LONGER, st.booleans(), st.booleans(), st.integers(0, 3))
def test_nor_does_one_with_days_reports_and_callbacks(
    events: list[Event],
    script: list[Said],
    schedule: list[int],
    refuses_second_cancel: bool,  # noqa: FBT001 - drawn
    refuses_first: bool,  # noqa: FBT001 - drawn
    most_callbacks: int,
) -> None:
    books = Books()
    ylh = Ylh(books, script, refuses_second_cancel=refuses_second_cancel, refuses_first=refuses_first)
    history = History(events, ylh, books, most_callbacks=most_callbacks)
    history.play(schedule)
    check_laws(history)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(EVENTS, SCHEDULES)
def test_with_a_willing_supplier_only_the_events_decide_how_it_ends(events: list[Event], schedule: list[int]) -> None:
    books = Books()
    ylh = Ylh(books)
    history = History(events, ylh, books)
    history.play(schedule)
    check_laws(history)
    assert not history.pending
    assert not history.dead
    state = books.rows[SO].order.state
    if any(event.type == "order.cancelled" for event in events):
        assert state in ENDED_BY_CANCEL - {OrderState.CANCEL_FAILED}
        assert not ylh.live(SO)
    else:
        assert state is OrderState.PUSHED
        assert ylh.live(SO)


def test_the_newest_day_holds_whatever_came_first() -> None:
    events = [paid_event(), *(rescheduled_event(number, distribution_on=f"2026-12-0{number}") for number in (2, 3, 4))]
    for order in permutations(events):
        books = Books()
        ylh = Ylh(books)
        history = History(list(order), ylh, books)
        history.play([])
        check_laws(history)
        assert ylh.days[SO] == Days("2026-12-04")
        assert books.rows[SO].order.applied_version == 4


def _with_crashes(events: tuple[Event, ...], first: int, second: int) -> tuple[Books, Ylh]:
    books = Books()
    ylh = Ylh(books)
    history = History(list(events), ylh, books)
    history.crash_after(first)
    history.crash_after(second)
    history.play([])
    check_laws(history)
    assert {Job(event).key for event in events} <= set(books.inbox)
    return books, ylh


@pytest.mark.parametrize("events", [(paid_event(1), cancel_event()), (cancel_event(), paid_event(1))])
def test_crashes_at_any_two_stops_of_a_push_and_a_cancel_change_nothing(events: tuple[Event, Event]) -> None:
    for first, second in product(range(22), repeat=2):
        books, ylh = _with_crashes(events, first, second)
        assert not ylh.live(SO)
        assert books.rows[SO].order.state in {OrderState.CANCELLING, OrderState.CANCELLED}


DAY = rescheduled_event(2)
NEWER = rescheduled_event(3, distribution_on=None, install_on="2026-12-06")


@pytest.mark.parametrize("events", [(paid_event(), DAY), (DAY, paid_event()), (paid_event(), DAY, NEWER)])
def test_crashes_at_any_two_stops_of_a_push_and_its_days_change_nothing(events: tuple[Event, ...]) -> None:
    for first, second in product(range(24), repeat=2):
        books, ylh = _with_crashes(events, first, second)
        order = books.rows[SO].order
        assert ylh.days[SO].distribution_on == "2026-12-05" or order.applied_version == 3
        assert order.held == ()
