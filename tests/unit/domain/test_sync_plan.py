"""What a plan's batches come to: counts add up, the end is told once under the request, failed items have names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.sync_end import SyncEnd, closed
from consumer.domain.sync_plan import BatchStanding, Tally, lost_batch
from consumer.domain.sync_writes import BatchStatus, CloseSync, FailedPart
from consumer.domain.writes import InboxKey, SyncLogRow, SyncStatus, SyncType
from schemas.codec import decode
from schemas.internal import CatalogBatchPrices, CatalogBatchProducts, CatalogBatchStock, SyncLogisticsBatch

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
SYNC = "7d0a7d3e-5f6b-4f0e-9a51-0c9f3f1f2b11"
KEY = InboxKey("/shop", "sync-1")
ROW = SyncLogRow(SYNC, SyncType.LOGISTICS, SyncStatus.PROCESSING, "running", 10, 8, 2, NOW, NOW, None, "sync-1")
END = SyncEnd(KEY, None, ROW, changed=3, failures=(FailedPart("SO-1", "why"), FailedPart("SO-2", "怎么回事")))


def told(end: SyncEnd) -> list[Any]:
    _, rows, _ = closed(end, NOW)
    return [decode(row.body, routing_key=row.routing_key) for row in rows]


def test_the_end_is_one_unit_of_work_with_the_finished_row_and_both_results() -> None:
    unit, rows, row = closed(END, NOW)
    assert unit.writes == (CloseSync(SYNC), row, *rows)
    assert (row.status, row.completed_at, row.success_count) == (SyncStatus.PARTIAL, NOW, 8)
    completed, recorded = told(END)
    assert (completed.type, recorded.type) == ("sync.completed", "sync_log.recorded")
    assert {completed.correlationid, recorded.correlationid} == {"sync-1"}
    assert (completed.data.changed, completed.data.unchanged) == (3, 5)
    assert [(failed.so_id, failed.reason) for failed in completed.data.failed] == [
        ("SO-1", "why"),
        ("SO-2", "怎么回事"),
    ]


def test_whoever_closes_tells_the_same() -> None:
    assert [row.id for row in closed(END, NOW)[1]] == [row.id for row in closed(END, NOW.replace(hour=9))[1]]


def test_failed_goods_are_named_by_their_code() -> None:
    completed, _ = told(replace(END, row=replace(ROW, sync_type=SyncType.PRICES)))
    assert [failed.product_code for failed in completed.data.failed] == ["SO-1", "SO-2"]


@pytest.mark.parametrize(
    ("succeeded", "failed", "status"),
    [(10, 0, SyncStatus.SUCCESS), (1, 9, SyncStatus.PARTIAL), (0, 10, SyncStatus.FAILED), (0, 0, SyncStatus.SUCCESS)],
)
def test_how_a_sync_ends(succeeded: int, failed: int, status: SyncStatus) -> None:
    row = replace(ROW, success_count=succeeded, failed_count=failed)
    assert closed(replace(END, row=row, changed=0), NOW)[2].status is status


@pytest.mark.parametrize(
    ("batch", "names"),
    [
        (SyncLogisticsBatch(sync_id=SYNC, number=1, so_ids=("SO-1", "SO-2")), ["SO-1", "SO-2"]),
        (CatalogBatchPrices(sync_id=SYNC, number=1, product_codes=("A", "B")), ["A", "B"]),
        (CatalogBatchStock(sync_id=SYNC, number=1, product_codes=("A", "B"), county_code="330106"), ["A", "B"]),
        # Nobody knows which items: the end says so.
        (CatalogBatchProducts(sync_id=SYNC, number=1), [""]),
    ],
)
def test_a_lost_batch_has_failed_with_all_its_items(batch: Any, names: list[str]) -> None:
    lost = lost_batch(batch, BatchStanding(2, BatchStatus.OPEN), reason="killed", now=NOW)
    assert (lost.status, lost.succeeded, lost.changed, lost.failed) == (BatchStatus.LOST, 0, 0, 2)
    assert [(part.item, part.reason) for part in lost.failures] == [(name, "killed") for name in names]


@given(st.lists(st.sampled_from(["changed", "same", "failed"]), max_size=300))
def test_every_item_counts_once_and_the_first_hundred_failures_have_names(ends: list[str]) -> None:
    tally = Tally()
    for number, end in enumerate(ends):
        if end == "failed":
            tally.fail(f"SO-{number}", "why")
        else:
            tally.succeed(changed=end == "changed")
    assert tally.succeeded + tally.failed == len(ends)
    assert tally.changed == ends.count("changed")
    assert len(tally.failures) == min(tally.failed, 100)
