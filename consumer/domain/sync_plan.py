"""A sync as a plan of batches (DESIGN section 7): made by its request, counted batch by batch, closed once. No I/O.

    request → planned() → batch messages → batch_ended() each → closed()
                               ↘ dead-lettered → lost_batch() ↗

The plan knows nothing of what its items are: orders now, goods, prices and stock by the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from consumer.domain.outcome import Ending, Outcome, Result
from consumer.domain.results import finished_sync_log, outgoing, recorded, sync_log_id
from consumer.domain.sync_writes import BatchStatus, CloseSync, CountBatch, FailedPart, PlannedBatch, PlanSync
from consumer.domain.writes import SyncLogRow, SyncStatus, SyncType, UnitOfWork
from schemas.internal import SyncLogisticsBatch
from schemas.results import FailedItem, FailedOrder, SyncCompleted
from schemas.results.sync import MAX_FAILED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from consumer.domain.errors import Rejected
    from consumer.domain.writes import InboxKey, OutboxMessage
    from schemas.envelope import Event
    from schemas.internal import Batch

WAITING = "waiting for its batches"
"""Message of a row that is not finished."""


@dataclass(frozen=True, slots=True)
class BatchStanding:
    """How a planned batch stands: ``items`` is how many it has."""

    items: int
    status: BatchStatus


@dataclass(frozen=True, slots=True)
class SyncEnd:
    """What the batches of a sync come to, once none is open.

    Attributes:
        key: inbox key of the request.
        traceparent: of the request.
        row: of the log, with the counts of all batches.
        changed: items whose value really changed.
        failures: the first `MAX_FAILED`, by batch.
    """

    key: InboxKey
    traceparent: str | None
    row: SyncLogRow
    changed: int
    failures: tuple[FailedPart, ...]


@dataclass(slots=True)
class Tally:
    """Counts of one batch as it goes on. ``refusal`` is the supplier's last no."""

    succeeded: int = 0
    changed: int = 0
    failed: int = 0
    failures: list[FailedPart] = field(default_factory=list)
    refusal: Rejected | None = None

    def fail(self, item: str, reason: str) -> None:
        """Count one item that failed."""
        self.failed += 1
        if len(self.failures) < MAX_FAILED:
            self.failures.append(FailedPart(item, reason))

    def succeed(self, *, changed: bool) -> None:
        """Count one item that is up to date now."""
        self.succeeded += 1
        self.changed += changed


def planned(
    event: Event,
    key: InboxKey,
    *,
    sync_type: SyncType,
    batch_type: str,
    batches: Sequence[tuple[Batch, int]],
    config_id: str | None,
    now: datetime,
) -> Outcome:
    """Return the outcome of a request: its row, its plan and its batches as messages; finished where there are none.

    Args:
        event: the request.
        key: its inbox key.
        sync_type: of the row, whose id is `sync_log_id` of the key.
        batch_type: event type of the batches.
        batches: each with its number of items.
        config_id: the stored account that serves now.
        now: when it was planned.
    """
    row = SyncLogRow(
        id=sync_log_id(key),
        sync_type=sync_type,
        status=SyncStatus.PENDING,
        message=WAITING,
        total_count=sum(items for _, items in batches),
        success_count=0,
        failed_count=0,
        created_at=now,
        started_at=None,
        completed_at=None,
        event_id=event.id,
        config_id=config_id,
    )
    if not batches:
        ended = _finished(replace(row, started_at=now), 0, now)
        return Outcome(Ending.DONE, tuple(_told(ended, 0, ())), (ended,))
    plan = PlanSync(
        row.id, key, event.traceparent, tuple(PlannedBatch(batch.number, items) for batch, items in batches), now
    )
    messages = tuple(Result(batch_type, batch, subject=f"{row.id}/{batch.number}") for batch, _ in batches)
    return Outcome(Ending.DONE, messages, (row, plan))


