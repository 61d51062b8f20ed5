"""What is said of contestants in turn, and when that is good enough."""

from __future__ import annotations

import pytest

from tests.benchmarks.conditions import ALL_OUT, AS_IN_LIFE, Conditions
from tests.benchmarks.field import CELERY, HAND_WRITTEN, HAND_WRITTEN_FAST, SERVICE, Contestant
from tests.benchmarks.found.race import Race, race
from tests.unit.benchmarks.measured import measured


def raced(rates: dict[Contestant, list[float]], *, database: str = "SQLite", conditions: Conditions = ALL_OUT) -> Race:
    return race(
        "throughput",
        database,
        conditions,
        {one.name: [measured(one.name, rate) for rate in several] for one, several in rates.items()},
    )


def test_the_median_counts_and_the_fastest_of_the_others_is_the_measure() -> None:
    found = raced({SERVICE: [100, 900, 600], HAND_WRITTEN: [300], HAND_WRITTEN_FAST: [500], CELERY: [400]})
    assert found.to_hand_written == pytest.approx(2.0)
    assert found.to_fastest == pytest.approx(1.2)
    [table] = found.tables()
    assert table.rows[0][:5] == ("service", "600", "100", "900", "2.00")
    assert table.said == [
        "SQLite: service / hand-written loop: 2.00 (target: at least 1.5: met)",
        (
            "SQLite: service / fastest of the others (hand-written loop, uvloop + aiohttp, of 3): "
            "1.20 (target: at least 1.3: MISSED)"
        ),
    ]
    assert not found.holds


@pytest.mark.parametrize(("database", "holds"), [("SQLite", False), ("PostgreSQL", True)])
def test_each_database_has_its_target(database: str, *, holds: bool) -> None:
    assert raced({SERVICE: [600], HAND_WRITTEN: [300], CELERY: [500]}, database=database).holds is holds


@pytest.mark.parametrize(("rate", "holds"), [(500, True), (499, False)])
def test_behind_a_supplier_that_takes_its_time_as_fast_as_the_fastest_is_enough(rate: int, *, holds: bool) -> None:
    assert raced({SERVICE: [rate], CELERY: [500]}, conditions=AS_IN_LIFE).holds is holds


def test_other_conditions_have_no_target() -> None:
    found = raced({SERVICE: [1], CELERY: [500]}, conditions=Conditions(20, 10))
    assert found.holds
    assert found.tables()[0].said == []


@pytest.mark.parametrize("alone", [SERVICE, CELERY])
def test_who_ran_alone_is_compared_with_nobody(alone: Contestant) -> None:
    found = raced({alone: [500]})
    assert (found.to_fastest, found.to_hand_written) == (None, None)
    assert found.tables()[0].said == []
    assert found.tables()[0].rows[0][4] == "–"


def test_the_json_has_every_round() -> None:
    told = raced({SERVICE: [600, 500], CELERY: [500, 500]}).as_json()
    assert told["conditions"] == {"delay_ms": 0, "concurrency": 100, "processes": 1}
    assert told["to_fastest"] == 1.1
    contestants = told["contestants"]
    assert isinstance(contestants, list)
    assert [one["events"] for one in contestants[0]["rounds"]] == [1_000, 1_000]
