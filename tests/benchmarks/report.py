"""From measured rounds to what people read: a table on the terminal, Markdown and JSON to keep. Pure functions."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import linear_regression, median
from typing import TYPE_CHECKING

from tests.benchmarks import http_transport
from tests.benchmarks.field import FIELD, HAND_WRITTEN, SERVICE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.catalogue_report import Catalogue
    from tests.benchmarks.machine import Machine
    from tests.benchmarks.measuring import Measured, Sample

TO_HAND_WRITTEN = 1.5
"""Service to the hand-written loop with stock httpx, events a second."""
TO_FASTEST = {"SQLite": 1.3, "PostgreSQL": 1.1}
"""Service to the fastest of the others, by database."""
TARGET_RSS_MB = 200.0
TARGET_SLOPE = 1.0
"""MB for each further 10,000 events that still counts as flat."""

_HEADINGS = ("contestant", "events/s", "min", "max", "ratio", "CPU s / 1,000", "core busy", "peak RSS MB")


@dataclass(frozen=True, slots=True)
class Throughput:
    """All rounds of one contestant."""

    contestant: str
    rounds: tuple[Measured, ...]
    ratio: float
    """To the median of the hand-written loop of the same run."""

    @property
    def rate(self) -> float:
        """Median, events a second."""
        return median(one.rate for one in self.rounds)

    def cells(self) -> tuple[str, ...]:
        """One line of the table."""
        rates = [one.rate for one in self.rounds]
        return (
            self.contestant,
            f"{self.rate:,.0f}",
            f"{min(rates):,.0f}",
            f"{max(rates):,.0f}",
            f"{self.ratio:.2f}",
            f"{median(one.cpu_per_thousand for one in self.rounds):.2f}",
            f"{median(one.busy for one in self.rounds):.0%}",
            f"{max(one.peak_rss_mb for one in self.rounds):,.0f}",
        )


@dataclass(frozen=True, slots=True)
class Race:
    """All contestants on one database, in turn."""

    database: str
    contestants: Sequence[Throughput]

    @property
    def to_hand_written(self) -> float:
        """Service to the hand-written loop, events a second."""
        return self._of(SERVICE.name).ratio

    @property
    def fastest(self) -> Throughput:
        """The fastest of the others."""
        return max((one for one in self.contestants if one.contestant != SERVICE.name), key=lambda one: one.rate)

    @property
    def to_fastest(self) -> float:
        """Service to the fastest of the others."""
        return self._of(SERVICE.name).rate / self.fastest.rate

    @property
    def holds(self) -> bool:
        """Are both targets met."""
        return self.to_hand_written >= TO_HAND_WRITTEN and self.to_fastest >= TO_FASTEST[self.database]

    def verdicts(self) -> list[str]:
        """For people."""
        return [
            f"{self.database}: service / hand-written loop: {_verdict(self.to_hand_written, TO_HAND_WRITTEN)}",
            (
                f"{self.database}: service / fastest of the others ({self.fastest.contestant}): "
                f"{_verdict(self.to_fastest, TO_FASTEST[self.database])}"
            ),
        ]

    def _of(self, contestant: str) -> Throughput:
        return next(one for one in self.contestants if one.contestant == contestant)


@dataclass(frozen=True, slots=True)
class Memory:
    """The service with a long backlog."""

    events: int
    rate: float
    peak_rss_mb: float
    slope: float
    """MB for each 10,000 events, over the second half."""

    @property
    def holds(self) -> bool:
        """Is it small enough, and flat."""
        return self.peak_rss_mb < TARGET_RSS_MB and self.slope < TARGET_SLOPE

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"backlog of {self.events:,} events, drained at {self.rate:,.0f}/s",
            f"peak RSS {self.peak_rss_mb:,.0f} MB (target: under {TARGET_RSS_MB:.0f})",
            f"over the second half {self.slope:+.2f} MB for each 10,000 events (target: under {TARGET_SLOPE:+.1f})",
        ]


@dataclass(frozen=True, slots=True)
class Run:
    """What the suites of one run found; empty or None: not measured."""

    races: Sequence[Race]
    memory: Memory | None
    http: Sequence[http_transport.Rate]
    catalogue: Catalogue | None = None

    @property
    def http_ratio(self) -> float | None:
        """A create by our client to a POST by stock httpx."""
        return http_transport.reached(self.http) if self.http else None

    @property
    def holds(self) -> bool:
        """Are all targets met."""
        return (
            all(race.holds for race in self.races)
            and (self.memory is None or self.memory.holds)
            and (self.http_ratio is None or self.http_ratio >= http_transport.TARGET_RATIO)
            and (self.catalogue is None or self.catalogue.holds)
        )

    def lines(self) -> list[str]:
        """For people."""
        lines = []
        if self.http_ratio is not None:
            verdict = _verdict(self.http_ratio, http_transport.TARGET_RATIO)
            lines += [*http_transport.table(self.http), f"our client / stock httpx: {verdict}", ""]
        for race in self.races:
            lines += [race.database, plain(race.contestants), "", *race.verdicts(), ""]
        if self.memory is not None:
            lines += [*self.memory.lines(), ""]
        return lines + (self.catalogue.lines() if self.catalogue else [])


def _verdict(ratio: float, target: float) -> str:
    return f"{ratio:.2f} (target: at least {target}: {'met' if ratio >= target else 'MISSED'})"


def race(database: str, rounds: Mapping[str, Sequence[Measured]]) -> Race:
    """Sum up; ``rounds`` by contestant, the hand-written loop and the service among them."""
    base = median(one.rate for one in rounds[HAND_WRITTEN.name])
    return Race(
        database,
        [
            Throughput(name, tuple(several), median(one.rate for one in several) / base)
            for name, several in rounds.items()
        ],
    )


def memory(measured: Measured) -> Memory:
    """Sum up the long backlog."""
    return Memory(measured.events, measured.rate, measured.peak_rss_mb, slope(measured.samples, measured.events))


def slope(samples: Sequence[Sample], events: int) -> float:
    """MB of RSS for each 10,000 events, by least squares over the samples of the second half of the work."""
    late = [sample for sample in samples if sample.done >= events / 2]
    return linear_regression([sample.done for sample in late], [sample.rss_mb for sample in late]).slope * 10_000


def round_line(one: Measured) -> str:
    """One round, as soon as it is there."""
    return (
        f"{one.contestant:36} {one.rate:8,.0f} events/s  {one.cpu_per_thousand:6.2f} CPU s / 1,000"
        f"  core {one.busy:4.0%} busy  peak RSS {one.peak_rss_mb:4.0f} MB"
    )


def plain(results: Sequence[Throughput]) -> str:
    """A table for the terminal."""
    rows = [_HEADINGS, *(result.cells() for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) if not column else cell.rjust(width) for column, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in rows)
    )


def markdown(run: Run, machine: Machine, notes: Sequence[str]) -> str:
    """A page for ``docs/benchmarks``."""
    lines = ["<!-- written by `make bench` with --write; do not edit -->", ""]
    lines += [f"- {line}" for line in (*machine.lines(), *notes)]
    for one in run.races:
        lines += ["", f"{one.database}:", "", f"| {' | '.join(_HEADINGS)} |", f"|---|{'---:|' * (len(_HEADINGS) - 1)}"]
        lines += [f"| {' | '.join(result.cells())} |" for result in one.contestants]
        lines += ["", *(f"- {verdict}" for verdict in one.verdicts())]
    if run.races:
        lines += ["", "| contestant | what it does not guarantee |", "|---|---|"]
        lines += [f"| {contestant.name} | {contestant.lacks} |" for contestant in FIELD]
    if run.memory is not None:
        lines += ["", "Memory:", "", *(f"- {line}" for line in run.memory.lines())]
    if run.http:
        lines += ["", "Ways to send a POST, one core (docs/adr/0003):", ""]
        lines += ["| way | at once | POST/s | ratio | µs CPU each |", f"|---|{'---:|' * 4}"]
        lines += [
            f"| {one.way} | {one.at_once} | {one.rate:,.0f} | {one.ratio:.1f} | {one.cpu:,.0f} |" for one in run.http
        ]
    if run.catalogue is not None:
        lines += ["", "Syncs of a catalogue:", "", *(f"- {line}" for line in run.catalogue.lines())]
    return "\n".join(lines) + "\n"


def as_json(run: Run, machine: Machine, notes: Sequence[str]) -> str:
    """The same for programs, with every round."""
    told = {
        "machine": asdict(machine),
        "notes": list(notes),
        "throughput": [_race_as_json(race) for race in run.races],
        "memory": None if run.memory is None else asdict(run.memory),
        "http": [asdict(one) for one in run.http],
        "catalogue": None if run.catalogue is None else run.catalogue.as_json(),
    }
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


def _race_as_json(race: Race) -> dict[str, object]:
    return {
        "database": race.database,
        "to_fastest": round(race.to_fastest, 3),
        "contestants": [
            {
                "contestant": result.contestant,
                "events_per_second": round(result.rate, 1),
                "ratio": round(result.ratio, 3),
                "rounds": [
                    {
                        "events": one.events,
                        "seconds": round(one.seconds, 3),
                        "cpu_seconds": round(one.cpu_seconds, 2),
                        "peak_rss_mb": round(one.peak_rss_mb, 1),
                    }
                    for one in result.rounds
                ],
            }
            for result in race.contestants
        ],
    }
