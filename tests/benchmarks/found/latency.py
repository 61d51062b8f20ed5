"""From an event to its result, at half of the load that the contestant itself can carry."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from tests.benchmarks.field import SERVICE
from tests.benchmarks.found.table import Table, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.conditions import Conditions
    from tests.benchmarks.pacing import Paced

TARGET_P99_MS: Final = 60.0
"""Of the service, behind a supplier that takes 20 ms."""

_HEADINGS = ("contestant", "full load, events/s", "given, events/s", "events", "p50 ms", "p99 ms", "longest ms")


@dataclass(frozen=True, slots=True)
class Latencies:
    """Of each contestant: events a second at full load, and what it did at half of that."""

    database: str
    conditions: Conditions
    contestants: Sequence[tuple[float, Paced]]
    suite: str = "latency"

    @property
    def holds(self) -> bool:
        """Is the service quick enough, if it ran."""
        return all(p99 <= TARGET_P99_MS for p99 in self._judged())

    def tables(self) -> list[Table]:
        """For people."""
        rows = [
            (
                one.contestant,
                f"{full:,.0f}",
                f"{one.rate:,.0f}",
                f"{one.events:,}",
                f"{one.p50_ms:.1f}",
                f"{one.p99_ms:.1f}",
                f"{one.longest_ms:.1f}",
            )
            for full, one in self.contestants
        ]
        said = [verdict("p99 of the service", p99, TARGET_P99_MS, least=False, unit=" ms") for p99 in self._judged()]
        return [Table(f"{self.database}, {self.conditions}, event to result at half load", _HEADINGS, rows, said)]

    def as_json(self) -> dict[str, object]:
        """All figures."""
        return {
            "database": self.database,
            "conditions": asdict(self.conditions),
            "contestants": [{"full_load": round(full, 1), **asdict(one)} for full, one in self.contestants],
        }

    def _judged(self) -> list[float]:
        return [one.p99_ms for _, one in self.contestants if one.contestant == SERVICE.name]
