"""The suites that need a broker, each on every database that is here: who runs when, and how often."""

from __future__ import annotations

# ruff: noqa: T201 -- a run takes long: each round is told when it is there
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Final

from tests.benchmarks.books import KeptBooks
from tests.benchmarks.conditions import ALL_OUT, AS_IN_LIFE, Conditions
from tests.benchmarks.cores import CREW
from tests.benchmarks.crew import RoundFailed
from tests.benchmarks.field import SERVICE
from tests.benchmarks.found.backlog import backlog
from tests.benchmarks.found.growth import Growth
from tests.benchmarks.found.latency import Latencies, Latency
from tests.benchmarks.found.processes import Processes
from tests.benchmarks.found.race import race, round_line
from tests.benchmarks.found.starts import Starts
from tests.benchmarks.history import multiply
from tests.benchmarks.measuring import measure
from tests.benchmarks.pacing import pace
from tests.benchmarks.starting import start_twice
from tests.benchmarks.workload import scattered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.asked import Asked
    from tests.benchmarks.books import Books
    from tests.benchmarks.course import Course
    from tests.benchmarks.field import Contestant
    from tests.benchmarks.found.table import Finding
    from tests.benchmarks.measuring import Measured
    from tests.benchmarks.pacing import Paced
    from tests.benchmarks.starting import Started

_WRITTEN: Final = 1_000
"""Orders that the service writes itself before they are copied."""
_LEAST_ROUNDS: Final = 3
"""Where a difference of a tenth is looked for."""


@dataclass(frozen=True, slots=True)
class Suites:
    """Suites on one course.

    Attributes:
        course: whose broker, suppliers and cores are used.
        databases: on which each suite runs.
        asked: how much.
        present: who can run here.
    """

    course: Course
    databases: Sequence[Books]
    asked: Asked
    present: Sequence[Contestant]
    _batches: Iterator[int] = field(default_factory=count)

    async def run(self, suite: str) -> list[Finding]:
        """Run ``suite`` by its name.

        Raises:
            RoundFailed: a contestant lost or doubled something: no figure counts.
        """
        suites = {
            "throughput": self._throughput,
            "concurrency": self._concurrency,
            "latency": self._latency,
            "backlog": self._backlog,
            "tables": self._tables,
            "processes": self._processes,
            "start": self._start,
        }
        return [found for books in self.databases for found in await suites[suite](replace(self.course, books=books))]

    async def _throughput(self, course: Course) -> list[Finding]:
        return [await self._race(course, "throughput", ALL_OUT)]

    async def _concurrency(self, course: Course) -> list[Finding]:
        return [await self._race(course, "concurrency", cell) for cell in self.asked.cells()]

    async def _race(self, course: Course, suite: str, conditions: Conditions) -> Finding:
        contestants = self._field(suite)
        rounds: dict[str, list[Measured]] = {contestant.name: [] for contestant in contestants}
        _say(f"{suite}, {course.books.name}, {conditions}: {self.asked.events:,} order.paid a round, in turn")
        for _ in range(self.asked.rounds):
            for contestant in contestants:
                one = await self._measured(replace(course, conditions=conditions), contestant, self.asked.events)
                rounds[contestant.name].append(one)
        return race(suite, course.books.name, conditions, rounds)

    async def _latency(self, course: Course) -> list[Finding]:
        course = replace(course, conditions=AS_IN_LIFE)
        _say(f"latency, {course.books.name}, {course.conditions}: full load, then half of it")
        contestants = self._field("latency")
        rounds: dict[str, list[tuple[float, Paced]]] = {contestant.name: [] for contestant in contestants}
        for _ in range(self.asked.rounds):
            for contestant in contestants:
                full = await self._measured(course, contestant, self.asked.events)
                paced = await pace(course, contestant, self._batch(), full.rate / 2, self.asked.seconds)
                print(f"  {paced.contestant:41} p50 {paced.p50_ms:.1f} ms, p99 {paced.p99_ms:.1f} ms", flush=True)
                rounds[contestant.name].append((full.rate, paced))
        found = [Latency(name, several) for name, several in rounds.items()]
        return [Latencies(course.books.name, course.conditions, found)]

    async def _backlog(self, course: Course) -> list[Finding]:
        _say(f"backlog, {course.books.name}: {self.asked.backlog:,} events, memory looked at every 0.2 s")
        measured = await self._measured(course, SERVICE, self.asked.backlog, sample_every=0.2)
        return [backlog(course.books.name, measured)]

    async def _tables(self, course: Course) -> list[Finding]:
        contestant = replace(SERVICE, backlog=scattered)
        empty: list[Measured] = []
        full: list[Measured] = []
        async with course.place() as (_, url):
            kept = replace(course, books=KeptBooks(course.books, url))
            _say(f"tables, {course.books.name}: making {self.asked.rows:,} rows in inbox and in orders, then in turn")
            await self._measured(kept, contestant, _WRITTEN)
            rows = await multiply(url, self.asked.rows // _WRITTEN)
            if rows < self.asked.rows:
                raise RoundFailed(f"{rows:,} orders were made, {self.asked.rows:,} were wanted")
            for _ in range(max(self.asked.rounds, _LEAST_ROUNDS)):
                empty.append(await self._measured(course, contestant, self.asked.events))
                full.append(await self._measured(kept, contestant, self.asked.events))
        return [Growth(course.books.name, self.asked.rows, empty, full)]

    async def _processes(self, course: Course) -> list[Finding]:
        if course.books.name == "SQLite":
            return []  # one writer, whatever the number of processes
        alone, together = self.asked.events, CREW * self.asked.events
        one: list[Measured] = []
        several: list[Measured] = []
        _say(f"processes, {course.books.name}: one with {alone:,} events, {CREW} with {together:,}, in turn")
        crowded = replace(course, conditions=Conditions(processes=CREW))
        for _ in range(self.asked.rounds):
            one.append(await self._measured(course, SERVICE, alone))
            several.append(await self._measured(crowded, SERVICE, together))
        return [Processes(course.books.name, CREW, course.cores.crew_is_alone, one, several)]

    async def _start(self, course: Course) -> list[Finding]:
        _say(f"start, {course.books.name}: on an empty database, and again")
        contestants = self._field("start")
        rounds: dict[str, list[tuple[Started, Started]]] = {contestant.name: [] for contestant in contestants}
        for _ in range(self.asked.rounds):
            for contestant in contestants:
                first, again = await start_twice(course, contestant, self._batch())
                print(
                    f"  {contestant.name:41} first result after {first.result:.2f} s, {again.result:.2f} s", flush=True
                )
                rounds[contestant.name].append((first, again))
        return [Starts(course.books.name, rounds)]

    def _field(self, suite: str) -> list[Contestant]:
        return [contestant for contestant in self.asked.field(suite) if contestant in self.present]

    async def _measured(
        self, course: Course, contestant: Contestant, events: int, *, sample_every: float = 1.0
    ) -> Measured:
        one = await measure(course, contestant, self._batch(), events, sample_every=sample_every)
        print(f"  {round_line(one)}", flush=True)
        return one

    def _batch(self) -> str:
        return f"{next(self._batches):03}"


def _say(line: str) -> None:
    print(f"\n{line}", flush=True)
