"""A catalogue synced through the whole service: at the quota's pace, against one by one, again unchanged, at full size.

Each is measured at a place of its own (`catalogue_place`): a fresh supplier and a fresh database, a SQLite file, or one
of a private PostgreSQL, which counts its own time.
"""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from consumer.persistence import migrations
from consumer.persistence.engine import open_database
from sandbox.config import SandboxConfig
from sandbox.testing import sandbox_process
from tests.benchmarks.catalogue_place import Place
from tests.benchmarks.cores import on
from tests.support.postgres import create_database, private_postgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.benchmarks.broker_side import BrokerSide
    from tests.benchmarks.catalogue_place import ByHand, Synced
    from tests.benchmarks.cores import Cores

_EVERYTHING: Final = {"with_prices": True, "with_stock": True, "county_codes": ["330106"]}
_GOODS_ALONE: Final = {"with_prices": False, "with_stock": False}
_NO_QUOTA: Final = 1_000_000
_NOT_LISTED: Final = 20
"""One in so many of the sandbox's goods cannot be ordered."""


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
class Catalogues:
    """What is measured; all raise `RoundFailed` where a sync stands still or its counts are wrong."""

    broker: BrokerSide
    cores: Cores

    async def at_quota(self, goods: int, quota: int, *, processes: int = 1) -> Synced:
        """Goods, prices and stock of one county, with a quota of calls a second that the supplier enforces."""
        config = SandboxConfig(products=_catalogue_of(goods), rate_limit=quota)
        async with (
            self._sqlite() as url,
            self._place(config, url) as place,
            place.served(quota, processes=processes) as crew,
        ):
            return await place.sync(crew, "at-quota", _EVERYTHING)

    async def against_by_hand(self, goods: int, latency: float) -> tuple[ByHand, Synced]:
        """By hand and by the service; ``latency`` in seconds, no quota."""
        config = SandboxConfig(products=_catalogue_of(goods), latency=latency)
        async with self._sqlite() as url, self._place(config, url) as place:
            by_hand = await place.by_hand()
            async with place.served(_NO_QUOTA) as crew:
                return by_hand, await place.sync(crew, "whole", _EVERYTHING)

    async def again(self, goods: int) -> Again:
        """Twice by the same process, with nothing changed in between.

        Raises:
            NotHereError: there is no PostgreSQL.
        """
        config = SandboxConfig(products=_catalogue_of(goods))
        async with AsyncExitStack() as stack:
            with on(self.cores.broker):
                server = await stack.enter_async_context(private_postgres(durable=True))
            place = await stack.enter_async_context(self._place(config, await create_database(server)))
            crew = await stack.enter_async_context(place.served(_NO_QUOTA))
            began = await place.database_seconds()
            first = await place.sync(crew, "first", _EVERYTHING)
            between = await place.database_seconds()
            again = await place.sync(crew, "again", _EVERYTHING)
            return Again(first, between - began, again, await place.database_seconds() - between)

    async def whole_list(self, goods: int) -> Synced:
        """The list of a catalogue of ``goods``, with some 600 bytes for each, and nothing more."""
        config = SandboxConfig(products=goods, pictures=9)
        async with self._sqlite() as url, self._place(config, url) as place, place.served(_NO_QUOTA) as crew:
            return await place.sync(crew, "list", _GOODS_ALONE)

    @asynccontextmanager
    async def _sqlite(self) -> AsyncIterator[str]:
        with tempfile.TemporaryDirectory(prefix="relay-benchmark-") as directory:
            yield f"sqlite+aiosqlite:///{directory}/books.db"

    @asynccontextmanager
    async def _place(self, config: SandboxConfig, database_url: str) -> AsyncIterator[Place]:
        async with AsyncExitStack() as stack:
            with on(self.cores.sandbox):
                box = await stack.enter_async_context(sandbox_process(config))
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="relay-benchmark-")))
            await migrations.upgrade(database_url)
            database = open_database(database_url)
            stack.push_async_callback(database.close)
            yield Place(self.broker, self.cores, box, directory, database_url, database)


def _catalogue_of(goods: int) -> int:
    """How many goods the sandbox needs to list ``goods`` of them."""
    return goods * _NOT_LISTED // (_NOT_LISTED - 1)
