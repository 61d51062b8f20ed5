"""Where rounds are run: broker, suppliers, books and cores; all suites set a round up and check it alike.

A round counts only if the supplier's own ledger and the results agree: nothing lost, nothing doubled, nothing left.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import cores
from tests.benchmarks.books import SqliteBooks
from tests.benchmarks.conditions import ALL_OUT
from tests.benchmarks.crew import RoundFailed, working
from tests.benchmarks.workload import LANE, so_ids

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from sandbox.testing import Box
    from tests.benchmarks.books import Books
    from tests.benchmarks.broker_side import BrokerSide
    from tests.benchmarks.conditions import Conditions
    from tests.benchmarks.crew import Crew
    from tests.benchmarks.field import Contestant


@dataclass(frozen=True, slots=True)
class Course:
    """All that a round needs.

    Attributes:
        broker: holds the backlog.
        sandboxes: the supplier, by the milliseconds that it takes to answer.
        cores: who runs where.
        conditions: of the next rounds.
        books: where rows go.
        profile: where the service writes its profile; such a round's figures are not to be quoted.
    """

    broker: BrokerSide
    sandboxes: Mapping[int, Box]
    cores: cores.Cores
    conditions: Conditions = ALL_OUT
    books: Books = field(default_factory=SqliteBooks)
    profile: Path | None = None

    @property
    def sandbox(self) -> Box:
        """The supplier that takes as long as the conditions say."""
        return self.sandboxes[self.conditions.delay_ms]

    async def clear(self) -> None:
        """Have nothing in any queue, nor in the supplier's ledger."""
        await self.broker.empty()
        await self.sandbox.reset()

    async def lay_out(self, contestant: Contestant, batch: str, count: int) -> None:
        """Put ``count`` events into the queue, and nothing else anywhere."""
        await self.broker.fill(contestant.backlog(batch, count))
        await self.sandbox.reset()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[tuple[Path, str]]:
        """A directory and a database; gone afterwards, but for the directory of a round that failed."""
        directory = Path(tempfile.mkdtemp(prefix="relay-benchmark-"))
        try:
            async with self.books.opened(directory) as url:
                yield directory, url
        except RoundFailed as error:
            raise RoundFailed(f"{error}\nIts books and logs are kept in {directory}") from error
        except BaseException:
            shutil.rmtree(directory)
            raise
        shutil.rmtree(directory)

    @asynccontextmanager
    async def working(self, contestant: Contestant, directory: Path, database: str) -> AsyncIterator[Crew]:
        """The contestant's processes on their cores, told of the conditions."""
        profile = {"BENCHMARK_PROFILE": str(self.profile)} if self.profile else {}
        environment = {
            **self.sandbox.environment(),
            **self.conditions.environment(),
            "RELAY_AMQP_URL": self.broker.url,
            "RELAY_DATABASE_URL": database,
            "RELAY_HTTP_PORT": "0",
            # The quota would be the ceiling; what is measured is what the service costs on top.
            "RELAY_RATE_LIMIT": "1000000/s",
            **profile,
        }
        alone = self.conditions.processes == 1
        async with AsyncExitStack() as stack:
            with cores.on(self.cores.worker if alone else self.cores.crew):
                crew = await stack.enter_async_context(
                    working(contestant, directory, environment, self.conditions.processes)
                )
            yield crew

    async def verify(self, contestant: Contestant, batch: str, count: int, results: Counter[str] | None = None) -> None:
        """Nothing left, nothing lost, nothing doubled; called when the contestant has gone, and its deliveries back.

        Args:
            contestant: who worked.
            batch: of the backlog.
            count: of its events.
            results: how many were told of each order; None: they are still in their queue.

        Raises:
            RoundFailed: says what is wrong.
        """
        left = await self.broker.ready(LANE)
        if results is None:
            results = Counter(await self.broker.subjects())
        summary = await self.sandbox.summary()
        faults = []
        if left:
            faults.append(f"{left} deliveries were not acked")
        if results != Counter(so_ids(batch, count)):
            faults.append(f"{results.total()} results for {len(results)} orders, expected one for each of {count}")
        if (summary["creates"], summary["create_calls"], summary["doubled"]) != (count, count, 0):
            faults.append(
                f"the supplier's ledger has {summary['creates']} creates in {summary['create_calls']} calls, "
                f"{summary['doubled']} doubled, expected {count} in {count}"
            )
        if faults:
            raise RoundFailed(f"{contestant.name}: {'; '.join(faults)}")
