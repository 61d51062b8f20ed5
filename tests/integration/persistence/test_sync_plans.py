"""Plans of batches on both databases: a batch counts once, a sync is closed once, whoever tries and how many."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from consumer.domain.sync_plan import BatchStanding
from consumer.domain.sync_writes import BatchStatus, CloseSync, CountBatch, FailedPart, PlannedBatch, PlanSync
from consumer.domain.writes import SyncLogRow, SyncStatus, SyncType
from consumer.persistence.store import Store
from tests.integration.persistence.making import NOW, entry, key, kinds, message, unit

if TYPE_CHECKING:
    from sqlalchemy import Connection

BATCHES = 12
ROW = SyncLogRow("s", SyncType.LOGISTICS, SyncStatus.PENDING, "m", 60, 0, 0, NOW, None, None, "e1")
PLAN = PlanSync("s", key("e1"), "00-trace", tuple(PlannedBatch(number, 5) for number in range(1, BATCHES + 1)), NOW)


def count(number: int, *, failed: int = 0, sync_id: str = "s", status: BatchStatus = BatchStatus.DONE) -> CountBatch:
    return CountBatch(
        sync_id,
        number,
        status,
        succeeded=5 - failed,
        changed=2 if failed < 3 else 0,
        failed=failed,
        failures=tuple(FailedPart(f"{number}-{place}", "为什么") for place in range(failed)),
        began_at=NOW + timedelta(minutes=number),
        counted_at=NOW + timedelta(minutes=number, seconds=30),
    )


async def planned(store: Store) -> None:
    assert await store.apply([unit(entry("e1"), ROW, PLAN)]) == [None]


async def row(store: Store, id_: str = "s") -> SyncLogRow:
    found = await store.sync_log(id_)
    assert found is not None
    return found


async def test_counts_are_added_to_the_row_as_batches_end(store: Store) -> None:
    await planned(store)
    assert await row(store) == ROW
    assert await store.apply([unit(count(2)), unit(count(1, failed=1))]) == [None, None]
    assert await row(store) == replace(
        ROW,
        status=SyncStatus.PROCESSING,
        success_count=9,
        failed_count=1,
        started_at=NOW + timedelta(minutes=1),
    )
    assert await store.syncs.batch("s", 1) == BatchStanding(5, BatchStatus.DONE)
    assert await store.syncs.batch("s", 3) == BatchStanding(5, BatchStatus.OPEN)
    assert await store.syncs.batch("s", 99) is None


async def test_a_batch_counts_once_and_a_second_count_takes_only_its_unit_out(store: Store) -> None:
    await planned(store)
    assert await store.apply([unit(count(1), entry("b1"))]) == [None]
    outcomes = await store.apply(
        [
            unit(count(1), entry("b1-again"), message("m1")),
            unit(count(2), entry("b2")),
            unit(count(2), entry("b2-again")),
            unit(count(99)),
            unit(count(1, sync_id="nobody's")),
        ]
    )
    assert kinds(outcomes) == ["BatchCounted", "-", "BatchCounted", "BatchCounted", "BatchCounted"]
    assert (await row(store)).success_count == 10
    assert set(await store.inbox([key(name) for name in ("b1", "b1-again", "b2", "b2-again")])) == {
        key("b1"),
        key("b2"),
    }


async def test_a_sync_is_over_when_no_batch_is_open(store: Store) -> None:
    await planned(store)
    await store.apply([unit(count(number, failed=number % 4)) for number in range(1, BATCHES)])
    assert await store.syncs.ended() == []
    assert kinds(await store.apply([unit(CloseSync("s"))])) == ["SyncNotOver"]
    await store.apply([unit(count(BATCHES, failed=5, status=BatchStatus.LOST))])
    (end,) = await store.syncs.ended()
    assert (end.key, end.traceparent, end.row) == (key("e1"), "00-trace", await row(store))
    assert (end.row.success_count, end.row.failed_count) == (60 - 23, 23)
    assert end.changed == 16
    assert [part.item for part in end.failures][:3] == ["1-0", "2-0", "2-1"]
    assert len(end.failures) == 23
    closed = replace(end.row, status=SyncStatus.PARTIAL, completed_at=NOW)
    assert kinds(await store.apply([unit(CloseSync("s"), closed), unit(CloseSync("s"))])) == ["-", "SyncNotOver"]
    assert await store.syncs.ended() == []
    assert await row(store) == closed


async def test_a_closed_sync_takes_no_more_counts(store: Store) -> None:
    await store.apply([unit(ROW, replace(PLAN, batches=(PlannedBatch(1, 60),)))])
    await store.apply([unit(count(1))])
    ended = replace(await row(store), status=SyncStatus.SUCCESS, completed_at=NOW)
    assert await store.apply([unit(CloseSync("s"), ended)]) == [None]
    assert kinds(await store.apply([unit(count(1))])) == ["BatchCounted"]
    assert await row(store) == ended


async def test_no_more_than_a_hundred_failures_are_read(store: Store) -> None:
    plan = replace(PLAN, batches=tuple(PlannedBatch(number, 5) for number in range(1, 41)))
    await store.apply([unit(ROW, plan), *(unit(count(number, failed=5)) for number in range(1, 41))])
    (end,) = await store.syncs.ended()
    assert len(end.failures) == 100
    assert end.row.failed_count == 200


async def test_of_two_processes_one_counts_each_batch_and_one_closes(migrated_url: str) -> None:
    async with Store.open(migrated_url) as one, Store.open(migrated_url) as two:
        others = [replace(PLAN, sync_id=f"s{number}", key=key(f"e{number}")) for number in range(4)]
        await one.apply([unit(replace(ROW, id=plan.sync_id), plan) for plan in others])
        counts = [count(number, sync_id=plan.sync_id) for plan in others for number in range(1, BATCHES + 1)]

        async def counting(store: Store, mine: list[CountBatch]) -> list[str]:
            ends = await asyncio.gather(*(store.apply([unit(counted)]) for counted in mine))
            return kinds(outcome for (outcome,) in ends)

        outcomes = await asyncio.gather(counting(one, counts), counting(two, counts[::-1]))
        assert sorted([*outcomes[0], *outcomes[1]]) == ["-"] * len(counts) + ["BatchCounted"] * len(counts)
        for plan in others:
            assert (await row(two, plan.sync_id)).success_count == 60
        closes = [
            store.apply([unit(CloseSync(plan.sync_id), message(f"{plan.sync_id}-{side}"))])
            for plan in others
            for side, store in enumerate([one, two] * 3)
        ]
        ends = kinds(outcome for (outcome,) in await asyncio.gather(*closes))
        assert sorted(ends) == ["-"] * 4 + ["SyncNotOver"] * 20
        assert len(await one.outbox_of(key("e1"))) == 4


async def test_batches_of_closed_syncs_are_forgotten_and_no_others(store: Store) -> None:
    for sync_id in ("closed", "under-way"):
        plan = replace(PLAN, sync_id=sync_id, batches=(PlannedBatch(1, 5), PlannedBatch(2, 5)))
        await store.apply([unit(replace(ROW, id=sync_id), plan)])
    # All of `closed` ended a long time ago, and one batch of `under-way`.
    long_ago = [replace(count(number, sync_id="closed"), counted_at=NOW - timedelta(days=40)) for number in (1, 2)]
    one = replace(count(1, sync_id="under-way"), counted_at=NOW - timedelta(days=40))
    await store.apply([unit(*long_ago, one)])
    await store.apply([unit(CloseSync("closed"))])

    assert (await store.purge(timedelta(days=30))).batches == 2
    assert await store.syncs.batch("closed", 1) is None
    assert await store.syncs.batch("under-way", 1) == BatchStanding(5, BatchStatus.DONE)


async def test_the_end_of_a_sync_is_looked_for_without_reading_its_history(store: Store) -> None:
    def plan(connection: Connection) -> str:
        statement = str(store.syncs._over.compile(dialect=connection.dialect))
        if connection.dialect.name != "sqlite":
            return "sync_batches pk"
        return str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").fetchall())

    told = await store._database.read(plan)
    assert "SCAN sync_batches" not in told
