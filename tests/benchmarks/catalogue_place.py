"""One supplier and one database at the benchmark's broker: where a catalogue is synced, and how that is watched.

The sandbox is the ledger: how many calls came, and how many it refused with 429. The clock runs from the confirmed
request until the sync's row is closed; the service consumes by then.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, text

from consumer.persistence.catalogue_tables import prices, products, stock
from consumer.persistence.tables import outbox, sync_log
from tests.benchmarks.broker_side import COUNTED
from tests.benchmarks.cores import on
from tests.benchmarks.crew import ROOT, RoundFailed
from tests.benchmarks.field import SERVICE
from tests.benchmarks.usage import usage
from tests.support.events import event, message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Executable

    from consumer.persistence.engine import Database
    from sandbox.testing import Box
    from tests.benchmarks.broker_side import BrokerSide
    from tests.benchmarks.cores import Cores

    Crew = Sequence[asyncio.subprocess.Process]

LANE: Final = "relay.catalog"
_BY_HAND: Final = 200
"""Goods that the way by hand does: enough for a rate."""
_EVERY: Final = 0.1
_STARTING: Final = 60.0
_STANDSTILL: Final = 60.0
"""Seconds without one more item after which a sync has failed."""
_SENDING: Final = 60.0
"""Seconds after the end until all that was told has been sent."""
_STOPPING: Final = 45.0
_IDLE: Final = 11.0
"""Seconds after which an idle session of PostgreSQL has told its statistics (``PGSTAT_IDLE_INTERVAL`` is ten)."""


@dataclass(frozen=True, slots=True)
class Synced:
    """One sync, seen from outside."""

    processes: int
    goods: int
    """That the supplier lists."""
    seconds: float
    calls: int
    """That the supplier counted, logins left out."""
    refused: int
    """With 429."""
    cpu_seconds: float
    """Of all processes, start-up included."""
    peak_rss_mb: float
    """Of the largest process."""
    changes: int
    """Events `product.changed`, `price.changed`, `stock.changed`."""
    writes: int
    """Of rows of goods, prices and stock."""

    @property
    def calls_per_second(self) -> float:
        """Over the whole sync."""
        return self.calls / self.seconds

    @property
    def goods_per_second(self) -> float:
        """With all that was asked of them."""
        return self.goods / self.seconds


@dataclass(frozen=True, slots=True)
class ByHand:
    """The way by hand."""

    goods: int
    seconds: float

    @property
    def goods_per_second(self) -> float:
        """With price and stock."""
        return self.goods / self.seconds


@dataclass(frozen=True, slots=True)
class Place:
    """Where it happens; everything raises `RoundFailed` where a sync stands still or its counts are wrong."""

    broker: BrokerSide
    cores: Cores
    box: Box
    directory: Path
    database_url: str
    database: Database

    async def by_hand(self) -> ByHand:
        """Sync some goods as one would by hand."""
        told = {"BENCHMARK_DATABASE": f"sqlite:///{self.directory}/by-hand.db", "BENCHMARK_GOODS": str(_BY_HAND)}
        with on(self.cores.worker):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.benchmarks.contestants.catalogue_by_hand",
                cwd=ROOT, env={**os.environ, **self.box.environment(), **told}, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
        output, _ = await process.communicate()
        if process.returncode:
            raise RoundFailed(f"the way by hand ended with {process.returncode}")
        return ByHand(**json.loads(output))

    @asynccontextmanager
    async def served(self, quota: int, *, processes: int = 1) -> AsyncIterator[Crew]:
        """The service, consuming within the block, with a quota of calls a second."""
        async with AsyncExitStack() as stack:
            # Several on one core would measure how they wait for it.
            cores = self.cores.worker if processes == 1 else self.cores.worker | self.cores.broker
            with on(cores):
                crew = [await stack.enter_async_context(self._process(number, quota)) for number in range(processes)]
            await _until(_STARTING, lambda: self._consume(processes))
            yield crew

    async def sync(self, crew: Crew, name: str, wish: Mapping[str, object]) -> Synced:
        """Have ``crew`` carry out a `sync.products.requested`; ``name``: the event's id."""
        await self.broker.empty()
        await self.box.reset()
        written, before = await self._written(), [usage(process.pid) for process in crew]
        await self.broker.publish(message(event("sync.products.requested", dict(wish), event_id=name)))
        began = time.perf_counter()
        row = await self._ended(name, crew)
        seconds = time.perf_counter() - began
        await _until(_SENDING, self._all_sent)
        after = [usage(process.pid) for process in crew]
        goods = await self._one(select(func.count()).select_from(products))
        if goods == 0 or row.total_count not in {goods, 3 * goods} or row.status == "failed":
            raise RoundFailed(f"the sync ended as {row} with {goods} goods")
        summary = await self.box.summary()
        calls = {call: count for call, count in summary["operations"].items() if call.startswith("haier.")}
        return Synced(
            processes=len(crew),
            goods=goods,
            seconds=seconds,
            calls=sum(calls.values()) - calls.get("haier.token", 0),
            refused=summary["throttled"]["haier"],
            cpu_seconds=sum(one.cpu_seconds for one in after) - sum(one.cpu_seconds for one in before),
            peak_rss_mb=max(one.peak_rss_mb for one in after),
            changes=await self.broker.ready(COUNTED),
            writes=await self._written() - written,
        )

    async def database_seconds(self) -> float:
        """PostgreSQL's ``pg_stat_database.active_time``: in which statements ran, over all sessions, until now."""
        await asyncio.sleep(_IDLE)
        counted = text("SELECT active_time FROM pg_stat_database WHERE datname = current_database()")
        return float(await self._one(counted)) / 1000

    @asynccontextmanager
    async def _process(self, number: int, quota: int) -> AsyncIterator[asyncio.subprocess.Process]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("RELAY_", "HAIER_", "YLH_"))}
        settings = {
            "RELAY_AMQP_URL": self.broker.url,
            "RELAY_DATABASE_URL": self.database_url,
            "RELAY_LOG_DIR": str(self.directory / f"logs-{number}"),
            "RELAY_HTTP_PORT": "0",
            "RELAY_RATE_LIMIT": f"{quota}/s",
        }
        log = self.directory / f"service-{number}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", SERVICE.module,
                cwd=ROOT, env={**kept, **self.box.environment(), **settings}, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            if await asyncio.wait_for(process.wait(), _STOPPING):
                raise RoundFailed(f"the service ended with exit code {process.returncode}")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _consume(self, processes: int) -> bool:
        return await self.broker.consumers(LANE) == processes

    async def _ended(self, name: str, crew: Crew) -> Any:
        done, moved = -1, time.perf_counter()
        while True:
            await asyncio.sleep(_EVERY)
            if any(process.returncode is not None for process in crew):
                raise RoundFailed("the service ended before the sync did")
            row = await self._row(name)
            if row is not None and row.completed_at is not None:
                return row
            counted = row.success_count + row.failed_count if row is not None else 0
            now = time.perf_counter()
            if counted > done:
                done, moved = counted, now
            elif now - moved > _STANDSTILL:
                raise RoundFailed(f"the sync stands still at {done:,} items")

    async def _all_sent(self) -> bool:
        return not await self._one(select(func.count()).where(outbox.c.status == "pending"))

    async def _written(self) -> int:
        """How often rows of goods, prices and stock have been written since the database is there."""
        sums = [select(func.coalesce(func.sum(table.c.row_version), 0)) for table in (products, prices, stock)]
        return sum([int(await self._one(one)) for one in sums])

    async def _row(self, event_id: str) -> Any:
        wanted = select(sync_log).where(sync_log.c.event_id == event_id)
        return await self.database.read(lambda connection: connection.execute(wanted).one_or_none())

    async def _one(self, statement: Executable) -> Any:
        return await self.database.read(lambda connection: connection.execute(statement).scalar_one())


async def _until(seconds: float, holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - other processes have no event to wait for
            await asyncio.sleep(_EVERY)
