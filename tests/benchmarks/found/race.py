"""Contestants in turn on one database under the same conditions: events a second, and the service beside the others."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.conditions import ALL_OUT, AS_IN_LIFE, Conditions
from tests.benchmarks.field import HAND_WRITTEN, SERVICE
from tests.benchmarks.found.table import Table, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.measuring import Measured

TO_HAND_WRITTEN = 1.5
"""Service to the hand-written loop with stock httpx, events a second, where the supplier answers at once."""
TO_FASTEST = {("SQLite", ALL_OUT): 1.3, ("PostgreSQL", ALL_OUT): 1.1}
"""Service to the fastest of the others, by database and conditions."""
TO_FASTEST_AS_IN_LIFE = 1.0
"""The same behind a supplier that takes its time, on either database."""

_HEADINGS = ("contestant", "events/s", "min", "max", "ratio", "CPU s / 1,000", "core busy", "peak RSS MB")


@dataclass(frozen=True, slots=True)
class Throughput:
    """All rounds of one contestant."""

    contestant: str
    rounds: tuple[Measured, ...]

    @property
    def rate(self) -> float:
        """Median, events a second."""
        return median(one.rate for one in self.rounds)

    @property
    def lowest(self) -> float:
        """Of the rounds, events a second."""
        return min(one.rate for one in self.rounds)

    @property
    def highest(self) -> float:
        """Of the rounds, events a second."""
        return max(one.rate for one in self.rounds)

    def cells(self, ratio: str) -> tuple[str, ...]:
        """One line of the table."""
        return (
            self.contestant,
            f"{self.rate:,.0f}",
            f"{self.lowest:,.0f}",
            f"{self.highest:,.0f}",
            ratio,
            f"{median(one.cpu_per_thousand for one in self.rounds):.2f}",
            f"{median(one.busy for one in self.rounds):.0%}",
            f"{max(one.peak_rss_mb for one in self.rounds):,.0f}",
        )

    def as_json(self) -> dict[str, object]:
        """With every round."""
        return {
            "contestant": self.contestant,
            "events_per_second": round(self.rate, 1),
            "lowest": round(self.lowest, 1),
            "highest": round(self.highest, 1),
            "rounds": [
                {
                    "events": one.events,
                    "seconds": round(one.seconds, 3),
                    "cpu_seconds": round(one.cpu_seconds, 2),
                    "peak_rss_mb": round(one.peak_rss_mb, 1),
                }
                for one in self.rounds
            ],
        }


@dataclass(frozen=True, slots=True)
class Race:
    """One cell: a database and conditions; ``contestants`` in the order in which they ran."""

    suite: str
    database: str
    conditions: Conditions
    contestants: Sequence[Throughput]

    @property
    def to_hand_written(self) -> float | None:
        """Service to the hand-written loop with stock httpx; None where one of them did not run."""
        return self._ratio(self._of(SERVICE.name), self._of(HAND_WRITTEN.name))

    @property
    def fastest(self) -> Throughput | None:
        """The fastest of the others; None where there are none."""
        others = [one for one in self.contestants if one.contestant != SERVICE.name]
        return max(others, key=lambda one: one.rate, default=None)

    @property
    def to_fastest(self) -> float | None:
        """Service to the fastest of the others; None where one side did not run."""
        return self._ratio(self._of(SERVICE.name), self.fastest)

    @property
    def holds(self) -> bool:
        """Are the targets met, as far as those ran who are compared."""
        return all(reached >= target for _, reached, target in self._judged())

    def tables(self) -> list[Table]:
        """For people."""
        base = self._of(HAND_WRITTEN.name)
        ratios = [self._ratio(one, base) for one in self.contestants]
        rows = [
            one.cells("–" if ratio is None else f"{ratio:.2f}")
            for one, ratio in zip(self.contestants, ratios, strict=True)
        ]
        title = f"{self.database}, {self.conditions}"
        said = [verdict(f"{self.database}: {what}", reached, target) for what, reached, target in self._judged()]
        return [Table(title, _HEADINGS, rows, said)]

    def as_json(self) -> dict[str, object]:
        """With every round."""
        return {
            "database": self.database,
            "conditions": asdict(self.conditions),
            "to_hand_written": _rounded(self.to_hand_written),
            "to_fastest": _rounded(self.to_fastest),
            "contestants": [one.as_json() for one in self.contestants],
        }

    def _judged(self) -> list[tuple[str, float, float]]:
        """What, the ratio, its target."""
        found: list[tuple[str, float, float]] = []
        if self.conditions == ALL_OUT and self.to_hand_written is not None:
            found.append(("service / hand-written loop", self.to_hand_written, TO_HAND_WRITTEN))
        alike = TO_FASTEST_AS_IN_LIFE if self.conditions == AS_IN_LIFE else None
        target = TO_FASTEST.get((self.database, self.conditions), alike)
        if target is not None and self.fastest is not None and self.to_fastest is not None:
            among = len(self.contestants) - 1
            found.append(
                (f"service / fastest of the others ({self.fastest.contestant}, of {among})", self.to_fastest, target)
            )
        return found

    def _of(self, contestant: str) -> Throughput | None:
        return next((one for one in self.contestants if one.contestant == contestant), None)

    @staticmethod
    def _ratio(one: Throughput | None, other: Throughput | None) -> float | None:
        return None if one is None or other is None else one.rate / other.rate


def race(suite: str, database: str, conditions: Conditions, rounds: Mapping[str, Sequence[Measured]]) -> Race:
    """Sum up; ``rounds`` by contestant."""
    return Race(suite, database, conditions, [Throughput(name, tuple(several)) for name, several in rounds.items()])


def round_line(one: Measured) -> str:
    """One round, as soon as it is there."""
    return (
        f"{one.contestant:41} {one.rate:8,.0f} events/s  {one.cpu_per_thousand:6.2f} CPU s / 1,000"
        f"  core {one.busy:4.0%} busy  peak RSS {one.peak_rss_mb:4.0f} MB"
    )


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 3)
