"""What the command line asks for: which suites, who runs, how much of it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks.catalogue_report import FULL
from tests.benchmarks.conditions import AS_IN_LIFE, Conditions
from tests.benchmarks.crew import ROOT
from tests.benchmarks.field import FIELD, PAIR, SERVICE, Contestant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KEPT: Final = ROOT / "docs" / "benchmarks"
SUITES: Final = (
    "http", "throughput", "concurrency", "latency", "backlog", "tables", "processes", "start", "catalogue"
)  # fmt: skip
"""In the order in which they run."""
COMPARED: Final = frozenset({"throughput", "concurrency", "latency", "start"})
"""Suites in which the service has company."""
_ON_THEIR_OWN: Final = frozenset({"http", "catalogue"})
"""Bring along what they need."""
DELAYS_MS: Final = (0, 20)
CONCURRENCIES: Final = (10, 50, 100, 200)


@dataclass(frozen=True, slots=True)
class Asked:
    """What to measure.

    Attributes:
        suites: which.
        contestants: who was named; empty: nobody, so each suite has its own.
        quick: a size that ends within a minute or two for each suite.
        events: in a round.
        rounds: of each contestant, interleaved.
        backlog: events of the long backlog.
        rows: in ``inbox`` and ``orders`` of large tables.
        seconds: for which latency is measured.
        goods: of a catalogue.
        write: keep the figures.
        profile: where the service writes its profile; nothing else is done then.
        guard: only see that nothing became much slower.
    """

    suites: frozenset[str]
    contestants: tuple[Contestant, ...]
    quick: bool
    events: int
    rounds: int
    backlog: int
    rows: int
    seconds: float
    goods: int
    write: bool
    profile: Path | None
    guard: bool

    def field(self, suite: str) -> tuple[Contestant, ...]:
        """Who takes part in ``suite``: who was named, else all, but where there is no time only the two to compare."""
        if suite not in COMPARED:
            return (SERVICE,)
        if self.contestants:
            return self.contestants
        return PAIR if self.quick and suite != "throughput" else FIELD

    @property
    def needs_postgres(self) -> bool:
        """Is there a suite that runs on every database."""
        return not (self.guard or self.profile) and bool(self.suites - _ON_THEIR_OWN)

    def everybody(self) -> tuple[Contestant, ...]:
        """All that take part in some suite, in the order of the field."""
        if self.guard or self.profile:
            return PAIR
        taking_part = {one.key for suite in self.suites - _ON_THEIR_OWN for one in self.field(suite)}
        return tuple(one for one in FIELD if one.key in taking_part)

    def cells(self) -> Iterator[Conditions]:
        """Conditions of the suite ``concurrency``; a quick run has the ends, and what has a target."""
        for delay_ms in DELAYS_MS:
            for concurrency in CONCURRENCIES:
                cell = Conditions(delay_ms, concurrency)
                if not self.quick or cell == AS_IN_LIFE or concurrency in {CONCURRENCIES[0], CONCURRENCIES[-1]}:
                    yield cell


def read(arguments: Sequence[str] | None) -> Asked:
    """Read the command line (None: this process's own); ends the process where it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description="This service against what one would pick instead, in one run."
    )
    parser.add_argument("--suite", choices=(*SUITES, "all"), default="all")
    parser.add_argument(
        "--contestants", type=_named, default=(), metavar="A,B", help=f"who runs: {','.join(map(_key, FIELD))}"
    )
    parser.add_argument("--quick", action="store_true", help="each suite within a minute or two: fewer of everything")
    parser.add_argument("--rounds", type=_number, help="of each contestant, interleaved; default 3, with --quick 1")
    parser.add_argument("--guard", action="store_true", help="only see that nothing became much slower; half a minute")
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {KEPT.relative_to(ROOT)}/")
    parser.add_argument(
        "--profile", type=Path, metavar="DIRECTORY", help="one round of the service under cProfile, nothing else"
    )
    given = parser.parse_args(arguments)
    quick = given.quick
    return Asked(
        suites=frozenset(SUITES) if given.suite == "all" else frozenset({given.suite}),
        contestants=given.contestants,
        quick=quick,
        events=1_000 if quick else 5_000,
        rounds=given.rounds or (1 if quick else 3),
        backlog=10_000 if quick else 100_000,
        rows=100_000 if quick else 1_000_000,
        seconds=8 if quick else 30,
        goods=1_000 if quick else FULL,
        write=given.write,
        profile=given.profile,
        guard=given.guard,
    )


def _named(text: str) -> tuple[Contestant, ...]:
    by_key = {one.key: one for one in FIELD}
    wanted = [key.strip() for key in text.split(",")]
    if unknown := sorted(set(wanted) - by_key.keys()):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: there are {', '.join(by_key)}")
    return tuple(one for one in FIELD if one.key in wanted)


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return int(text)


def _key(contestant: Contestant) -> str:
    return contestant.key
