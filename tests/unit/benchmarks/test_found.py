"""What the suites make of their rounds, and when that is good enough."""

from __future__ import annotations

import pytest

from tests.benchmarks.conditions import AS_IN_LIFE
from tests.benchmarks.field import CELERY, SERVICE
from tests.benchmarks.found.backlog import backlog, parts, slope
from tests.benchmarks.found.growth import Growth
from tests.benchmarks.found.latency import Latencies, Latency
from tests.benchmarks.found.processes import Processes
from tests.benchmarks.found.starts import Starts
from tests.benchmarks.measuring import Measured, Sample
from tests.benchmarks.pacing import Paced
from tests.benchmarks.starting import Started
from tests.unit.benchmarks.measured import measured


def drained(*, peak: float, grows: float = 0.0) -> Measured:
    """100,000 events in 200 s; ``grows`` MB for each 10,000."""
    samples = tuple(Sample(second, second * 500, 100 + grows * second / 20) for second in range(201))
    return Measured("service", 100_000, 200.0, 180.0, peak, samples)


@pytest.mark.parametrize(("peak", "grows", "holds"), [(149, 0.5, True), (151, 0.0, False), (120, 1.5, False)])
def test_a_long_backlog_must_leave_the_service_small_and_flat(peak: float, grows: float, *, holds: bool) -> None:
    found = backlog("SQLite", drained(peak=peak, grows=grows))
    assert found.slope == pytest.approx(grows, abs=1e-9)
    assert found.holds is holds


def test_what_a_short_backlog_grows_by_is_told_and_not_judged() -> None:
    samples = tuple(Sample(second, second * 500, 100 + second) for second in range(21))
    found = backlog("SQLite", Measured("service", 10_000, 20.0, 18.0, 120, samples))
    assert found.slope == pytest.approx(20)
    assert found.holds
    assert "20.00 MB (not judged" in found.tables()[0].said[2]


def test_the_slope_is_that_of_the_second_half() -> None:
    warming = [Sample(0, 0, 10), Sample(1, 40, 90), Sample(2, 50, 100), Sample(3, 100, 100)]
    assert slope(warming, 100) == pytest.approx(0)


def test_quarters_show_a_rate_that_falls() -> None:
    samples = [Sample(0, 0, 1), Sample(1, 25, 1), Sample(2, 50, 1), Sample(4, 75, 1), Sample(9, 100, 1)]
    assert parts(samples, 100) == (25, 25, 12.5, 5)


@pytest.mark.parametrize(("cost", "holds"), [(2.19, True), (2.21, False)])
def test_the_cost_with_large_tables_counts_the_database_server(cost: float, *, holds: bool) -> None:
    empty = [measured("service", 500, cpu=1.5, database_cpu=0.5) for _ in range(3)]
    full = [measured("service", 500, cpu=1.5, database_cpu=cost - 1.5) for _ in range(3)]
    assert Growth("PostgreSQL", 1_000_000, empty, full).holds is holds


def test_a_disturbed_round_does_not_decide_about_the_cost() -> None:
    calm, disturbed = measured("service", 500, cpu=2), measured("service", 100, cpu=9)
    assert Growth("SQLite", 1_000_000, [calm, calm, calm], [calm, disturbed, calm]).ratio == 1


@pytest.mark.parametrize(("alone", "holds"), [(True, False), (False, True)])
def test_processes_are_judged_only_with_a_core_each(*, alone: bool, holds: bool) -> None:
    found = Processes("PostgreSQL", 4, alone, [measured("service", 500)], [measured("service", 1_000)])
    assert found.holds is holds
    assert ("not judged" in found.tables()[0].said[0]) is not alone


def test_latency_is_judged_of_the_service_alone() -> None:
    slow = Latency(CELERY.name, [(400, Paced(CELERY.name, 200, 2_000, 90, 900, 950))])
    assert Latencies("SQLite", AS_IN_LIFE, [slow]).holds
    ours = Latency(SERVICE.name, [(400, Paced(SERVICE.name, 200, 2_000, 30, p99, 70)) for p99 in (40, 61, 800)])
    found = Latencies("SQLite", AS_IN_LIFE, [ours, slow])
    assert not found.holds
    assert found.tables()[0].rows[0] == ("service", "400", "30.0", "61.0", "40.0", "800.0", "70.0")
    assert found.tables()[0].said == ["p99 of the service: 61.00 ms (target: at most 60 ms: MISSED)"]


def test_starts_are_told_as_medians_of_each_kind() -> None:
    rounds = [(Started("service", first, first + 1), Started("service", again, again + 1)) for first, again in
              ((1.0, 2.0), (9.0, 8.0), (3.0, 4.0))]  # fmt: skip
    [table] = Starts("SQLite", {"service": rounds}).tables()
    assert table.rows == [("service", "3.00", "4.00", "4.00", "5.00")]
