"""From what the suites found to what people read and what is kept: terminal, Markdown, JSON. Pure functions."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.field import Contestant
    from tests.benchmarks.found.table import Finding
    from tests.benchmarks.machine import Machine


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    Attributes:
        findings: of its suites, in their order.
        missing: what should have been measured and could not be, and why; its targets are open.
    """

    findings: Sequence[Finding]
    missing: Sequence[str] = ()

    @property
    def holds(self) -> bool:
        """Was all measured, and are all targets met."""
        return not self.missing and all(finding.holds for finding in self.findings)

    def lines(self) -> list[str]:
        """For a terminal."""
        lines = [line for finding in self.findings for table in finding.tables() for line in table.plain()]
        return lines + [f"NOT MEASURED: {line}" for line in self.missing]


def markdown(
    run: Run, machine: Machine, notes: Sequence[str], field: Sequence[Contestant], plot: str | None = None
) -> str:
    """A page for ``docs/benchmarks``; ``plot``: file name of a picture beside it."""
    lines = ["<!-- written by `make bench` with --write; do not edit -->", ""]
    lines += [f"- {line}" for line in (*machine.lines(), *notes, *(f"not measured: {line}" for line in run.missing))]
    if plot is not None:
        lines += ["", f"![events a second and milliseconds]({plot})"]
    for finding in run.findings:
        for table in finding.tables():
            lines += ["", *table.markdown()]
            while not lines[-1]:
                lines.pop()
    if field:
        lines += ["", "| contestant | what it does not guarantee |", "|---|---|"]
        lines += [f"| {contestant.name} | {contestant.lacks} |" for contestant in field]
    return "\n".join(lines) + "\n"


def as_json(run: Run, machine: Machine, notes: Sequence[str]) -> str:
    """The same for programs, with every round; findings by suite."""
    found: dict[str, list[object]] = {}
    for finding in run.findings:
        found.setdefault(finding.suite, []).append(finding.as_json())
    told = {"machine": asdict(machine), "notes": list(notes), "not_measured": list(run.missing), **found}
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"
