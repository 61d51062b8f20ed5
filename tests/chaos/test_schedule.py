"""Two schedulers as processes, one killed -9, the service beside them: each due time once, on both databases."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from sqlalchemy import select

from consumer.domain.timetable import SOURCE, RunStatus
from consumer.domain.writes import InboxKey
from consumer.persistence.schedule_tables import schedule_runs
from tests.support.relay import Relay, eventually, killed, serving, system
from tests.support.scheduling import LEADS, LEASE, STANDS_BY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.persistence.store import Store

EVERY = timedelta(seconds=2)
SCHEDULE = {
    # Other goods each, so that no request joins the other's sync.
    "goods": {"cron": "*/2 * * * * *", "type": "sync.products.requested", "data": {"product_codes": ["BX0000001"]}},
    "fridge": {"cron": "1-59/2 * * * * *", "type": "sync.products.requested", "data": {"product_codes": ["BX0000002"]}},
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of ``schedule_runs``."""

    name: str
    due_at: datetime
    event_id: str
    status: RunStatus
    passed_over: int


async def rows(store: Store) -> dict[str, list[Row]]:
    """All of them by entry, in the order of their due times."""
    statement = select(schedule_runs).order_by(schedule_runs.c.due_at)
    found = await store._database.read(lambda connection: connection.execute(statement).all())
    result: dict[str, list[Row]] = {name: [] for name in SCHEDULE}
    for row in found:
        result[row.name].append(Row(row.name, row.due_at, row.event_id, RunStatus(row.status), row.passed_over))
    return result


@asynccontextmanager
async def scheduler(relay: Relay) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.scheduling",
        env={**os.environ, **relay.environment, "RELAY_SCHEDULE": json.dumps(SCHEDULE)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            await killed(process)


async def hears(process: asyncio.subprocess.Process, word: str) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        assert (await process.stdout.readline()).decode().strip() == word


async def test_each_due_time_once_although_one_is_killed_and_one_is_ended(amqp_url: str, database_url: str) -> None:
    async with AsyncExitStack() as stack:
        relay = await stack.enter_async_context(system(amqp_url, database_url))
        await stack.enter_async_context(serving(relay))
        first = await stack.enter_async_context(scheduler(relay))
        await hears(first, LEADS)
        second = await stack.enter_async_context(scheduler(relay))
        await hears(second, STANDS_BY)
        await _ran(relay.store, 2)
        await killed(first)
        await hears(second, LEADS)
        third = await stack.enter_async_context(scheduler(relay))
        await hears(third, STANDS_BY)
        await _ran(relay.store, 1)
        second.terminate()
        assert await asyncio.wait_for(second.wait(), 10) == 0
        await hears(third, LEADS)
        await _ran(relay.store, 1)
        third.terminate()
        assert await asyncio.wait_for(third.wait(), 10) == 0
        await _all_came_of_it(relay)


async def _ran(store: Store, more: int) -> None:
    """Wait for ``more`` requests of each entry."""

    def requested(found: dict[str, list[Row]]) -> Counter[str]:
        return Counter(row.name for kept in found.values() for row in kept if row.status is RunStatus.REQUESTED)

    begin = requested(await rows(store))

    async def enough() -> bool:
        now = requested(await rows(store))
        return all(now[name] >= begin[name] + more for name in SCHEDULE)

    await eventually(enough, within=30)


async def _all_came_of_it(relay: Relay) -> None:
    found = await rows(relay.store)
    asked = {row.event_id for kept in found.values() for row in kept if row.status is RunStatus.REQUESTED}
    for name, kept in found.items():
        # From the first to the last no due time is without its row, or its count in the row that follows.
        for earlier, later in pairwise(kept):
            assert later.due_at - earlier.due_at == EVERY * (1 + later.passed_over), name
        # Who dies takes no more along than falls into its lease.
        assert sum(row.passed_over for row in kept) <= 2 * (LEASE / EVERY + 1), name

    async def told() -> bool:
        return {result["correlationid"] for result in relay.of("sync.completed")} >= asked

    await eventually(told, within=30)
    # One sync for each request, its result under one id however often it was sent.
    ends = Counter(
        result["correlationid"] for result in {one["id"]: one for one in relay.of("sync.completed")}.values()
    )
    assert ends == Counter(asked)
    keys = [InboxKey(SOURCE, event_id) for event_id in asked]
    assert len(await relay.store.inbox(keys)) == len(asked)
    assert await relay.store.open_letters(10) == []
