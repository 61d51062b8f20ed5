"""What a scheduler and the books tell each other: whose turn it is, and what became of what was due."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from consumer.domain.timetable import Run, RunStatus, Standing, Step

    Decide = Callable[[Mapping[str, Standing], datetime], Sequence[Step]]


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that is the running scheduler.

    Attributes:
        owner: its name.
        since: when it began, by the database's clock.
        remains: for how long its lease still stands.
    """

    owner: str
    since: datetime
    remains: timedelta


@dataclass(frozen=True, slots=True)
class Turned:
    """This process is the running scheduler, and what was due is handled.

    Attributes:
        now: by the database's clock.
        steps: what that moment meant.
        written: the runs of them that nobody had written before.
    """

    now: datetime
    steps: Sequence[Step]
    written: Sequence[Run]


class ScheduleBooks(Protocol):
    """Where the schedule is kept (`consumer.persistence.schedule`)."""

    async def turn(self, owner: str, lease: timedelta, decide: Decide) -> Turned | Holder:
        """Take or extend the lease and do what ``decide`` says, in one transaction; tell who has it otherwise."""
        ...

    async def release(self, owner: str) -> None:
        """Give the lease up, if ``owner`` has it."""
        ...


class RequestState(StrEnum):
    """Where a request is, as far as it has no row in the sync log."""

    WAITING = "waiting"
    SENT = "sent"
    DONE = "done"
    DEAD_LETTERED = "dead_lettered"


@dataclass(frozen=True, slots=True)
class PastRun:
    """The newest row of an entry.

    Attributes:
        due_at: when it was due.
        status: what became of it.
        reason: why it was missed.
        passed_over: due times let go with it.
        event_id: id of the request.
        at: when it was handled.
        request: where the request is; None: it was missed.
    """

    due_at: datetime
    status: RunStatus
    reason: str | None
    passed_over: int
    event_id: str
    at: datetime
    request: RequestState | None