def batch_ended(
    event: Event,
    key: InboxKey,
    batch: Batch,
    tally: Tally,
    standing: BatchStanding | None,
    *,
    began: datetime,
    now: datetime,
) -> Outcome:
    """Return the outcome of a batch: its counts, or a row of its own where it was counted before (a replay).

    What a supplier refused altogether goes to the ledger too.
    """
    ending = Ending.DONE if not tally.failed else Ending.PARTIAL if tally.succeeded else Ending.REFUSED
    refusal = tally.refusal if ending is Ending.REFUSED else None
    if standing is not None and standing.status is BatchStatus.OPEN:
        counted = CountBatch(
            batch.sync_id,
            batch.number,
            BatchStatus.DONE,
            succeeded=tally.succeeded,
            changed=tally.changed,
            failed=tally.failed,
            failures=tuple(tally.failures),
            began_at=began,
            counted_at=now,
        )
        return Outcome(ending, (), (counted,), refusal=refusal)
    total = tally.succeeded + tally.failed
    row, told = finished_sync_log(
        event,
        key,
        sync_type=SyncType.MANUAL,
        status=_status(tally.succeeded, tally.failed),
        message=f"batch {batch.number} of sync {batch.sync_id} again: {_summary(total, tally.failed, tally.changed)}",
        counts=(total, tally.succeeded, tally.failed),
        started_at=began,
        now=now,
    )
    return Outcome(ending, (told,), (row,), refusal=refusal)


def lost_batch(batch: Batch, standing: BatchStanding, *, reason: str, now: datetime) -> CountBatch:
    """Return the counts of a batch that was dead-lettered: all its items have failed."""
    names = batch.so_ids if isinstance(batch, SyncLogisticsBatch) else getattr(batch, "product_codes", None) or ()
    return CountBatch(
        batch.sync_id,
        batch.number,
        BatchStatus.LOST,
        succeeded=0,
        changed=0,
        failed=standing.items,
        failures=tuple(FailedPart(name, reason) for name in names[:MAX_FAILED]),
        began_at=now,
        counted_at=now,
    )


def closed(end: SyncEnd, now: datetime) -> tuple[UnitOfWork, list[OutboxMessage], SyncLogRow]:
    """Return the unit of work that closes a sync, the messages in it that tell so, and the finished row."""
    row = _finished(end.row, end.changed, now)
    rows = outgoing(
        _told(row, end.changed, end.failures),
        key=end.key,
        correlationid=end.key.event_id,
        traceparent=end.traceparent,
        now=now,
    )
    return UnitOfWork((CloseSync(row.id), row, *rows)), rows, row


def _finished(row: SyncLogRow, changed: int, now: datetime) -> SyncLogRow:
    return replace(
        row,
        status=_status(row.success_count, row.failed_count),
        message=_summary(row.total_count, row.failed_count, changed),
        completed_at=now,
    )


def _told(row: SyncLogRow, changed: int, failures: Iterable[FailedPart]) -> list[Result]:
    told = recorded(row)
    completed = SyncCompleted(
        sync_log=told,
        changed=changed,
        unchanged=row.success_count - changed,
        failed=tuple(_named(row.sync_type, part) for part in failures),
    )
    return [Result("sync.completed", completed, subject=row.id), Result("sync_log.recorded", told, subject=row.id)]


def _named(sync_type: SyncType, part: FailedPart) -> FailedItem | FailedOrder:
    if sync_type is SyncType.LOGISTICS:
        return FailedOrder(so_id=part.item, reason=part.reason)
    return FailedItem(product_code=part.item, reason=part.reason)


def _status(succeeded: int, failed: int) -> SyncStatus:
    if not failed:
        return SyncStatus.SUCCESS
    return SyncStatus.PARTIAL if succeeded else SyncStatus.FAILED


def _summary(total: int, failed: int, changed: int) -> str:
    return f"{total - failed} of {total} in step, {changed} changed, {failed} failed"
