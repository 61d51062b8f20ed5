"""Under what conditions a round is run: what differs between the cells of a table, and nothing else does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks.workload import PREFETCH

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Conditions:
    """The same for every contestant.

    Attributes:
        delay_ms: how long the supplier takes to answer.
        concurrency: messages in hand at most: the prefetch, and connections to the supplier.
        processes: contestants of the same kind on one queue and one database.
    """

    delay_ms: int = 0
    concurrency: int = PREFETCH
    processes: int = 1

    def environment(self) -> Mapping[str, str]:
        """What tells the service (``RELAY_``) and the others (``BENCHMARK_``) of it."""
        return {
            "RELAY_PREFETCH": f"orders={self.concurrency}",
            "BENCHMARK_CONCURRENCY": str(self.concurrency),
            "BENCHMARK_DELAY_MS": str(self.delay_ms),
        }

    def __str__(self) -> str:
        crew = f", {self.processes} processes" if self.processes > 1 else ""
        return f"delay {self.delay_ms} ms, prefetch {self.concurrency}{crew}"


ALL_OUT = Conditions()
"""The supplier answers at once: what is measured is the contestant alone."""
AS_IN_LIFE = Conditions(delay_ms=20)
"""A supplier that takes its time, as they do."""
