"""What a command line comes to."""

from __future__ import annotations

import pytest

from tests.benchmarks.asked import SUITES, read
from tests.benchmarks.conditions import AS_IN_LIFE, Conditions
from tests.benchmarks.field import CELERY, FIELD, HAND_WRITTEN_FAST, PAIR, SERVICE


def test_all_suites_with_all_contestants_unless_something_else_is_asked_for() -> None:
    asked = read([])
    assert asked.suites == frozenset(SUITES)
    assert (asked.events, asked.rounds, asked.backlog, asked.rows) == (5_000, 3, 100_000, 1_000_000)
    assert asked.field("throughput") == asked.field("concurrency") == FIELD
    assert asked.everybody() == FIELD


def test_who_is_named_runs_in_the_order_of_the_field() -> None:
    asked = read(["--suite", "concurrency", "--contestants", "celery, service"])
    assert asked.field("concurrency") == asked.everybody() == (SERVICE, CELERY)


def test_suites_about_the_service_alone_have_no_company() -> None:
    asked = read(["--contestants", "aiohttp,service"])
    assert {asked.field(suite) for suite in ("backlog", "tables", "processes")} == {(SERVICE,)}
    assert asked.field("latency") == (SERVICE, HAND_WRITTEN_FAST)


def test_a_guard_has_the_same_two() -> None:
    assert read(["--guard"]).everybody() == PAIR


def test_a_quick_run_compares_two_but_for_the_throughput() -> None:
    asked = read(["--quick"])
    assert asked.field("latency") == PAIR
    assert asked.field("throughput") == FIELD


def test_the_grid_of_the_concurrency() -> None:
    cells = list(read([]).cells())
    assert len(cells) == 8
    assert {Conditions(0, 200), Conditions(20, 10), AS_IN_LIFE} < set(cells)
    ends = {Conditions(delay_ms, at_once) for delay_ms in (0, 20) for at_once in (10, 200)}
    assert set(read(["--quick"]).cells()) == {AS_IN_LIFE, *ends}


@pytest.mark.parametrize(("suite", "needed"), [("http", False), ("catalogue", False), ("backlog", True)])
def test_a_database_server_is_started_for_those_that_use_it(suite: str, *, needed: bool) -> None:
    assert read(["--suite", suite]).needs_postgres is needed


@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--contestants", "service,kafka"], ["--suite", "speed"]])
def test_what_makes_no_sense_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read(arguments)
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_everybody_is_told_the_conditions() -> None:
    assert Conditions(20, 200, 4).environment() == {
        "RELAY_PREFETCH": "orders=200",
        "BENCHMARK_CONCURRENCY": "200",
        "BENCHMARK_DELAY_MS": "20",
    }
