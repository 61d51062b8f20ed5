"""A catalogue synced through the whole service: at the quota's pace, against one by one, again unchanged, at full size.

The sandbox is the ledger: how many calls came, and how many it refused with 429. The clock runs from the confirmed
request until the sync's row is closed; the service consumes by then. Each place has a fresh database: a SQLite file, or
one of a private PostgreSQL, which counts its own time.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, text

from consumer.persistence import migrations
from consumer.persistence.catalogue_tables import prices, products, stock
from consumer.persistence.engine import open_database
from consumer.persistence.tables import outbox, sync_log
from sandbox.config import SandboxConfig
from sandbox.testing import sandbox_process
from tests.benchmarks.broker_side import COUNTED
from tests.benchmarks.cores import on
from tests.benchmarks.measuring import ROOT, SERVICE, RoundFailed
from tests.benchmarks.usage import usage
from tests.support.events import event, message
from tests.support.postgres import create_database, private_postgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from sqlalchemy import Executable

    from consumer.persistence.engine import Database
    from sandbox.testing import Box
    from tests.benchmarks.broker_side import BrokerSide
    from tests.benchmarks.cores import Cores

LANE: Final = "relay.catalog"
_EVERYTHING: Final = {"with_prices": True, "with_stock": True, "county_codes": ["330106"]}
_GOODS_ALONE: Final = {"with_prices": False, "with_stock": False}
_NO_QUOTA: Final = 1_000_000
_BY_HAND: Final = 200
"""Goods that the way by hand does: enough for a rate."""
_NOT_LISTED: Final = 20
"""One in so many of the sandbox's goods cannot be ordered."""

_EVERY: Final = 0.05
_STARTING: Final = 60.0
_STANDSTILL: Final = 60.0
"""Seconds without one more item after which a sync has failed."""
_SENDING: Final = 60.0
"""Seconds after the end until all that was told has been sent."""
_STOPPING: Final = 45.0


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
class Again:
    """A catalogue synced twice, the second time unchanged; the seconds are PostgreSQL's own (``active_time``)."""

    first: Synced
    first_database_seconds: float
    again: Synced
    again_database_seconds: float

    @property
    def database_share(self) -> float:
        """What the second sync took of the database's time, in parts of the first."""
        return self.again_database_seconds / self.first_database_seconds


@dataclass(frozen=True, slots=True)
class Syncing:
    """What is measured; all raise `RoundFailed` where a sync stands still or its counts are wrong."""

    broker: BrokerSide
    cores: Cores
    say: Callable[[str], None]

    async def at_quota(self, goods: int, quota: int, *, processes: int) -> Synced:
        """Goods, prices and stock of one county, with a quota of calls a second that the supplier enforces."""
        config = SandboxConfig(products=_catalogue_of(goods), rate_limit=quota)
        async with self._sqlite() as url, self._place(config, url) as place:
            return await place.sync("quota", _EVERYTHING, quota, processes=processes)

    async def against_by_hand(self, goods: int, latency: float) -> tuple[ByHand, Synced]:
        """By hand and by the service; ``latency`` in seconds, no quota."""
        config = SandboxConfig(products=_catalogue_of(goods), latency=latency)
        async with self._sqlite() as url, self._place(config, url) as place:
            return await place.by_hand(), await place.sync("whole", _EVERYTHING, _NO_QUOTA)

    async def again(self, goods: int) -> Again:
        """Twice, with nothing changed in between.

        Raises:
            NotHereError: there is no PostgreSQL.
        """
        with on(self.cores.broker):
            async with private_postgres(durable=True) as server:
                url = await create_database(server)
                async with self._place(SandboxConfig(products=_catalogue_of(goods)), url) as place:
                    began = await place.database_seconds()
                    first = await place.sync("first", _EVERYTHING, _NO_QUOTA)
                    between = await place.database_seconds()
                    again = await place.sync("again", _EVERYTHING, _NO_QUOTA)
                    return Again(first, between - began, again, await place.database_seconds() - between)

    async def whole_list(self, goods: int) -> Synced:
        """The list of a catalogue of ``goods``, with some 600 bytes for each, and nothing more."""
        async with self._sqlite() as url, self._place(SandboxConfig(products=goods, pictures=9), url) as place:
            return await place.sync("list", _GOODS_ALONE, _NO_QUOTA)

    @asynccontextmanager
    async def _sqlite(self) -> AsyncIterator[str]:
        with tempfile.TemporaryDirectory(prefix="relay-benchmark-") as directory:
            yield f"sqlite+aiosqlite:///{directory}/books.db"

    @asynccontextmanager
    async def _place(self, config: SandboxConfig, database_url: str) -> AsyncIterator[_Place]:
        async with AsyncExitStack() as stack:
            with on(self.cores.sandbox):
                box = await stack.enter_async_context(sandbox_process(config))
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="relay-benchmark-")))
            await migrations.upgrade(database_url)
            database = await stack.enter_async_context(aclosing(_Closing(open_database(database_url))))
            yield _Place(self, box, directory, database_url, database.database)


