"""Plays a history out: events in any order on two processes, callbacks and crashes at any moment; and its laws."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from consumer.domain.errors import AlreadyDone, RelayError
from consumer.domain.order import CallKind
from consumer.domain.order_parts import Days, Word
from consumer.domain.outcome import Ending
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
from consumer.handlers.callback import CALLBACKS
from consumer.handlers.order_results import iso
from schemas.events import OrderPaid
from tests.unit.handlers.world import SO, Books, Job, Process, Told, Ylh, callback_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.domain.writes import InboxKey
    from schemas.envelope import Event

POLICY = Policy()
MANY_ROUNDS = 60
WAIT_FOR_YLH = {"cancel_refused_on_resend", "no_order_number", "create_undecided", "earlier_days_in_doubt"}
"""Codes of what waits until YLH says more, or until another event ends; parked after 24 h."""


class History:
    """Plays events out on two processes as a schedule says, then lets everything come to its end.

    Args:
        events: of the shop.
        ylh: the supplier.
        books: ours.
        most_callbacks: how often the supplier speaks up by itself.
    """

    def __init__(self, events: list[Event], ylh: Ylh, books: Books, *, most_callbacks: int = 0) -> None:
        self.events = {Job(event).key: event for event in events}
        self.books = books
        self.ylh = ylh
        self.pending = [Job(event) for event in events]
        self.processes = [Process(books, ylh), Process(books, ylh)]
        self.dead: list[Job] = []
        self.waiting_for_ylh: dict[InboxKey, str] = {}
        self.intercepted = False
        self._callbacks_left = most_callbacks
        self._last_words = 3
        self._second = 0
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
        patience = 0
        for _ in range(MANY_ROUNDS):
            if not self.pending:
                break
            patience -= 1
            stuck = {job.key for job in self.pending} <= set(self.waiting_for_ylh)
            if stuck and patience < 0 and not self.ylh.scripted:
                if not self._speak_at_last():
                    break
                # Each of those who wait has its turn before YLH says more.
                patience = len(self.pending)
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
        if SO in self.ylh.created and self._callbacks_left:
            actions += [partial(self._speak_up, word) for word in (Word.TAKEN_ON, Word.OUT_OF_STOCK, Word.CANCEL_DONE)]
        if self._ghosts:
            actions.append(partial(self.books.expire_leases, self._ghosts))
        return actions

    def _speak_up(self, word: Word) -> None:
        """Have YLH call back twice what is true: of a live order also that it intercepted the delivery."""
        self._callbacks_left -= 1
        if word is Word.CANCEL_DONE:
            self.intercepted = self.intercepted or self.ylh.live(SO)
            self.ylh.cancelled.add(SO)
        event = self._said(word if self.ylh.live(SO) else Word.CANCEL_DONE)
        self.pending += [Job(event), Job(event)]

    def _speak_at_last(self) -> bool:
        """Have YLH say what those wait for who wait; False where it has nothing to say."""
        if SO not in self.ylh.created or not self._last_words:
            return False
        self._last_words -= 1
        asked = "cancel_refused_on_resend" in {self.waiting_for_ylh[job.key] for job in self.pending}
        word = Word.CANCEL_REFUSED if asked else Word.TAKEN_ON
        self.pending.insert(0, Job(self._said(word if self.ylh.live(SO) else Word.CANCEL_DONE)))
        return True

    def _said(self, word: Word) -> Event:
        self._second += 1
        return callback_event(word, self._second)

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
                if error.code in WAIT_FOR_YLH:
                    self.waiting_for_ylh[job.key] = error.code
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
                assert SO not in self.ylh.cancelled or self.intercepted
            case "order.confirmed" | "order.out_of_stock":
                assert SO in self.ylh.created


def check_laws(history: History) -> None:
    books, ylh = history.books, history.ylh
    assert ylh.faults == []
    assert ylh.in_flight == set()
    told = [told.data for told in books.told if told.type.startswith("order.")]
    # A report of an order that is not in the books has number 0.
    sequences = [data.sequence for data in told if data.state is not None]
    assert sequences == sorted(set(sequences))
    stuck = {job.key for job in history.pending}
    assert stuck <= set(history.waiting_for_ylh)
    parked = stuck | {job.key for job in history.dead}
    assert set(history.events) <= set(books.inbox) | parked
    assert not [job for job in history.dead if job.event.type in CALLBACKS]
    row = books.rows.get(SO)
    held = {one.key for one in row.order.held} if row is not None else set()
    for key, entry in books.inbox.items():
        results = len(books.told_for(key))
        if entry.type in CALLBACKS:
            assert results <= 1, key
        else:
            assert results == (0 if key in held else 1), key
        assert key not in held or entry.outcome == Ending.HELD.value
    assert {told.key for told in books.told} <= set(books.inbox) | parked
    check_days(history)


def check_days(history: History) -> None:
    """Hold the days that the books have, and those that the shop was told, against YLH's."""
    row = history.books.rows.get(SO)
    codes = {getattr(told.data, "error", None) and told.data.error.code for told in history.books.told}
    cancelled = any(event.type == "order.cancelled" for event in history.events.values())
    # Who refuses before looking for a duplicate may have either of two creates, both unanswered once.
    unsure = history.ylh.refuses_first or "refused_on_resend" in codes
    if row is None or cancelled or history.dead or history.intercepted or unsure:
        return
    order = row.order
    if order.applied_version is None or order.unanswered(CallKind.RESCHEDULE) is not None:
        return
    (paid,) = [event.data for event in history.events.values() if event.id == order.paid_event_id]
    assert isinstance(paid, OrderPaid)
    days = Days(iso(paid.distribution_on), iso(paid.install_on))
    for told in sorted(
        (told for told in history.books.told if told.type == "order.reschedule.succeeded"),
        key=lambda told: told.data.sequence,
    ):
        days = days.under(Days(iso(told.data.distribution_on), iso(told.data.install_on)))
    assert order.days == days == history.ylh.days[SO]
