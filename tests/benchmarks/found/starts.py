"""How soon after its start a contestant has its first message, and tells its first result."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.found.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.starting import Started

_HEADINGS = (
    "contestant", "empty database: delivery s", "result s", "made before: delivery s", "result s"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Starts:
    """By contestant: each round's start on an empty database, and on the same again. There is no target."""

    database: str
    rounds: Mapping[str, Sequence[tuple[Started, Started]]]
    suite: str = "start"
    holds: bool = True

    def tables(self) -> list[Table]:
        """For people."""
        rows = [
            (name, *_medians([first for first, _ in one]), *_medians([again for _, again in one]))
            for name, one in self.rounds.items()
        ]
        return [Table(f"{self.database}, from the start of the process", _HEADINGS, rows)]

    def as_json(self) -> dict[str, object]:
        """With every round."""
        return {
            "database": self.database,
            "contestants": [
                {
                    "contestant": name,
                    "empty": [asdict(first) for first, _ in rounds],
                    "made_before": [asdict(again) for _, again in rounds],
                }
                for name, rounds in self.rounds.items()
            ],
        }


def _medians(starts: Sequence[Started]) -> tuple[str, str]:
    return f"{median(one.delivery for one in starts):.2f}", f"{median(one.result for one in starts):.2f}"
