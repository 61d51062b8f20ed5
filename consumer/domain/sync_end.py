"""How a sync ends (DESIGN section 7): its finished row, and who is told what. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from consumer.domain.outcome import Result
from consumer.domain.results import outgoing, recorded
from consumer.domain.sync_writes import CloseSync, FailedPart
from consumer.domain.writes import SyncLogRow, SyncStatus, SyncType, UnitOfWork
from schemas.results import FailedItem, FailedOrder, SyncCompleted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from consumer.domain.writes import InboxKey, OutboxMessage


_LONGEST_NAME: Final = 64
LONGEST_MESSAGE: Final = 2000
"""Characters of a message that the contract takes."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class SyncEnd:
    """What the batches of a sync come to, once none is open.

    Attributes:
        key: inbox key of the request.
        traceparent: of the request.
        row: of the log, with the counts of all batches.
        changed: items whose value really changed.
        failures: the first `MAX_FAILED`, by batch.
        followers: the requests that joined it, each with its ``traceparent``.
    """

    key: InboxKey
    traceparent: str | None
    row: SyncLogRow
    changed: int
    failures: tuple[FailedPart, ...]
    followers: tuple[tuple[InboxKey, str | None], ...] = ()


def closed(end: SyncEnd, now: datetime) -> tuple[UnitOfWork, list[OutboxMessage], SyncLogRow]:
    """Return the unit of work that closes a sync, the messages in it that tell so, and the finished row."""
    row = finished(end.row, end.changed, end.failures, now)
    rows = _announced(end, row, now)
    return UnitOfWork((CloseSync(row.id, len(end.followers)), row, *rows)), rows, row


def cancelled(end: SyncEnd, by: str, now: datetime) -> tuple[SyncLogRow, list[OutboxMessage]]:
    """Return the finished row of a sync that a person has stopped, and the messages that tell so."""
    done = end.row.success_count + end.row.failed_count
    row = replace(
        end.row,
        status=SyncStatus.FAILED,
        message=f"cancelled by {by} after {done} of {end.row.total_count} items, {end.changed} changed, "
        f"{end.row.failed_count} failed",
        completed_at=now,
    )
    return row, _announced(end, row, now)


def finished(row: SyncLogRow, changed: int, failures: Iterable[FailedPart], now: datetime) -> SyncLogRow:
    """Return the row of a sync with nothing left to do, as it ends."""
    status = status_of(row.success_count, row.failed_count)
    message = summary(row.total_count, row.failed_count, changed)
    unknown = next((part.reason for part in failures if not part.item), None)
    if unknown is not None:
        status = SyncStatus.PARTIAL if row.success_count else SyncStatus.FAILED
        message = tellable(f"{message}; which others there are could not be learned: {unknown}", LONGEST_MESSAGE)
    return replace(row, status=status, message=message, completed_at=now)


def _announced(end: SyncEnd, row: SyncLogRow, now: datetime) -> list[OutboxMessage]:
    """Return what tells of an end: to who asked first, and to all who joined."""
    results = told(row, end.changed, end.failures)
    rows = outgoing(results, key=end.key, correlationid=end.key.event_id, traceparent=end.traceparent, now=now)
    for key, traceparent in end.followers:
        # The row is one row: that it is finished is told once.
        rows += outgoing(results[:1], key=key, correlationid=key.event_id, traceparent=traceparent, now=now)
    return rows


def told(row: SyncLogRow, changed: int, failures: Iterable[FailedPart]) -> list[Result]:
    """Return what tells of a finished row: ``sync.completed`` to who asked, ``sync_log.recorded`` to everybody."""
    log = recorded(row)
    completed = SyncCompleted(
        sync_log=log,
        changed=changed,
        unchanged=row.success_count - changed,
        failed=tuple(_named(row.sync_type, part) for part in failures if part.item),
    )
    return [Result("sync.completed", completed, subject=row.id), Result("sync_log.recorded", log, subject=row.id)]


def _named(sync_type: SyncType, part: FailedPart) -> FailedItem | FailedOrder:
    reason = tellable(part.reason, LONGEST_MESSAGE)
    if sync_type is SyncType.LOGISTICS:
        return FailedOrder(so_id=part.item, reason=reason)
    return FailedItem(product_code=tellable(part.item, _LONGEST_NAME), reason=reason)


def tellable(text: str, most: int) -> str:
    """Return ``text`` as the contract can tell it: one that it refuses would keep its sync from ever being closed."""
    clean = _CONTROL.sub("?", text)
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"


def status_of(succeeded: int, failed: int) -> SyncStatus:
    """Return how work on so many items has ended."""
    if not failed:
        return SyncStatus.SUCCESS
    return SyncStatus.PARTIAL if succeeded else SyncStatus.FAILED


def summary(total: int, failed: int, changed: int) -> str:
    """Return what came of so many items, for a person."""
    return f"{total - failed} of {total} in step, {changed} changed, {failed} failed"
