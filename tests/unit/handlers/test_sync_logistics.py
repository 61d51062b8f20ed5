"""Requests for logistics syncs: planned in hundreds, whether named or found, and never cut."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING, Any

from consumer.domain.results import outgoing
from consumer.domain.sync_writes import PlanSync
from consumer.domain.writes import InboxKey, SyncLogRow, SyncStatus
from consumer.handlers.sync_logistics import SyncLogisticsHandler
from schemas.codec import decode
from tests.support.events import event
from tests.unit.handlers.logistics_world import NOW, SYNC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.outcome import Outcome


REQUEST = InboxKey("/shop", "sync-1")


class Open:
    """Open orders, by pages."""

    def __init__(self, so_ids: Sequence[str] = ()) -> None:
        self._so_ids = sorted(so_ids)
        self.pages = 0

    async def open_orders(self, *, after: str, limit: int) -> Sequence[str]:
        self.pages += 1
        return [so_id for so_id in self._so_ids if so_id > after][:limit]


async def account() -> str:
    return SYNC


async def planned(books: Open, **data: Any) -> Outcome:
    document = event("sync.logistics.requested", data, event_id="sync-1")
    return await SyncLogisticsHandler(books, account)(decode(json.dumps(document).encode()), REQUEST)


async def test_a_long_list_is_split_and_never_cut() -> None:
    so_ids = [f"SO-{number}" for number in range(250)]
    outcome = await planned(Open(), so_ids=[*so_ids, *so_ids[:9]], detail=True)
    batches: list[Any] = [result.data for result in outcome.results]
    assert [len(batch.so_ids) for batch in batches] == [100, 100, 50]
    assert [so_id for batch in batches for so_id in batch.so_ids] == so_ids
    assert {(batch.detail, batch.with_photos) for batch in batches} == {(True, False)}
    assert len({result.subject for result in outcome.results}) == 3
    row, plan = outcome.writes
    assert isinstance(row, SyncLogRow)
    assert (row.status, row.total_count, row.config_id, row.event_id) == (SyncStatus.PENDING, 250, SYNC, "sync-1")
    assert isinstance(plan, PlanSync)
    assert (plan.sync_id, plan.key) == (row.id, REQUEST)
    assert [(batch.number, batch.items) for batch in plan.batches] == [(1, 100), (2, 100), (3, 50)]


async def test_all_open_orders_are_found_page_by_page() -> None:
    books = Open([f"SO-{number:05}" for number in range(2_345)])
    outcome = await planned(books, scope="open")
    assert len(outcome.results) == 24
    assert books.pages == 4


async def test_thirty_thousand_open_orders_are_planned_in_a_few_megabytes() -> None:
    books = Open([f"SO.20251122.{number:012}" for number in range(30_000)])
    tracemalloc.start()
    try:
        outcome = await planned(books, scope="open")
        rows = outgoing(outcome.results, key=REQUEST, correlationid="sync-1", traceparent=None, now=NOW)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(rows) == 300
    assert peak < 20_000_000


async def test_nothing_open_ends_at_once() -> None:
    outcome = await planned(Open(), scope="open")
    (row,) = outcome.writes
    assert isinstance(row, SyncLogRow)
    assert (row.status, row.completed_at is None) == (SyncStatus.SUCCESS, False)
    assert [result.type for result in outcome.results] == ["sync.completed", "sync_log.recorded"]
