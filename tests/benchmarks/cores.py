"""Who runs on which core: the worker alone on one, the sandbox on another, the broker and the measuring on the rest.

Without this the scheduler moves the broker onto the worker's core now and then, and a round measures that. Cores are
inherited from the thread that starts a process, so a start is wrapped in `on`; nothing is pinned afterwards, which
would miss threads that are already there.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

CREW = 4
"""Workers where several are measured."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Core numbers for each part; empty sets: nothing is pinned."""

    worker: frozenset[int]
    sandbox: frozenset[int]
    broker: frozenset[int]
    crew: frozenset[int]
    """For four workers: cores that nobody else has, or all where there are too few for that."""

    @property
    def crew_is_alone(self) -> bool:
        """Do four workers have a core each."""
        return len(self.crew) == CREW and not self.crew & (self.sandbox | self.broker)

    @classmethod
    def share_out(cls) -> Cores:
        """Give out the cores that this process may use."""
        return cls.of(os.sched_getaffinity(0) if sys.platform == "linux" else ())

    @classmethod
    def of(cls, cores: Collection[int]) -> Cores:
        """Give out ``cores``: four or three as told above, of two one to the worker, of seven four to the crew."""
        free = sorted(cores)
        if len(free) <= 1:
            return cls(frozenset(), frozenset(), frozenset(), frozenset())
        crew = CREW if len(free) >= CREW + 3 else 1
        others = free[crew:]
        return cls(
            worker=frozenset(free[:1]),
            sandbox=frozenset(others[:1]),
            broker=frozenset(others[1:] or others),
            crew=frozenset(free[:crew] if crew == CREW else free),
        )

    def __str__(self) -> str:
        if not self.worker:
            return "nothing is pinned (one core, or a system without sched_setaffinity): figures vary more"
        parts = {"worker": self.worker, "sandbox": self.sandbox, "broker and measuring": self.broker}
        return "; ".join(f"{name} on {_named(cores)}" for name, cores in parts.items())


@contextmanager
def on(cores: frozenset[int]) -> Iterator[None]:
    """Within the block, processes are started on ``cores`` (and this thread runs there); empty: anywhere."""
    if sys.platform != "linux" or not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _named(cores: frozenset[int]) -> str:
    return ("core " if len(cores) == 1 else "cores ") + ", ".join(map(str, sorted(cores)))
