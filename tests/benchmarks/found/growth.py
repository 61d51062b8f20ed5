"""What an event costs with empty books, and with books that have seen many."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.benchmarks.found.table import Table, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.measuring import Measured

TARGET: Final = 1.1
"""Cost with full tables to cost with empty ones."""

_HEADINGS = ("rows in inbox and orders", "CPU s / 1,000", "min", "max", "of it the database server", "events/s")


@dataclass(frozen=True, slots=True)
class Growth:
    """Rounds with empty tables and with ``rows`` in each, in turn."""

    database: str
    rows: int
    empty: Sequence[Measured]
    full: Sequence[Measured]
    suite: str = "tables"

    @property
    def ratio(self) -> float:
        """CPU seconds of the service and, where it can be seen, of the database server: full to empty, of medians."""
        return _cost(self.full) / _cost(self.empty)

    @property
    def holds(self) -> bool:
        """Is the cost flat."""
        return self.ratio <= TARGET

    def tables(self) -> list[Table]:
        """For people."""
        rows = [_cells("0", self.empty), _cells(f"{self.rows:,}", self.full)]
        said = [verdict(f"{self.database}: cost full / empty", self.ratio, TARGET, least=False)]
        return [Table(f"{self.database}, the service with small and large tables", _HEADINGS, rows, said)]

    def as_json(self) -> dict[str, object]:
        """With every round."""
        return {
            "database": self.database,
            "rows": self.rows,
            "ratio": round(self.ratio, 3),
            "empty": [_figures(one) for one in self.empty],
            "full": [_figures(one) for one in self.full],
        }


def _cost(rounds: Sequence[Measured]) -> float:
    return median(one.cost_per_thousand for one in rounds)


def _cells(name: str, rounds: Sequence[Measured]) -> tuple[str, ...]:
    costs = [one.cost_per_thousand for one in rounds]
    server = median(one.cost_per_thousand - one.cpu_per_thousand for one in rounds)
    rate = median(one.rate for one in rounds)
    return name, f"{_cost(rounds):.2f}", f"{min(costs):.2f}", f"{max(costs):.2f}", f"{server:.2f}", f"{rate:,.0f}"


def _figures(one: Measured) -> dict[str, float]:
    return {
        "events": one.events,
        "seconds": round(one.seconds, 3),
        "cpu_seconds": round(one.cpu_seconds, 2),
        "database_cpu_seconds": round(one.database_cpu_seconds, 2),
    }
