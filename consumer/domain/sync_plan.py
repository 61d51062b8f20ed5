"""A sync as a plan of batches (DESIGN section 7): made by its request, counted batch by batch, closed once. No I/O.

    request → planned() → batch messages → batch_ended() each → closed()
                               ↘ dead-lettered → lost_batch() ↗

A batch may bring others with it: they join the plan in the transaction that ends it. The plan knows nothing of what
its items are: orders, goods, prices and a county's stock all go this way.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeAlias

from consumer.domain.outcome import Ending, Outcome, Result
from consumer.domain.results import finished_sync_log, outgoing, recorded, sync_log_id
from consumer.domain.sync_writes import (
    BatchStatus,
    CloseSync,
    CountBatch,
    FailedPart,
    JoinSync,
    PlannedBatch,
    PlanSync,
)
from consumer.domain.writes import SyncLogRow, SyncStatus, SyncType, UnitOfWork
from schemas.internal import Batch, CatalogBatchPrices, CatalogBatchProducts, CatalogBatchStock, SyncLogisticsBatch
from schemas.results import FailedItem, FailedOrder, SyncCompleted
from schemas.results.sync import MAX_FAILED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from consumer.domain.errors import Rejected
    from consumer.domain.writes import InboxKey, OutboxMessage, Write
    from schemas.envelope import Event

Sized: TypeAlias = "tuple[Batch, int]"
"""A batch, and how many items it has."""

_TYPES: Final[dict[type[Batch], str]] = {
    CatalogBatchProducts: "catalog.batch.products",
    CatalogBatchPrices: "catalog.batch.prices",
    CatalogBatchStock: "catalog.batch.stock",
    SyncLogisticsBatch: "sync.logistics.batch",
}

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
        followers: the requests that joined it, each with its ``traceparent``.
    """

    key: InboxKey
    traceparent: str | None
    row: SyncLogRow
    changed: int
    failures: tuple[FailedPart, ...]
    followers: tuple[tuple[InboxKey, str | None], ...] = ()


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

    def refuse(self, items: Iterable[str], refusal: Rejected, reason: str) -> None:
        """Count the items of a call that the supplier refused."""
        self.refusal = refusal
        for item in items:
            self.fail(item, reason)

    def refuse_all(self, refusal: Rejected, reason: str) -> None:
        """Note that the supplier refused to say which items there are."""
        self.refusal = refusal
        self.failures.append(FailedPart("", reason))

    def succeed(self, *, changed: bool) -> None:
        """Count one item that is up to date now."""
        self.succeeded += 1
        self.changed += changed

    def counted(
        self,
        batch: Batch,
        *,
        began: datetime,
        now: datetime,
        following: Sequence[Sized] = (),
        number: int | None = None,
    ) -> CountBatch:
        """Return the counts as they are written, under the batch's number or another one."""
        return CountBatch(
            batch.sync_id,
            batch.number if number is None else number,
            BatchStatus.DONE,
            succeeded=self.succeeded,
            changed=self.changed,
            failed=self.failed,
            failures=tuple(self.failures),
            began_at=began,
            counted_at=now,
            joined=_numbered(following),
        )


def scope_of(account: str | None, *wish: object) -> str:
    """Return what a request is about, as one text: two requests with the same ask the same supplier for the same.

    Args:
        account: id of the stored account that serves; None: the environment's.
        wish: what is asked for, as JSON can hold it; the order of a list counts.
    """
    return sha256(json.dumps([account, *wish], ensure_ascii=False).encode()).hexdigest()


def planned(
    event: Event,
    key: InboxKey,
    *,
    sync_type: SyncType,
    batches: Sequence[Sized],
    config_id: str | None,
    now: datetime,
    scope: str | None = None,
) -> Outcome:
    """Return the outcome of a request: its row, its plan and its batches as messages; finished where there are none.

    Args:
        event: the request.
        key: its inbox key.
        sync_type: of the row, whose id is `sync_log_id` of the key.
        batches: all that are known by now.
        config_id: the stored account that serves now.
        now: when it was planned.
        scope: see `PlanSync.scope`.
    """
    row = _begun(event, key, sync_type, sum(items for _, items in batches), config_id, now)
    if not batches:
        ended = _finished(replace(row, started_at=now), 0, (), now)
        return Outcome(Ending.DONE, tuple(_told(ended, 0, ())), (ended,))
    plan = PlanSync(row.id, key, event.traceparent, _numbered(batches), now, scope)
    return Outcome(Ending.DONE, messages(batches), (row, plan))


def refused(
    event: Event, key: InboxKey, reason: str, *, sync_type: SyncType, config_id: str | None, now: datetime
) -> Outcome:
    """Return the outcome of a request that cannot be carried out as it is; ``reason`` is for who sent it."""
    row = replace(
        _begun(event, key, sync_type, 0, config_id, now),
        status=SyncStatus.FAILED,
        message=reason,
        started_at=now,
        completed_at=now,
    )
    return Outcome(Ending.REFUSED, tuple(_told(row, 0, ())), (row,))


