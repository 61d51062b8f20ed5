"""Which unit of work did not hold, and why: looked up once the database has said that some condition failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumer.domain.errors import (
    AlreadyDone,
    BatchCounted,
    OrderTaken,
    StaleGoods,
    StaleOrder,
    StateError,
    SyncEnded,
    SyncNotOver,
    SyncUnderWay,
)
from consumer.domain.sync_writes import CloseSync, CountBatch, CountPart, JoinSync, PlanSync
from consumer.domain.writes import InboxEntry, InboxKey, SaveOrder, SavePrices, SaveProducts, SaveStock, UnitOfWork
from consumer.persistence.orders import Standing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from consumer.domain.writes import Write


@dataclass(frozen=True, slots=True)
class Found:
    """What the database says now of all that the units of a failed commit touch.

    Attributes:
        done: keys that are in the inbox.
        standing: how each order's save stands to its row.
        countable: batches of syncs that are open.
        counted: batches of syncs that are there at all.
        under_way: syncs under way, each with its scope.
        closable: syncs under way that have no open batch, each with how many joined it.
        stale: goods whose row has changed, as (kind, key …).
    """

    done: Collection[InboxKey] = ()
    standing: Mapping[str, Standing] = field(default_factory=dict)
    countable: Collection[tuple[str, int]] = ()
    counted: Collection[tuple[str, int]] = ()
    under_way: Mapping[str, str | None] = field(default_factory=dict)
    closable: Mapping[str, int] = field(default_factory=dict)
    stale: Collection[tuple[str, ...]] = ()


def failure(unit: UnitOfWork, found: Found) -> StateError | None:
    """Return which condition of ``unit`` does not hold; None: all of them do now.

    An event that is done comes first: nothing else about its unit matters then.
    """
    for write in unit.writes:
        if isinstance(write, InboxEntry) and write.key in found.done:
            return AlreadyDone(write.key.event_id)
    for write in unit.writes:
        failed = _of_order(write, found) or _of_goods(write, found) or _of_sync(write, found)
        if failed is not None:
            return failed
    return None


def _of_order(write: Write, found: Found) -> StateError | None:
    match write:
        case SaveOrder() if found.standing[write.order.so_id] is Standing.TAKEN:
            return OrderTaken(write.order.so_id)
        case SaveOrder() if found.standing[write.order.so_id] is Standing.STALE:
            return StaleOrder(write.order.so_id)
        case _:
            return None


def _of_goods(write: Write, found: Found) -> StateError | None:
    keys: list[tuple[str, ...]]
    match write:
        case SaveProducts():
            keys = [("products", change.new.product_code) for change in write.changes]
        case SavePrices():
            keys = [("prices", change.new.product_code) for change in write.changes]
        case SaveStock():
            keys = [("stock", change.new.product_code, change.new.county_code) for change in write.changes]
        case _:
            return None
    return next((StaleGoods(key[1]) for key in keys if key in found.stale), None)


def _of_sync(write: Write, found: Found) -> StateError | None:  # noqa: PLR0911 (one answer for each condition)
    match write:
        case PlanSync():
            other = next((id_ for id_, scope in found.under_way.items() if scope == write.scope), write.sync_id)
            return SyncUnderWay(other) if write.scope is not None and other != write.sync_id else None
        case JoinSync() if write.sync_id not in found.under_way:
            return SyncEnded(write.sync_id)
        case CountBatch() if (write.sync_id, write.number) not in found.countable:
            return BatchCounted(write.sync_id, write.number)
        case CountBatch() if write.joined and write.sync_id not in found.under_way:
            return BatchCounted(write.sync_id, write.number)
        case CountPart() if (write.count.sync_id, write.parent) not in found.countable:
            return BatchCounted(write.count.sync_id, write.parent)
        case CountPart() if (write.count.sync_id, write.count.number) in found.counted:
            return BatchCounted(write.count.sync_id, write.count.number)
        case CloseSync() if found.closable.get(write.sync_id) != write.followers:
            return SyncNotOver(write.sync_id)
        case _:
            return None