@dataclass(frozen=True, slots=True)
class _Closing:
    database: Database

    async def aclose(self) -> None:
        await self.database.close()


@dataclass(frozen=True, slots=True)
class _Place:
    """One supplier and one database, at the broker of all."""

    field: Syncing
    box: Box
    directory: Path
    database_url: str
    database: Database

    async def by_hand(self) -> ByHand:
        told = {"BENCHMARK_DATABASE": f"sqlite:///{self.directory}/by-hand.db", "BENCHMARK_GOODS": str(_BY_HAND)}
        with on(self.field.cores.worker):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.benchmarks.contestants.catalogue_by_hand",
                cwd=ROOT, env={**os.environ, **self.box.environment(), **told}, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
        output, _ = await process.communicate()
        if process.returncode:
            raise RoundFailed(f"the way by hand ended with {process.returncode}")
        found = ByHand(**json.loads(output))
        self.field.say(f"  by hand: {found.goods_per_second:,.0f} goods/s")
        return found

    async def sync(self, name: str, wish: Mapping[str, object], quota: int, *, processes: int = 1) -> Synced:
        await self.field.broker.empty()
        await self.box.reset()
        written = await self._written()
        async with AsyncExitStack() as stack:
            crew = [
                await stack.enter_async_context(self._service(f"{name}-{number}", quota)) for number in range(processes)
            ]
            await _until(_STARTING, lambda: self._consume(processes))
            await self.field.broker.publish(message(event("sync.products.requested", dict(wish), event_id=name)))
            began = time.perf_counter()
            row = await self._ended(name, crew)
            seconds = time.perf_counter() - began
            used = [usage(process.pid) for process in crew]
            await _until(_SENDING, self._all_sent)
        goods = await self._one(select(func.count()).select_from(products))
        if goods == 0 or row.total_count not in {goods, 3 * goods} or row.status == "failed":
            raise RoundFailed(f"the sync ended as {row} with {goods} goods")
        summary = await self.box.summary()
        synced = Synced(
            processes=processes,
            goods=goods,
            seconds=seconds,
            calls=sum(
                count
                for call, count in summary["operations"].items()
                if call.startswith("haier.") and call != "haier.token"
            ),
            refused=summary["throttled"]["haier"],
            cpu_seconds=sum(one.cpu_seconds for one in used),
            peak_rss_mb=max(one.peak_rss_mb for one in used),
            changes=await self.field.broker.ready(COUNTED),
            writes=await self._written() - written,
        )
        self.field.say(
            f"  {goods:,} goods in {seconds:.1f} s: {synced.calls:,} calls, {synced.refused} refused with 429"
        )
        return synced

    async def database_seconds(self) -> float:
        """PostgreSQL's ``pg_stat_database.active_time``: milliseconds in which statements ran, over all sessions."""
        counted = text("SELECT active_time FROM pg_stat_database WHERE datname = current_database()")
        return float(await self._one(counted)) / 1000

    @asynccontextmanager
    async def _service(self, name: str, quota: int) -> AsyncIterator[asyncio.subprocess.Process]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("RELAY_", "HAIER_", "YLH_"))}
        settings = {
            "RELAY_AMQP_URL": self.field.broker.url,
            "RELAY_DATABASE_URL": self.database_url,
            "RELAY_LOG_DIR": str(self.directory / f"logs-{name}"),
            "RELAY_HTTP_PORT": "0",
            "RELAY_RATE_LIMIT": f"{quota}/s",
        }
        log = self.directory / f"{name}.log"
        with log.open("wb") as output, on(self.field.cores.worker):
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
        return await self.field.broker.consumers(LANE) == processes

    async def _ended(self, name: str, crew: Sequence[asyncio.subprocess.Process]) -> Any:
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


def _catalogue_of(goods: int) -> int:
    """How many goods the sandbox needs to list ``goods`` of them."""
    return goods * _NOT_LISTED // (_NOT_LISTED - 1)
