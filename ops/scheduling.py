"""What `relay schedule list` shows: each entry, when it is due next, and what came of its newest due time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from consumer.domain.results import sync_log_id
from consumer.domain.timetable import SOURCE
from consumer.domain.writes import InboxKey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

    from consumer.domain.schedule_books import PastRun
    from consumer.domain.writes import SyncLogRow
    from consumer.settings import ScheduledRequest


class ScheduleLooks(Protocol):
    """What the books tell of past runs (`consumer.persistence.schedule`)."""

    async def newest_runs(self) -> dict[str, PastRun]:
        """Return the newest row of each name."""
        ...


class SyncLooks(Protocol):
    """What the books tell of syncs (`consumer.persistence.store.Store`)."""

    async def sync_log(self, id_: str) -> SyncLogRow | None:
        """Return the row, or None as long as nobody has begun."""
        ...

    async def joined_sync(self, key: InboxKey) -> str | None:
        """Return the sync that a request joined."""
        ...


@dataclass(frozen=True, slots=True)
class EntryNow:
    """One entry, as people and programs see it.

    Attributes:
        name: the entry's.
        cron: its expression.
        type: what it requests.
        next_at: when it is due next.
        last_due_at: the newest due time that was handled; None: there was none yet.
        last: what became of that: ``requested`` or ``missed``.
        passed_over: due times before it that were let go with it.
        event_id: id of the request.
        sync_log_id: the row in ``haier_sync_log`` that the request made, or of the running sync that it joined.
        outcome: status of that row; without one where the request is (`RequestState`).
        message: of the row, or why it was missed.
    """

    name: str
    cron: str
    type: str
    next_at: datetime | None
    last_due_at: datetime | None = None
    last: str | None = None
    passed_over: int = 0
    event_id: str | None = None
    sync_log_id: str | None = None
    outcome: str | None = None
    message: str | None = None


async def entries_now(
    entries: Sequence[ScheduledRequest], zone: tzinfo, schedule: ScheduleLooks, syncs: SyncLooks, now: datetime
) -> list[EntryNow]:
    """Return the entries in the order of the settings.

    Args:
        entries: of the settings.
        zone: in which their expressions are meant.
        schedule: past runs.
        syncs: the sync log.
        now: from which the next due time is counted.
    """
    past = await schedule.newest_runs()
    rows = {name: await _sync(run, syncs) for name, run in past.items()}
    return [_entry(entry, zone, past.get(entry.name), rows.get(entry.name), now) for entry in entries]


async def _sync(run: PastRun, syncs: SyncLooks) -> SyncLogRow | None:
    if run.request is None:
        return None
    key = InboxKey(SOURCE, run.event_id)
    return await syncs.sync_log(await syncs.joined_sync(key) or sync_log_id(key))


def _entry(
    entry: ScheduledRequest, zone: tzinfo, run: PastRun | None, row: SyncLogRow | None, now: datetime
) -> EntryNow:
    known = EntryNow(entry.name, entry.cron.expression, entry.type, next(entry.cron.after(now, zone), None))
    if run is None:
        return known
    known = replace(known, last_due_at=run.due_at, last=run.status.value, passed_over=run.passed_over)
    if run.request is None:
        return replace(known, message=run.reason)
    if row is None:
        return replace(known, event_id=run.event_id, outcome=run.request.value)
    return replace(known, event_id=run.event_id, sync_log_id=row.id, outcome=row.status.value, message=row.message)
