"""How a sync ended, and the sync-log rows themselves (EVENTS, "Out"; columns of `haier_sync_log`: DESIGN section 5)."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.primitives import Count, EventId, Moment, Name, SoId, UuidText, Verbatim
from schemas.record import Record

MAX_FAILED = 100
"""So many failed items are named in `sync.completed` (EVENTS)."""


class SyncLogRecorded(Record):
    """One row of `haier_sync_log`, its column names."""

    id: UuidText = Field(description="Id of the row.")
    sync_type: Literal["products", "prices", "stock", "order", "logistics", "manual"] = Field(
        description="What was brought up to date."
    )
    status: Literal["pending", "processing", "success", "failed", "partial"] = Field(
        description="partial: some items failed, the others stand."
    )
    message: Verbatim | None = Field(description="What happened, for a person.")
    total_count: Count = Field(description="Items in the plan (one good in one part; one order).")
    success_count: Count = Field(description="Items that succeeded.")
    failed_count: Count = Field(description="Items that failed.")
    started_at: Moment | None = Field(description="When work on it began.")
    completed_at: Moment | None = Field(description="When it ended.")
    created_at: Moment = Field(description="When the row was made.")
    config_id: UuidText | None = Field(default=None, description="Stored account that it ran with; null: settings.")
    event_id: EventId | None = Field(default=None, description="Id of the event that asked for it.")


class FailedItem(Record):
    """One good that could not be brought up to date."""

    product_code: Name = Field(description="Haier's product code.")
    reason: Verbatim = Field(description="Why.")


class FailedOrder(Record):
    """One order whose shipments could not be brought up to date; only syncs of logistics have such."""

    so_id: SoId = Field(description="The shop's sub-order number.")
    reason: Verbatim = Field(description="Why.")


class SyncCompleted(Record):
    """A sync has ended."""

    sync_log: SyncLogRecorded = Field(description="Its haier_sync_log row.")
    changed: Count = Field(description="Items whose value really changed.")
    unchanged: Count = Field(description="Items that were up to date.")
    failed: Annotated[tuple[FailedItem | FailedOrder, ...], Field(max_length=MAX_FAILED)] = Field(
        default=(), description="The first hundred that failed."
    )
