"""One contestant, one backlog, watched from outside: the broker's counts, the process's CPU time and memory.

The clock runs from the first delivery (the lane's queue gets shorter, and every process consumes) until the last result
lies in its queue and the lane's queue is empty; the counts are asked every 10 ms. Start-up (imports, migrations,
connecting) is thus not in it, the login at the supplier is.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.benchmarks.broker_side import COUNTED
from tests.benchmarks.crew import RoundFailed
from tests.benchmarks.workload import LANE

if TYPE_CHECKING:
    from tests.benchmarks.course import Course
    from tests.benchmarks.crew import Crew
    from tests.benchmarks.field import Contestant

EVERY: Final = 0.01
STARTING: Final = 60.0
"""Seconds until the first delivery."""
STANDSTILL: Final = 30.0
"""Seconds without one more result after which a contestant has failed."""


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
    """Done while the clock ran: all, but for several processes, of which the first begins before the clock does."""
    seconds: float
    cpu_seconds: float
    peak_rss_mb: float
    """Of the largest process."""
    samples: tuple[Sample, ...]
    database_cpu_seconds: float = 0.0
    """Of a database server whose processes can be seen."""

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def cpu_per_thousand(self) -> float:
        """CPU seconds for 1,000 events."""
        return self.cpu_seconds / self.events * 1000

    @property
    def cost_per_thousand(self) -> float:
        """CPU seconds for 1,000 events, with the database server's."""
        return (self.cpu_seconds + self.database_cpu_seconds) / self.events * 1000

    @property
    def busy(self) -> float:
        """Share of its core that it used; well below 1 it waited for somebody else."""
        return self.cpu_seconds / self.seconds


async def measure(
    course: Course, contestant: Contestant, batch: str, count: int, *, sample_every: float = 1.0
) -> Measured:
    """Lay out ``count`` events, run ``contestant`` on them, hold the ledger against the results.

    Raises:
        RoundFailed: it ended early, stood still, lost or doubled something.
    """
    await course.lay_out(contestant, batch, count)
    async with course.place() as (directory, database):
        async with course.working(contestant, directory, database) as crew:
            measured = await _watch(course, crew, count, sample_every)
        await course.verify(contestant, batch, count)
    return measured


async def _watch(course: Course, crew: Crew, count: int, sample_every: float) -> Measured:
    await _begun(course, crew, count)
    began = moved = time.perf_counter()
    before, database_before = crew.usage(), course.books.cpu_seconds()
    done = early = await course.broker.ready(COUNTED)
    samples: list[Sample] = []
    while True:
        results = await course.broker.ready(COUNTED)
        now = time.perf_counter()
        if results > done:
            done, moved = results, now
        elif now - moved > STANDSTILL:
            raise RoundFailed(f"{crew.name} stands still at {done} of {count} results")
        if done >= count and await course.broker.ready(LANE) == 0:
            break
        if not samples or now - began >= samples[-1].seconds + sample_every:
            samples.append(Sample(now - began, done, crew.usage().rss_mb))
        await asyncio.sleep(EVERY)
    after = crew.usage()
    return Measured(
        crew.name,
        count - early,
        seconds=now - began,
        cpu_seconds=after.cpu_seconds - before.cpu_seconds,
        peak_rss_mb=max([after.peak_rss_mb, *(sample.rss_mb for sample in samples)]),
        samples=(*samples, Sample(now - began, done, after.rss_mb)),
        database_cpu_seconds=course.books.cpu_seconds() - database_before,
    )


async def _begun(course: Course, crew: Crew, count: int) -> None:
    """Wait for the first delivery, and for every process to consume."""
    deadline = time.perf_counter() + STARTING
    while await course.broker.ready(LANE) >= count or await course.broker.consumers(LANE) < len(crew.processes):
        crew.usage()
        if time.perf_counter() > deadline:
            raise RoundFailed(f"{crew.name} took no delivery within {STARTING:.0f} s")
        await asyncio.sleep(EVERY)
