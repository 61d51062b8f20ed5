"""The service with a long backlog: does it stay small, and as fast at the end as at the beginning."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import linear_regression
from typing import TYPE_CHECKING, Final

from tests.benchmarks.found.table import Table, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.measuring import Measured, Sample

TARGET_RSS_MB: Final = 150.0
TARGET_SLOPE: Final = 1.0
"""MB for each further 10,000 events that still counts as flat."""
JUDGED_FROM: Final = 50_000
"""Events from which on what grows while caches fill does not count for much."""
PARTS: Final = 4


@dataclass(frozen=True, slots=True)
class Backlog:
    """A backlog that was drained."""

    database: str
    events: int
    rate: float
    peak_rss_mb: float
    slope: float
    """MB for each 10,000 events, over the second half."""
    parts: tuple[float, ...]
    """Events a second in each quarter of the work."""
    suite: str = "backlog"

    @property
    def holds(self) -> bool:
        """Is it small enough, and flat."""
        return self.peak_rss_mb <= TARGET_RSS_MB and (self.events < JUDGED_FROM or self.slope <= TARGET_SLOPE)

    def tables(self) -> list[Table]:
        """For people."""
        what = "each 10,000 events of the second half"
        quarters = ", ".join(f"{rate:,.0f}" for rate in self.parts)
        said = [
            f"drained at {self.rate:,.0f}/s; by quarters: {quarters}",
            verdict("peak RSS", self.peak_rss_mb, TARGET_RSS_MB, least=False, unit=" MB"),
            verdict(what, self.slope, TARGET_SLOPE, least=False, unit=" MB")
            if self.events >= JUDGED_FROM
            else f"{what}: {self.slope:.2f} MB (not judged with fewer than {JUDGED_FROM:,} events)",
        ]
        return [Table(f"{self.database}, the service with a backlog of {self.events:,} events", said=said)]

    def as_json(self) -> dict[str, object]:
        """All figures."""
        return {
            "database": self.database,
            "events": self.events,
            "events_per_second": round(self.rate, 1),
            "by_quarter": [round(rate, 1) for rate in self.parts],
            "peak_rss_mb": round(self.peak_rss_mb, 1),
            "mb_for_each_10000": round(self.slope, 3),
        }


def backlog(database: str, measured: Measured) -> Backlog:
    """Sum up."""
    return Backlog(
        database,
        measured.events,
        measured.rate,
        measured.peak_rss_mb,
        slope(measured.samples, measured.events),
        parts(measured.samples, measured.events),
    )


def slope(samples: Sequence[Sample], events: int) -> float:
    """MB of RSS for each 10,000 events, by least squares over the samples of the second half of the work."""
    late = [sample for sample in samples if sample.done >= events / 2]
    return linear_regression([sample.done for sample in late], [sample.rss_mb for sample in late]).slope * 10_000


def parts(samples: Sequence[Sample], events: int) -> tuple[float, ...]:
    """Events a second in each quarter of the work, between the samples that are nearest to its ends."""
    ends = [min(samples, key=lambda sample: abs(sample.done - events * part / PARTS)) for part in range(PARTS + 1)]
    return tuple(
        (after.done - before.done) / (after.seconds - before.seconds)
        for before, after in pairwise(ends)
        if after.seconds > before.seconds
    )
