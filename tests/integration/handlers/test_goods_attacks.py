"""Syncs of goods under attack, on both databases: races of those who plan, join, count, cancel and close.

The law: each sync ends once, everybody who asked is told once, and what was not cancelled adds up.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from consumer.domain.audit import AuditEntry
from consumer.domain.errors import Stale, StateError
from consumer.domain.sync_end import closed
from consumer.domain.writes import InboxKey
from consumer.persistence.store import Store
from schemas.codec import decode
from schemas.registry import is_result
from schemas.results import SyncCompleted
from tests.support.goods_line import GoodsLine, Haier, Listed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.domain.looks import Look
    from consumer.domain.product import Product
    from schemas.envelope import Event

HANGZHOU, QINGDAO = "330106", "370202"


def codes(count: int) -> list[str]:
    return [f"BX{number:04}" for number in range(count)]


def _act(actor: str) -> AuditEntry:
    return AuditEntry(actor, "sync.cancel", datetime.now(UTC), None, "attack")


async def _told(store: Store, *requests: str) -> list[Event]:
    """Return all that was told under those requests, whoever told it."""
    rows = [row for id_ in requests for row in await store.outbox_of(InboxKey("/shop", id_))]
    return [event for row in rows if is_result((event := decode(row.body, routing_key=row.routing_key)).type)]


@dataclass
class Crowd:
    """Several processes at one database: each a line with a store of its own, all at one queue."""

    lines: list[GoodsLine]
    lots: random.Random
    queue: list[Event] = field(default_factory=list)
    closings: Counter[str] = field(default_factory=Counter)
    cancellings: Counter[str] = field(default_factory=Counter)
    asking: bool = True

    def __post_init__(self) -> None:
        for line in self.lines:
            line.queue = self.queue

    async def ask(self, requests: int, **wish: Any) -> None:
        """Send the same request again and again, now to one process, now to two at the same moment."""
        for number in range(requests):
            await asyncio.gather(
                *(
                    line.send("sync.products.requested", f"e{number}-{place}", **wish)
                    for place, line in enumerate(self.lines)
                )
            )
            await asyncio.sleep(self.lots.random() / 30)
        self.asking = False

    async def work(self, line: GoodsLine) -> None:
        """Carry batches; some of them by two processes at the same moment."""
        while not await self.is_over():
            if not self.queue:
                await asyncio.sleep(0.003)
                continue
            event = self.queue.pop(self.lots.randrange(len(self.queue)))
            whose = self.lines if self.lots.random() < 0.4 else [line]
            await asyncio.gather(*(self._carry(each, event) for each in whose))

    async def _carry(self, line: GoodsLine, event: Event) -> None:
        try:
            await line.carry(event)
        except Stale:
            self.queue.append(event)

    async def close(self, line: GoodsLine) -> None:
        """Close what is over."""
        while not await self.is_over():
            for end in await line.store.syncs.ended():
                unit, _, row = closed(end, datetime.now(UTC))
                try:
                    await line.books.commit(unit)
                except StateError:
                    continue
                self.closings[row.id] += 1
            await asyncio.sleep(0.002)

    async def cancel(self, line: GoodsLine, times: int) -> None:
        """Cancel whatever is under way, now and then."""
        for _ in range(times):
            await asyncio.sleep(self.lots.random() / 10)
            for row in await line.store.recent_sync_logs(5):
                if row.completed_at is None and await line.store.cancelling.cancel(row.id, _act("li")) is not None:
                    self.cancellings[row.id] += 1
                    break

    async def is_over(self) -> bool:
        """Tell whether nobody asks any more and every sync has ended."""
        return not self.asking and all(
            row.completed_at is not None for row in await self.lines[0].store.recent_sync_logs(1_000)
        )


@pytest.mark.parametrize("seed", range(3))
async def test_whoever_races_each_sync_ends_once_and_tells_everybody(migrated_url: str, seed: int) -> None:
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(Store.open(migrated_url)) for _ in range(2)]
        asked = [f"e{number}-{place}" for number in range(8) for place in range(2)]
        haier = Haier().stocked(*codes(120))
        crowd = Crowd([GoodsLine(store, haier) for store in stores], random.Random(seed))  # noqa: S311 - no secret
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(crowd.ask(8, product_codes=codes(120), with_prices=True))
            group.create_task(crowd.cancel(crowd.lines[1], 3))
            for line in crowd.lines:
                group.create_task(crowd.close(line))
                for _ in range(2):
                    group.create_task(crowd.work(line))
        rows = {row.id: row for row in await stores[0].recent_sync_logs(1_000)}
        told = await _told(stores[0], *asked)
    ended = crowd.closings + crowd.cancellings
    assert ended == Counter(rows.keys())
    assert Counter(event.correlationid for event in told if event.type == "sync.completed") == Counter(asked)
    recorded = Counter(event.subject for event in told if event.type == "sync_log.recorded")
    assert recorded == Counter(rows.keys())
    for id_, row in rows.items():
        if id_ in crowd.closings:
            assert (row.status, row.success_count, row.failed_count, row.total_count) == ("success", 240, 0, 240)
        else:
            assert (row.status, row.message[:15]) == ("failed", "cancelled by li")
            assert row.success_count + row.failed_count <= row.total_count
    for event in told:
        if isinstance(event.data, SyncCompleted):
            log = event.data.sync_log
            assert (log.status, log.success_count) == (rows[log.id].status.value, rows[log.id].success_count)


async def test_who_cancels_and_who_closes_at_the_same_moment_do_not_wait_for_each_other(migrated_url: str) -> None:
    async with Store.open(migrated_url) as one, Store.open(migrated_url) as two:
        line = GoodsLine(one, Haier().stocked("A"))
        crowd = Crowd([line], random.Random(1))  # noqa: S311 - no secret
        for number in range(40):
            await line.send("sync.products.requested", f"e{number}", product_codes=["A"])
            await line.carry(line.queue.pop())
            [end] = await one.syncs.ended()
            unit, _, row = closed(end, datetime.now(UTC))

            async def close(unit: Any = unit, id_: str = row.id) -> None:
                [outcome] = await one.apply([unit])
                if outcome is None:
                    crowd.closings[id_] += 1
                else:
                    assert isinstance(outcome, StateError)

            async def cancel(id_: str = row.id) -> None:
                if await two.cancelling.cancel(id_, _act("li")) is not None:
                    crowd.cancellings[id_] += 1

            await asyncio.gather(close(), cancel())
            assert crowd.closings[row.id] + crowd.cancellings[row.id] == 1


class LongList(Haier):
    """A list that takes its time between its parts, in another order for each who reads it."""

    @asynccontextmanager
    async def listing(self) -> AsyncIterator[Listed]:
        goods = list(self.goods.values())
        random.Random(len(self.calls)).shuffle(goods)  # noqa: S311 - no secret
        self.calls.append("listing")
        yield SlowList(goods, [])


class SlowList(Listed):
    async def parts(self, size: int) -> AsyncIterator[Look[Product]]:
        async for look in super().parts(size):
            await asyncio.sleep(random.random() / 50)  # noqa: S311 - no secret
            yield look


async def test_two_who_read_one_list_at_the_same_time_count_each_good_once(migrated_url: str) -> None:
    async with Store.open(migrated_url) as one, Store.open(migrated_url) as two:
        haier = LongList().stocked(*codes(1_700))
        lines = [GoodsLine(one, haier), GoodsLine(two, haier)]
        await lines[0].send("sync.products.requested", with_prices=True)
        the_list = lines[0].queue.pop()

        async def read(line: GoodsLine) -> None:
            while True:
                try:
                    await line.carry(the_list)
                except Stale:
                    continue
                return

        await asyncio.gather(*map(read, lines))
        lines[0].queue += lines[1].queue
        await lines[0].run()
        [row] = await one.recent_sync_logs(9)
        assert (row.status, row.total_count, row.success_count) == ("success", 3_400, 3_400)
        assert len(await one.catalogue.prices(codes(1_700))) == 1_700
        changed = Counter(
            (event.type, event.subject) for line in lines for event in line.told if event.type.endswith(".changed")
        )
        assert set(changed.values()) == {1}
        assert len(changed) == 3_400


async def test_a_list_that_is_cancelled_while_it_is_read_stops_and_counts_no_more(migrated_url: str) -> None:
    async with Store.open(migrated_url) as one, Store.open(migrated_url) as two:
        line = GoodsLine(one, LongList().stocked(*codes(1_700)))
        await line.send("sync.products.requested", with_prices=True)
        await line.send("sync.products.requested", "e2", with_prices=True)
        [plan] = await one.recent_sync_logs(9)
        the_list = line.queue.pop()
        reading = asyncio.create_task(line.carry(the_list))
        while not (await two.syncs.parts(plan.id)):  # noqa: ASYNC110 - another process is what is waited for
            await asyncio.sleep(0.001)
        ended = await two.cancelling.cancel(plan.id, _act("li"))
        with pytest.raises(Stale):
            await reading
        calls = len(line.haier.calls)
        line.queue.append(the_list)
        await line.run()
        assert len(line.haier.calls) == calls
        assert ended is not None
        assert await one.sync_log(plan.id) == ended
        assert 500 <= ended.success_count < 1_700
        told = await _told(two, "e1", "e2")
        assert Counter(event.correlationid for event in told if event.type == "sync.completed") == {"e1": 1, "e2": 1}


async def test_many_who_ask_one_process_at_the_same_moment_are_one_sync(store: Store) -> None:
    line = GoodsLine(store, Haier().stocked("A"))
    await asyncio.gather(
        *(line.send("sync.prices.requested", f"e{number}", product_codes=["A"]) for number in range(9))
    )
    assert len(line.queue) == 1
    await line.run()
    assert sorted(event.correlationid or "" for event in line.of("sync.completed")) == [f"e{n}" for n in range(9)]
    assert len(await store.recent_sync_logs(9)) == 1