def joined(event: Event, key: InboxKey, sync_id: str, now: datetime) -> Outcome:
    """Return the outcome of a request for what the sync ``sync_id`` does already: it is told that sync's end."""
    return Outcome(Ending.DONE, (), (JoinSync(sync_id, key, event.traceparent, now),))


def messages(batches: Sequence[Sized], *, correlationid: str | None = None) -> tuple[Result, ...]:
    """Return ``batches`` as messages; ``correlationid`` is the request's, where another event than it brings them."""
    return tuple(
        Result(_TYPES[type(batch)], batch, subject=f"{batch.sync_id}/{batch.number}", correlationid=correlationid)
        for batch, _ in batches
    )


def batch_ended(
    event: Event,
    key: InboxKey,
    batch: Batch,
    tally: Tally,
    standing: BatchStanding | None,
    *,
    began: datetime,
    now: datetime,
    results: Sequence[Result] = (),
    writes: Sequence[Write] = (),
    following: Sequence[Sized] = (),
) -> Outcome:
    """Return the outcome of a batch: its counts, or a row of its own where it was counted before (a replay).

    What a supplier refused altogether goes to the ledger too.

    Args:
        event: the batch as it came.
        key: its inbox key.
        batch: its data.
        tally: what came of its items.
        standing: how it stood when it began.
        began: when that was.
        now: when it ended.
        results: what it tells beside its counts.
        writes: what it writes beside its counts.
        following: batches that it brings with it; a replay brings none.
    """
    ending = Ending.DONE if not tally.failures else Ending.PARTIAL if tally.succeeded else Ending.REFUSED
    refusal = tally.refusal if ending is Ending.REFUSED else None
    if standing is not None and standing.status is BatchStatus.OPEN:
        counted = tally.counted(batch, began=began, now=now, following=following)
        children = messages(following, correlationid=event.correlationid)
        return Outcome(ending, (*results, *children), (*writes, counted), refusal=refusal)
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
    return Outcome(ending, (*results, told), (*writes, row), refusal=refusal)


def called_off() -> Outcome:
    """Return the outcome of a batch whose sync was cancelled before it began."""
    return Outcome(Ending.SUPERSEDED, ())


def lost_batch(batch: Batch, standing: BatchStanding, *, reason: str, now: datetime) -> CountBatch:
    """Return the counts of a batch that was dead-lettered: all its items have failed, also those not known yet."""
    names = _items(batch) or ("",)
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
    row = _finished(end.row, end.changed, end.failures, now)
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


def _items(batch: Batch) -> tuple[str, ...]:
    match batch:
        case SyncLogisticsBatch():
            return batch.so_ids
        case CatalogBatchProducts() | CatalogBatchPrices() | CatalogBatchStock():
            return batch.product_codes or ()
        case _:
            return ()


def _numbered(batches: Sequence[Sized]) -> tuple[PlannedBatch, ...]:
    return tuple(PlannedBatch(batch.number, items) for batch, items in batches)


def _begun(
    event: Event, key: InboxKey, sync_type: SyncType, total: int, config_id: str | None, now: datetime
) -> SyncLogRow:
    return SyncLogRow(
        id=sync_log_id(key),
        sync_type=sync_type,
        status=SyncStatus.PENDING,
        message=WAITING,
        total_count=total,
        success_count=0,
        failed_count=0,
        created_at=now,
        started_at=None,
        completed_at=None,
        event_id=event.id,
        config_id=config_id,
    )


def _finished(row: SyncLogRow, changed: int, failures: Iterable[FailedPart], now: datetime) -> SyncLogRow:
    status = _status(row.success_count, row.failed_count)
    message = _summary(row.total_count, row.failed_count, changed)
    unknown = next((part.reason for part in failures if not part.item), None)
    if unknown is not None:
        status = SyncStatus.PARTIAL if row.success_count else SyncStatus.FAILED
        message = f"{message}; which others there are could not be learned: {unknown}"
    return replace(row, status=status, message=message, completed_at=now)


def _announced(end: SyncEnd, row: SyncLogRow, now: datetime) -> list[OutboxMessage]:
    """Return what tells of an end: to who asked first, and to all who joined."""
    told = _told(row, end.changed, end.failures)
    rows = outgoing(told, key=end.key, correlationid=end.key.event_id, traceparent=end.traceparent, now=now)
    for key, traceparent in end.followers:
        # The row is one row: that it is finished is told once.
        rows += outgoing(told[:1], key=key, correlationid=key.event_id, traceparent=traceparent, now=now)
    return rows


def _told(row: SyncLogRow, changed: int, failures: Iterable[FailedPart]) -> list[Result]:
    told = recorded(row)
    completed = SyncCompleted(
        sync_log=told,
        changed=changed,
        unchanged=row.success_count - changed,
        failed=tuple(_named(row.sync_type, part) for part in failures if part.item),
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
