"""A sync as a plan of batches (DESIGN section 7): made by its request, counted batch by batch, closed once. No I/O.

    request → planned() → batch messages → batch_ended() each → sync_end.closed()
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
from consumer.domain.results import finished_sync_log, sync_log_id
from consumer.domain.sync_end import finished, status_of, summary, told
from consumer.domain.sync_writes import (
    BatchStatus,
    CountBatch,
    FailedPart,
    JoinSync,
    PlannedBatch,
    PlanSync,
)
from consumer.domain.writes import SyncLogRow, SyncStatus, SyncType
from schemas.internal import Batch, CatalogBatchPrices, CatalogBatchProducts, CatalogBatchStock, SyncLogisticsBatch
from schemas.results.sync import MAX_FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from consumer.domain.errors import Rejected
    from consumer.domain.writes import InboxKey, Write
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
        ended = finished(replace(row, started_at=now), 0, (), now)
        return Outcome(Ending.DONE, tuple(told(ended, 0, ())), (ended,))
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
    return Outcome(Ending.REFUSED, tuple(told(row, 0, ())), (row,))


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
        # The batches first: the lanes wait for them.
        return Outcome(ending, (*children, *results), (*writes, counted), refusal=refusal)
    total = tally.succeeded + tally.failed
    row, recorded = finished_sync_log(
        event,
        key,
        sync_type=SyncType.MANUAL,
        status=status_of(tally.succeeded, tally.failed),
        message=f"batch {batch.number} of sync {batch.sync_id} again: {summary(total, tally.failed, tally.changed)}",
        counts=(total, tally.succeeded, tally.failed),
        started_at=began,
        now=now,
    )
    return Outcome(ending, (*results, recorded), (*writes, row), refusal=refusal)


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
