"""Which unit of work did not hold, and why: looked up once the database has said that some condition failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.errors import AlreadyDone, BatchCounted, OrderTaken, StaleOrder, StateError, SyncNotOver
from consumer.domain.sync_writes import CloseSync, CountBatch
from consumer.domain.writes import InboxEntry, InboxKey, SaveOrder, UnitOfWork
from consumer.persistence.orders import Standing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def failure(
    unit: UnitOfWork,
    *,
    done: Collection[InboxKey],
    standing: Mapping[str, Standing],
    countable: Collection[tuple[str, int]],
    closable: Collection[str],
) -> StateError | None:
    """Return which condition of ``unit`` does not hold; None: all of them do now.

    An event that is done comes first: nothing else about its unit matters then.

    Args:
        unit: what was to be written.
        done: keys that are in the inbox.
        standing: how each order's save stands to its row.
        countable: batches of syncs that are open.
        closable: syncs under way that have no open batch.
    """
    for write in unit.writes:
        if isinstance(write, InboxEntry) and write.key in done:
            return AlreadyDone(write.key.event_id)
    for write in unit.writes:
        match write:
            case SaveOrder() if standing[write.order.so_id] is Standing.TAKEN:
                return OrderTaken(write.order.so_id)
            case SaveOrder() if standing[write.order.so_id] is Standing.STALE:
                return StaleOrder(write.order.so_id)
            case CountBatch() if (write.sync_id, write.number) not in countable:
                return BatchCounted(write.sync_id, write.number)
            case CloseSync() if write.sync_id not in closable:
                return SyncNotOver(write.sync_id)
            case _:
                pass
    return None
