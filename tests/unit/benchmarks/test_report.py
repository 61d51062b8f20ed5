"""What is printed and kept of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from tests.benchmarks.field import CELERY, SERVICE
from tests.benchmarks.found.table import Table, verdict
from tests.benchmarks.machine import Machine
from tests.benchmarks.report import Run, as_json, markdown

MACHINE = Machine(
    "2026-11-22", "a processor", 4, 8.0, "Linux", "CPython 3.11", "3.40", "3.10.8", "15.4", {"httpx": "1"}
)


@dataclass(frozen=True)
class Finding:
    holds: bool
    suite: str = "throughput"

    def tables(self) -> list[Table]:
        return [Table("SQLite", ("who", "rate"), [("service", "1,000"), ("Celery", "9")], ["as fast as can be"])]

    def as_json(self) -> dict[str, object]:
        return {"holds": self.holds}


def test_a_table_is_aligned_for_a_terminal() -> None:
    [table] = Finding(holds=True).tables()
    assert table.plain() == [
        "SQLite:",
        "who       rate",
        "service  1,000",
        "Celery       9",
        "",
        "as fast as can be",
        "",
    ]


def test_what_could_not_be_measured_is_no_success_and_is_said() -> None:
    found = [Finding(holds=True)]
    assert Run(found).holds
    lacking = Run(found, ["anything on PostgreSQL; its targets are open (no initdb)"])
    assert not lacking.holds
    assert lacking.lines()[-1] == "NOT MEASURED: anything on PostgreSQL; its targets are open (no initdb)"
    assert "- not measured: anything on PostgreSQL" in markdown(lacking, MACHINE, [], [])
    assert json.loads(as_json(lacking, MACHINE, []))["not_measured"] == list(lacking.missing)


def test_one_missed_target_is_enough() -> None:
    assert not Run([Finding(holds=True), Finding(holds=False)]).holds


def test_the_page_names_versions_and_what_each_lacks() -> None:
    page = markdown(Run([Finding(holds=True)]), MACHINE, ["a note"], [SERVICE, CELERY], "throughput.svg")
    assert "PostgreSQL 15.4" in page
    assert "httpx 1" in page
    assert "](throughput.svg)" in page
    assert f"| Celery | {CELERY.lacks} |" in page
    assert "| service | 1,000 |" in page


def test_findings_are_kept_by_suite() -> None:
    run = Run([Finding(holds=True), Finding(holds=False), Finding(holds=True, suite="latency")])
    told = json.loads(as_json(run, MACHINE, []))
    assert told["throughput"] == [{"holds": True}, {"holds": False}]
    assert told["latency"] == [{"holds": True}]


@pytest.mark.parametrize(
    ("reached", "least", "word"),
    [(1.5, True, "met"), (1.49, True, "MISSED"), (1.5, False, "met"), (1.51, False, "MISSED")],
)
def test_a_verdict_says_on_which_side_of_the_target(reached: float, word: str, *, least: bool) -> None:
    assert verdict("ratio", reached, 1.5, least=least).endswith(f"1.5: {word})")
