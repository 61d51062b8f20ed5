"""What is written of a sync that goes in batches (DESIGN section 7): the plan, each batch's end, the sync's end.

Each write says what it needs in order to hold, as all writes do (`consumer.domain.writes`): one scope is under way
once, a batch is counted once, a sync is closed once, whoever tries how often.
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
    CANCELLED = "cancelled"
    """Its sync was cancelled by a person: it makes no call and counts nothing."""


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """A batch that is to be done: its number within the plan, from 1, and how many items it has."""

    number: int
    items: int


@dataclass(frozen=True, slots=True)
class PlanSync:
    """The batches of a sync; goes with its row in ``haier_sync_log``.

    Fails with `SyncUnderWay` where another sync of the same scope is.

    Attributes:
        sync_id: id of that row.
        key: inbox key of the request; the sync's end is told under it.
        traceparent: of the request.
        batches: those that are known by now.
        planned_at: when.
        scope: what it is about, so that the same is not done twice at a time (`sync_plan.scope_of`); None: anything
            may go on beside it.
    """

    sync_id: str
    key: InboxKey
    traceparent: str | None
    batches: tuple[PlannedBatch, ...]
    planned_at: datetime
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class JoinSync:
    """Another request for what a sync under way does already; it is told the same end.

    Fails with `SyncEnded` where the sync is not under way any more.

    Attributes:
        sync_id: the sync.
        key: inbox key of this request.
        traceparent: of this request.
        joined_at: when.
    """

    sync_id: str
    key: InboxKey
    traceparent: str | None
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class FailedPart:
    """An item that failed: a product code or a ``so_id``, and why, for a person.

    ``item`` is empty where what failed was to say which items there are.
    """

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
        joined: batches that follow from it and join the plan; their items add to the row's total.
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
    joined: tuple[PlannedBatch, ...] = ()


@dataclass(frozen=True, slots=True)
class CountPart:
    """A part of an open batch is done that nobody knew of before: it joins the plan and is counted in one step.

    Fails with `BatchCounted` where the batch is not open, or something is counted under the part's number already.

    Attributes:
        parent: number of the batch that is worked on.
        codes: the products of the part, so that a batch that begins anew leaves them out; as many items, if ``items``.
        items: how many items the part itself has.
        count: the part's number, counts, and the batches that follow from it.
    """

    parent: int
    codes: tuple[str, ...]
    items: int
    count: CountBatch

    @property
    def sync_id(self) -> str:
        """The sync that it belongs to."""
        return self.count.sync_id


@dataclass(frozen=True, slots=True)
class CloseSync:
    """The sync is over; goes with its finished row, and with what tells everybody who asked.

    Fails with `SyncNotOver` unless it is under way, without an open batch, and joined by just so many: so it holds
    once, and nobody is forgotten.

    Attributes:
        sync_id: which sync.
        followers: how many joined it.
    """

    sync_id: str
    followers: int = 0
