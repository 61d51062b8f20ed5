"""What is written of a sync that goes in batches (DESIGN section 7): the plan, each batch's end, the sync's end.

Each write says what it needs in order to hold, as all writes do (`consumer.domain.writes`): a batch is counted once,
a sync is closed once, whoever tries how often.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.domain.writes import InboxKey


class BatchStatus(StrEnum):
    """How a batch stands."""

    OPEN = "open"
    DONE = "done"
    LOST = "lost"
    """Dead-lettered: all its items have failed. A replay mends the items, not the counts."""


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """A batch that is to be done: its number within the plan, from 1, and how many items it has."""

    number: int
    items: int


@dataclass(frozen=True, slots=True)
class PlanSync:
    """The batches of a sync; goes with its row in ``haier_sync_log``.

    Attributes:
        sync_id: id of that row.
        key: inbox key of the request; the sync's end is told under it.
        traceparent: of the request.
        batches: all of them.
        planned_at: when.
    """

    sync_id: str
    key: InboxKey
    traceparent: str | None
    batches: tuple[PlannedBatch, ...]
    planned_at: datetime


@dataclass(frozen=True, slots=True)
class FailedPart:
    """An item that failed: a product code or a ``so_id``, and why, for a person."""

    item: str
    reason: str


@dataclass(frozen=True, slots=True)
class CountBatch:
    """A batch has ended: note how, and add its counts to the row of its sync, which is ``processing`` from then on.

    Fails with `BatchCounted` where the batch is not open (any more).

    Attributes:
        sync_id: which sync.
        number: which batch of it.
        status: done or lost.
        succeeded: items, those that were up to date too.
        changed: items of these whose value really changed.
        failed: items.
        failures: the first of these by name (`schemas.results.sync.MAX_FAILED` at most).
        began_at: when work on the batch began.
        counted_at: when it ended.
    """

    sync_id: str
    number: int
    status: BatchStatus
    succeeded: int
    changed: int
    failed: int
    failures: tuple[FailedPart, ...]
    began_at: datetime
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class CloseSync:
    """The sync is over; goes with its finished row.

    Fails with `SyncNotOver` unless it is under way without an open batch: so it holds once.
    """

    sync_id: str
