"""What several processes of the service carry together, to what one does."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.benchmarks.found.table import Table, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.measuring import Measured

TARGET: Final = 3.0
"""Four processes to one, where each of the four has a core of its own."""

_HEADINGS = ("processes", "events/s", "min", "max", "CPU s / 1,000", "cores busy")


@dataclass(frozen=True, slots=True)
class Processes:
    """Rounds of one and of ``count`` processes, in turn."""

    database: str
    count: int
    alone: bool
    """Had each a core that nobody else used; else nothing is judged."""
    one: Sequence[Measured]
    several: Sequence[Measured]
    suite: str = "processes"

    @property
    def ratio(self) -> float:
        """Events a second, of medians."""
        return median(one.rate for one in self.several) / median(one.rate for one in self.one)

    @property
    def holds(self) -> bool:
        """Is the target met, where it can be judged."""
        return not self.alone or self.ratio >= TARGET

    def tables(self) -> list[Table]:
        """For people."""
        what = f"{self.database}: {self.count} processes / one"
        said = (
            verdict(what, self.ratio, TARGET)
            if self.alone
            else f"{what}: {self.ratio:.2f} (not judged: they shared their cores with broker, database and supplier)"
        )
        rows = [_cells("1", self.one), _cells(str(self.count), self.several)]
        return [Table(f"{self.database}, processes of the service", _HEADINGS, rows, [said])]

    def as_json(self) -> dict[str, object]:
        """With every round."""
        return {
            "database": self.database,
            "processes": self.count,
            "a_core_each": self.alone,
            "ratio": round(self.ratio, 3),
            "one": [round(one.rate, 1) for one in self.one],
            "several": [round(one.rate, 1) for one in self.several],
        }


def _cells(name: str, rounds: Sequence[Measured]) -> tuple[str, ...]:
    rates = [one.rate for one in rounds]
    return (
        name,
        f"{median(rates):,.0f}",
        f"{min(rates):,.0f}",
        f"{max(rates):,.0f}",
        f"{median(one.cpu_per_thousand for one in rounds):.2f}",
        f"{median(one.busy for one in rounds):.0%}",
    )
