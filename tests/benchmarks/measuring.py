"""One contestant, one backlog, watched from outside: the broker's counts, the process's CPU time and memory.

The clock runs from the first delivery (the lane's queue gets shorter) until the last result lies in its queue and the
lane's queue is empty; both are asked every 10 ms. Start-up (imports, migrations, connecting) is thus not in it, the
login at the supplier is. Afterwards the supplier's own ledger and the results decide whether the round counts.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks import cores
from tests.benchmarks.broker_side import COUNTED
from tests.benchmarks.usage import Usage, usage
from tests.benchmarks.workload import LANE, so_ids
from tests.support.postgres import create_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from sandbox.testing import Box
    from tests.benchmarks.broker_side import BrokerSide
    from tests.benchmarks.field import Contestant
    from tests.support.postgres import Postgres

ROOT: Final = Path(__file__).resolve().parents[2]
_EVERY: Final = 0.01
_STARTING: Final = 60.0
"""Seconds until the first delivery."""
_STANDSTILL: Final = 30.0
"""Seconds without one more result after which a contestant has failed."""
_STOPPING: Final = 45.0


class RoundFailed(RuntimeError):
    """A contestant lost, doubled or did not finish something: its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A look at a contestant at work."""

    seconds: float
    """Since its first delivery."""
    done: int
    rss_mb: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One round of one contestant that lost and doubled nothing."""

    contestant: str
    events: int
    seconds: float
    cpu_seconds: float
    peak_rss_mb: float
    samples: tuple[Sample, ...]

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def cpu_per_thousand(self) -> float:
        """CPU seconds for 1,000 events."""
        return self.cpu_seconds / self.events * 1000

    @property
    def busy(self) -> float:
        """Share of its core that it used; well below 1 it waited for somebody else."""
        return self.cpu_seconds / self.seconds


@dataclass(frozen=True, slots=True)
class Course:
    """Where rounds are run."""

    broker: BrokerSide
    sandbox: Box
    cores: cores.Cores
    profile: Path | None = None
    """Where the service writes its profile; such a round's figures are not to be quoted."""
    postgres: Postgres | None = None
    """Where each round has a database of its own; None: a SQLite file."""

    async def run(
        self, contestant: Contestant, batch: str, count: int, *, sample_every: float = 1.0, told: Progress | None = None
    ) -> Measured:
        """Lay out ``count`` events, run ``contestant`` on them, hold the ledger against the results.

        Raises:
            RoundFailed: it ended early, stood still, lost or doubled something.
        """
        await self.broker.fill(contestant.backlog(batch, count))
        await self.sandbox.reset()
        directory = Path(tempfile.mkdtemp(prefix="relay-benchmark-"))
        try:
            async with self._running(contestant, directory, await self._database(directory)) as process:
                measured = await self._watch(process, contestant, count, sample_every, told or _silent)
            await self._verify(contestant, batch, count)
        except RoundFailed as error:
            raise RoundFailed(f"{error}\nIts books and logs are kept in {directory}") from error
        except BaseException:
            shutil.rmtree(directory)
            raise
        shutil.rmtree(directory)
        return measured

    @asynccontextmanager
    async def _running(
        self, contestant: Contestant, directory: Path, database: str
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        log = directory / "output.log"
        with log.open("wb") as output, cores.on(self.cores.worker):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", contestant.module,
                cwd=ROOT, env=self._environment(directory, database), stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        try:
            yield process
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            code = await asyncio.wait_for(process.wait(), _STOPPING)
        except TimeoutError as error:
            raise RoundFailed(
                f"{contestant.name} did not stop within {_STOPPING:.0f} s of SIGTERM. Its last words:\n{_tail(log)}"
            ) from error
        except RoundFailed as error:
            raise RoundFailed(f"{error}\nIts last words:\n{_tail(log)}") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if code != 0:
            raise RoundFailed(f"{contestant.name} ended with exit code {code}. Its last words:\n{_tail(log)}")

    async def _database(self, directory: Path) -> str:
        if self.postgres is not None:
            return await create_database(self.postgres)
        return f"sqlite+aiosqlite:///{directory / 'books.db'}"

    def _environment(self, directory: Path, database: str) -> Mapping[str, str]:
        # Nothing of the caller's own set-up: settings of the service would make two machines' figures differ.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RELAY_", "HAIER_", "YLH_"))}
        profile = {"BENCHMARK_PROFILE": str(self.profile)} if self.profile else {}
        return (
            kept
            | self.sandbox.environment()
            | {
                "RELAY_AMQP_URL": self.broker.url,
                "RELAY_DATABASE_URL": database,
                "RELAY_LOG_DIR": str(directory / "logs"),
                "RELAY_HTTP_PORT": "0",
                # The quota would be the ceiling; what is measured is what the service costs on top.
                "RELAY_RATE_LIMIT": "1000000/s",
            }
            | profile
        )

    async def _watch(
        self,
        process: asyncio.subprocess.Process,
        contestant: Contestant,
        count: int,
        sample_every: float,
        told: Progress,
    ) -> Measured:
        deadline = time.perf_counter() + _STARTING
        while await self.broker.ready(LANE) >= count:
            _alive(process, contestant)
            if time.perf_counter() > deadline:
                raise RoundFailed(f"{contestant.name} took no delivery within {_STARTING:.0f} s")
            await asyncio.sleep(_EVERY)
        began = moved = time.perf_counter()
        before = _alive(process, contestant)
        samples: list[Sample] = []
        done = 0
        while True:
            results = await self.broker.ready(COUNTED)
            now = time.perf_counter()
            if results > done:
                done, moved = results, now
            elif now - moved > _STANDSTILL:
                raise RoundFailed(f"{contestant.name} stands still at {done} of {count} results")
            if done >= count and await self.broker.ready(LANE) == 0:
                break
            if not samples or now - began >= samples[-1].seconds + sample_every:
                samples.append(Sample(now - began, done, _alive(process, contestant).rss_mb))
                told(done, count)
            await asyncio.sleep(_EVERY)
        after = _alive(process, contestant)
        return Measured(
            contestant.name,
            count,
            seconds=now - began,
            cpu_seconds=after.cpu_seconds - before.cpu_seconds,
            peak_rss_mb=max(after.peak_rss_mb, *(sample.rss_mb for sample in samples)),
            samples=(*samples, Sample(now - began, done, after.rss_mb)),
        )

    async def _verify(self, contestant: Contestant, batch: str, count: int) -> None:
        """Nothing left, nothing lost, nothing doubled; called when the contestant has gone, and its deliveries back."""
        left = await self.broker.ready(LANE)
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


def _alive(process: asyncio.subprocess.Process, contestant: Contestant) -> Usage:
    try:
        if process.returncode is None:
            return usage(process.pid)
    except ProcessLookupError as error:
        raise RoundFailed(f"{contestant.name} ended before the work was done") from error
    raise RoundFailed(f"{contestant.name} ended with exit code {process.returncode} before the work was done")


def _tail(log: Path, lines: int = 25) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _silent(_done: int, _count: int) -> None:
    pass


if TYPE_CHECKING:
    Progress = Callable[[int, int], None]
