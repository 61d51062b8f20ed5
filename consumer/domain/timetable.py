"""What is due by the schedule, what was passed over, what is made up for: pure decisions over one moment.

A due time is handled once and in one of two ways: its sync is *requested*, or it is *missed*. After a time without a
scheduler only the newest due time of an entry can still be requested, and only while it is nearer to its own time than
to the next one; all before it are counted and let go. So a weekend's standstill is followed by one run of each entry at
most, never by a burst.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final
from uuid import UUID

from consumer.domain.writes import InboxKey, OutboxMessage
from rabbitmq.topology import EVENTS
from schemas.codec import encode, new_event
from schemas.identity import Names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, tzinfo

    from consumer.settings.schedule import ScheduledRequest

SOURCE: Final = "/haier-relay/schedule"
"""CloudEvents ``source`` of scheduled requests."""
OUTBOX_RUN: Final = "scheduled"
"""``run`` in the key of outbox rows. Under the event's own key a duplicate of the event would send the event again."""
MOST_COUNTED: Final = 1_000
"""Due times passed over are counted so far; a count that reaches it means "so many or more"."""

NO_SCHEDULER: Final = "no scheduler could run when it was due"
STILL_WAITS: Final = "the request before it still waits for `relay consume`"

_DUE: Final = Names(UUID("0f6c6e0e-2f3b-5f0a-9a0e-7d3b6a1c9e52"))
"""Fixed for ever: a due time keeps its event's id."""


class RunStatus(StrEnum):
    """What became of a due time."""

    REQUESTED = "requested"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the books know of an entry.

    Attributes:
        name: the entry's.
        timing: its expression and time zone when it was last looked at (`timing_of`).
        handled_until: all due times up to then are handled.
        waits: its last request has not left our outbox.
    """

    name: str
    timing: str
    handled_until: datetime
    waits: bool


@dataclass(frozen=True, slots=True)
class Run:
    """A due time that is handled now.

    Attributes:
        name: the entry's.
        due_at: when it was due.
        status: what becomes of it.
        passed_over: due times before it that are let go with it, at most `MOST_COUNTED`.
        reason: why it is missed, for a person; None: it is requested.
        event_id: id of the request, the same whoever makes it.
        message: the request, to go out if this run is written; None: it is missed.
    """

    name: str
    due_at: datetime
    status: RunStatus
    passed_over: int
    reason: str | None
    event_id: str
    message: OutboxMessage | None


@dataclass(frozen=True, slots=True)
class Step:
    """What one moment means for one entry.

    Attributes:
        entry: which.
        timing: to be remembered (`Standing.timing`).
        handled_until: to be remembered.
        run: what is due; None: nothing.
        next_at: when it is due next.
    """

    entry: ScheduledRequest
    timing: str
    handled_until: datetime
    run: Run | None
    next_at: datetime | None


def timing_of(entry: ScheduledRequest, zone: tzinfo) -> str:
    """Return what makes an entry's due times: with another one it begins anew, and nothing of before was missed."""
    return f"{entry.cron.expression} ({zone})"


def event_id(name: str, due_at: datetime) -> str:
    """Return the id of the request for a due time."""
    return _DUE.id_of(f"{name}\n{due_at.isoformat()}")


def steps(
    entries: Sequence[ScheduledRequest], zone: tzinfo, known: Mapping[str, Standing], now: datetime
) -> list[Step]:
    """Return what ``now`` means for each entry.

    Args:
        entries: of the settings.
        zone: in which their expressions are meant.
        known: what the books know, by name; an entry that they do not know begins now.
        now: by the database's clock.
    """
    return [_step(entry, zone, known.get(entry.name), now) for entry in entries]


def _step(entry: ScheduledRequest, zone: tzinfo, standing: Standing | None, now: datetime) -> Step:
    timing = timing_of(entry, zone)
    if standing is None or standing.timing != timing:
        return Step(entry, timing, now, None, next(entry.cron.after(now, zone), None))
    # A clock that was set back: what it has run already is in the books, under its own due time.
    since = min(standing.handled_until, now)
    due = entry.cron.newest(since, now, zone)
    following = next(entry.cron.after(now, zone), None)
    if due is None:
        return Step(entry, timing, since, None, following)
    before = takewhile(lambda earlier: earlier < due, entry.cron.after(since, zone))
    passed_over = sum(1 for _ in islice(before, MOST_COUNTED))
    reason = _reason(due, following, now, waits=standing.waits)
    id_ = event_id(entry.name, due)
    if reason is None:
        run = Run(entry.name, due, RunStatus.REQUESTED, passed_over, None, id_, _message(entry, id_, now))
    else:
        run = Run(entry.name, due, RunStatus.MISSED, passed_over, reason, id_, None)
    return Step(entry, timing, due, run, following)


def _message(entry: ScheduledRequest, id_: str, now: datetime) -> OutboxMessage:
    return OutboxMessage(
        id=id_,
        key=InboxKey(SOURCE, id_, OUTBOX_RUN),
        exchange=EVENTS,
        routing_key=entry.type,
        body=encode(new_event(entry.type, entry.data, source=SOURCE, id_=id_, time=now)),
        mandatory=True,
        created_at=now,
    )


def _reason(due: datetime, following: datetime | None, now: datetime, *, waits: bool) -> str | None:
    if following is not None and now - due > following - now:
        return NO_SCHEDULER
    return STILL_WAITS if waits else None
