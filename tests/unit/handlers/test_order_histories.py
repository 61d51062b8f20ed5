"""Orders under random histories: any events in any order, any answers, two processes, a crash at any place.

The laws (DESIGN sections 1, 5, 6; EVENTS, "A cancel ends a so_id"): an order is created at most once and never after
a cancel, every call is preceded by its intent, every event ends with one result or is parked, results are numbered
upwards, and what the shop is told is what the supplier has.
"""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer.domain.errors import AlreadyDone, RelayError
from consumer.domain.order import OrderState
from consumer.domain.recoverability import (
    Attempt,
    DeadLetter,
    PauseLane,
    Policy,
    Reject,
    RetryIn,
    RetryNow,
    Snooze,
    decide,
)
from tests.unit.handlers.world import (
    ENDED_BY_CANCEL,
    SO,
    Books,
    Job,
    Process,
    Said,
    Told,
    Ylh,
    cancel_event,
    paid_event,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.domain.writes import InboxKey
    from schemas.envelope import Event

POLICY = Policy()
PAID = st.sampled_from([paid_event(1), paid_event(2), paid_event(2, "改地址"), paid_event(3, "再改")])
CANCEL = st.sampled_from([cancel_event(), cancel_event("cancel-2")])
EVENTS = st.lists(PAID | CANCEL, min_size=1, max_size=4)
SCRIPTS = st.lists(st.sampled_from(Said), max_size=8)
SCHEDULES = st.lists(st.integers(0, 11), max_size=40)
MANY_ROUNDS = 60


class History:
    """Plays events out on two processes as a schedule says, then lets everything come to its end."""

    def __init__(self, events: list[Event], ylh: Ylh, books: Books) -> None:
        self.books = books
        self.ylh = ylh
        self.pending = [Job(event) for event in events]
        self.processes = [Process(books, ylh), Process(books, ylh)]
        self.dead: list[Job] = []
        self.waiting_for_a_callback: set[InboxKey] = set()
        self._ghosts: list[str] = []
        self._seen = 0

    def play(self, schedule: list[int]) -> None:
        for choice in schedule:
            actions = self._actions()
            if not actions:
                break
            actions[choice % len(actions)]()
            self._check_what_was_told()
        for process in self.processes:
            self._finish(process)
        for _ in range(MANY_ROUNDS):
            if not self.pending:
                break
            if not self.ylh.scripted and {job.key for job in self.pending} <= self.waiting_for_a_callback:
                break
            self.books.expire_leases(self._ghosts)
            self.processes[0].begin(self.pending.pop(0))
            self._finish(self.processes[0])

    def _finish(self, process: Process) -> None:
        while process.job is not None:
            self._step(process)
            self._check_what_was_told()

    def crash_after(self, stops: int) -> None:
        """Let one process go on alone for so many stops, then kill it, if it is at work then."""
        process = self.processes[0]
        for _ in range(stops):
            if process.job is None:
                if not self.pending:
                    return
                process.begin(self.pending.pop(0))
            self._step(process)
            self._check_what_was_told()
        if process.job is not None:
            self._crash(0)
            self.books.expire_leases(self._ghosts)

    def _actions(self) -> list[Callable[[], None]]:
        actions: list[Callable[[], None]] = []
        for number, process in enumerate(self.processes):
            if process.job is None:
                actions += [partial(self._begin, process, at) for at in range(len(self.pending))][:3]
            else:
                actions += [partial(self._step, process)] * 3
                actions.append(partial(self._crash, number))
        if self._ghosts:
            actions.append(partial(self.books.expire_leases, self._ghosts))
        return actions

    def _begin(self, process: Process, at: int) -> None:
        process.begin(self.pending.pop(at))

    def _step(self, process: Process) -> None:
        job = process.job
        assert job is not None
        try:
            process.step()
        except AlreadyDone:
            assert job.key in self.books.inbox
        except RelayError as error:
            self._failed(job, error)

    def _crash(self, number: int) -> None:
        process = self.processes[number]
        assert process.job is not None
        process.crash()
        self.pending.append(process.job)
        self._ghosts += process.calls.owners
        self.processes[number] = Process(self.books, self.ylh)

    def _failed(self, job: Job, error: RelayError) -> None:
        match decide(error, Attempt(job.attempt, POLICY.immediate_retries), POLICY):
            case RetryIn(_, number):
                job.attempt = number
                self.pending.append(job)
            case Snooze() | PauseLane():
                if error.code == "cancel_refused_on_resend":
                    self.waiting_for_a_callback.add(job.key)
                self.pending.append(job)
            case DeadLetter():
                self.dead.append(job)
            case Reject() | RetryNow():
                raise AssertionError(f"a handler has to make a result of {error!r}") from error

    def _check_what_was_told(self) -> None:
        """Hold each new result against what the supplier has at that moment."""
        for told in self.books.told[self._seen :]:
            self._check_truth(told)
        self._seen = len(self.books.told)

    def _check_truth(self, told: Told) -> None:
        match told.type:
            case "order.push.succeeded":
                assert SO in self.ylh.created
            case "order.push.failed":
                # A refusal that comes before the look for a duplicate hides what the first send did.
                assert SO not in self.ylh.created or told.data.error.code == "already_pushed" or self.ylh.refuses_first
            case "order.cancel.succeeded" | "order.cancel.accepted":
                assert not self.ylh.live(SO)
            case "order.cancel.failed":
                assert SO not in self.ylh.cancelled


def check_laws(history: History) -> None:
    books, ylh = history.books, history.ylh
    assert ylh.faults == []
    assert ylh.in_flight == set()
    sequences = [told.data.sequence for told in books.told if told.type.startswith("order.")]
    assert sequences == sorted(set(sequences))
    stuck = {job.key for job in history.pending}
    assert stuck <= history.waiting_for_a_callback
    parked = stuck | {job.key for job in history.dead}
    for key in books.inbox:
        assert len(books.told_for(key)) == 1, key
    for told in books.told:
        assert told.key in books.inbox
    assert all(key in books.inbox or key in parked for key in parked | set(books.inbox))


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EVENTS, SCRIPTS, SCHEDULES, st.booleans())
def test_no_history_breaks_a_law(
    events: list[Event],
    script: list[Said],
    schedule: list[int],
    refuses_second_cancel: bool,  # noqa: FBT001 - drawn
) -> None:
    books = Books()
    ylh = Ylh(books, script, refuses_second_cancel=refuses_second_cancel)
    history = History(events, ylh, books)
    history.play(schedule)
    check_laws(history)
    parked = {job.key for job in (*history.pending, *history.dead)}
    assert {Job(event).key for event in events} == set(books.inbox) | parked


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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


@pytest.mark.parametrize("events", [(paid_event(1), cancel_event()), (cancel_event(), paid_event(1))])
def test_crashes_at_any_two_stops_of_a_push_and_a_cancel_change_nothing(events: tuple[Event, Event]) -> None:
    for first, second in product(range(22), repeat=2):
        books = Books()
        ylh = Ylh(books)
        history = History(list(events), ylh, books)
        history.crash_after(first)
        history.crash_after(second)
        history.play([])
        check_laws(history)
        assert set(books.inbox) == {Job(event).key for event in events}
        assert not ylh.live(SO)
        assert books.rows[SO].order.state in {OrderState.CANCELLING, OrderState.CANCELLED}
