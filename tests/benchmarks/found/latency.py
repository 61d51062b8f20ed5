"""From an event to its result, at half of the load that the contestant itself can carry."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.benchmarks.field import SERVICE
from tests.benchmarks.found.table import Table, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.conditions import Conditions
    from tests.benchmarks.pacing import Paced

TARGET_P99_MS: Final = 60.0
"""Of the service, behind a supplier that takes 20 ms."""

_HEADINGS = ("contestant", "full load, events/s", "p50 ms", "p99 ms", "p99 min", "p99 max", "longest ms")


@dataclass(frozen=True, slots=True)
class Latency:
    """All rounds of one contestant: events a second at full load, and what it did at half of that."""

    contestant: str
    rounds: Sequence[tuple[float, Paced]]

    @property
    def p50_ms(self) -> float:
        """Median of the rounds."""
        return median(one.p50_ms for _, one in self.rounds)

    @property
    def p99_ms(self) -> float:
        """Median of the rounds."""
        return median(one.p99_ms for _, one in self.rounds)

    def cells(self) -> tuple[str, ...]:
        """One line of the table."""
        return (
            self.contestant,
            f"{median(full for full, _ in self.rounds):,.0f}",
            f"{self.p50_ms:.1f}",
            f"{self.p99_ms:.1f}",
            f"{min(one.p99_ms for _, one in self.rounds):.1f}",
            f"{max(one.p99_ms for _, one in self.rounds):.1f}",
            f"{max(one.longest_ms for _, one in self.rounds):.1f}",
        )

    def as_json(self) -> dict[str, object]:
        """With every round."""
        return {
            "contestant": self.contestant,
            "p50_ms": round(self.p50_ms, 2),
            "p99_ms": round(self.p99_ms, 2),
            "rounds": [{"full_load": round(full, 1), **asdict(one)} for full, one in self.rounds],
        }


@dataclass(frozen=True, slots=True)
class Latencies:
    """Of all contestants on one database."""

    database: str
    conditions: Conditions
    contestants: Sequence[Latency]
    suite: str = "latency"

    @property
    def holds(self) -> bool:
        """Is the service quick enough, if it ran."""
        return all(p99 <= TARGET_P99_MS for p99 in self._judged())

    def tables(self) -> list[Table]:
        """For people."""
        rows = [one.cells() for one in self.contestants]
        said = [verdict("p99 of the service", p99, TARGET_P99_MS, least=False, unit=" ms") for p99 in self._judged()]
        return [Table(f"{self.database}, {self.conditions}, event to result at half load", _HEADINGS, rows, said)]

    def as_json(self) -> dict[str, object]:
        """With every round."""
        return {
            "database": self.database,
            "conditions": asdict(self.conditions),
            "contestants": [one.as_json() for one in self.contestants],
        }

    def _judged(self) -> list[float]:
        return [one.p99_ms for one in self.contestants if one.contestant == SERVICE.name]
