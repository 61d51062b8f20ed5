"""The loop of `relay schedule`: hold the lease, let what is due be requested, or stand by until the lease is free."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from consumer.domain.errors import BooksUnavailable
from consumer.domain.schedule_books import Holder, Turned
from consumer.domain.timetable import MOST_COUNTED, NO_SCHEDULER, STILL_WAITS, steps
from consumer.observability.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, tzinfo

    from consumer.domain.schedule_books import ScheduleBooks
    from consumer.domain.timetable import Run
    from consumer.settings.schedule import ScheduledRequest

log = get_logger(__name__)

LEASE: Final = timedelta(seconds=15)
"""How long a scheduler that died keeps its place; one that ends in order leaves it at once."""
TURN_EVERY: Final = timedelta(seconds=5)
"""The longest pause between two looks; three may fail before the lease is lost."""
_AT_LEAST: Final = timedelta(milliseconds=20)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the lease is, and how often it is extended; the second has to fit several times into the first."""

    lease: timedelta = LEASE
    turn_every: timedelta = TURN_EVERY


@dataclass(frozen=True, slots=True)
class Leading:
    """This process is the running scheduler; ``next_name`` is due at ``next_at``, None if nothing ever is."""

    next_name: str | None
    next_at: datetime | None


class Scheduler:
    """One process of which any number may run.

    Args:
        entries: of the settings.
        zone: in which their expressions are meant.
        books: where lease and runs are.
        owner: name of this process, which no other has.
        tell: told whenever this process begins to run the schedule, or begins to stand by for another.
        pace: of the lease.
    """

    def __init__(
        self,
        entries: Sequence[ScheduledRequest],
        zone: tzinfo,
        books: ScheduleBooks,
        *,
        owner: str,
        tell: Callable[[Leading | Holder], None],
        pace: Pace,
    ) -> None:
        self._decide = partial(steps, tuple(entries), zone)
        self._types = {entry.name: entry.type for entry in entries}
        self._books = books
        self._owner = owner
        self._tell = tell
        self._pace = pace
        self._told: str | None = None
        self._books_away = False

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until ``stop`` is set, then leave the place to another."""
        while not stop.is_set():
            pause = await self._turn()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause.total_seconds())
        try:
            await self._books.release(self._owner)
        except BooksUnavailable as error:
            log.warning("the schedule's lease was not given up: another waits until it ends", error=error)

    async def _turn(self) -> timedelta:
        """Do what is due and return how long there is nothing to do."""
        try:
            turn = await self._books.turn(self._owner, self._pace.lease, self._decide)
        except BooksUnavailable as error:
            if not self._books_away:
                log.warning("nothing is scheduled while the database does not answer", error=error)
            self._books_away = True
            return self._pace.turn_every
        if self._books_away:
            log.info("the database answers again: the schedule goes on")
            self._books_away = False
        if isinstance(turn, Holder):
            self._stood_by(turn)
            return max(_AT_LEAST, min(turn.remains, self._pace.turn_every))
        return self._led(turn)

    def _led(self, turn: Turned) -> timedelta:
        times = [(step.next_at, step.entry.name) for step in turn.steps if step.next_at is not None]
        next_at, name = min(times, default=(None, None))
        if self._told != self._owner:
            self._told = self._owner
            log.info("this process runs the schedule", process=self._owner, count=len(turn.steps))
            self._tell(Leading(name, next_at))
        for run in turn.written:
            self._log(run)
        if next_at is None:
            return self._pace.turn_every
        return max(_AT_LEAST, min(next_at - turn.now, self._pace.turn_every))

    def _stood_by(self, holder: Holder) -> None:
        if self._told != holder.owner:
            self._told = holder.owner
            log.info("another process runs the schedule; this one stands by", process=holder.owner)
            self._tell(holder)

    def _log(self, run: Run) -> None:
        about = {"schedule": run.name, "due_at": run.due_at.isoformat()}
        if run.message is not None:
            log.info("sync requested", **about, type=self._types[run.name], event_id=run.event_id)
        elif run.reason == STILL_WAITS:
            log.warning("not requested: the request before it still waits for `relay consume` to send it", **about)
        missed = run.passed_over + (run.reason == NO_SCHEDULER)
        if missed:
            count = f"{MOST_COUNTED} or more" if run.passed_over == MOST_COUNTED else missed
            log.warning("due times were missed while no scheduler could run; they are let go", **about, count=count)
