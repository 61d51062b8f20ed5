"""Rounds as values, for what is made of them."""

from __future__ import annotations

from tests.benchmarks.measuring import Measured, Sample


def measured(
    contestant: str, rate: float, *, events: int = 1_000, cpu: float = 1.0, database_cpu: float = 0.0
) -> Measured:
    """A round of ``events`` at ``rate`` events a second; ``cpu`` seconds for each 1,000 events."""
    return Measured(
        contestant,
        events,
        seconds=events / rate,
        cpu_seconds=cpu * events / 1000,
        peak_rss_mb=100.0,
        samples=(Sample(0.0, 0, 90.0), Sample(events / rate, events, 100.0)),
        database_cpu_seconds=database_cpu * events / 1000,
    )
