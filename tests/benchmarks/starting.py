"""How long from the start of a process until it has its first message, and until the first result is told.

Files are warm, since they were read before; the process is cold. The first start finds an empty database and makes its
tables, the second finds them there.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.benchmarks.broker_side import COUNTED
from tests.benchmarks.crew import RoundFailed
from tests.benchmarks.measuring import EVERY, STARTING
from tests.benchmarks.workload import LANE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.course import Course
    from tests.benchmarks.field import Contestant

EVENTS: Final = 200
"""More than are taken at once, so that the queue shows the first delivery."""


@dataclass(frozen=True, slots=True)
class Started:
    """One start of one contestant; in seconds."""

    contestant: str
    delivery: float
    """Until it took a message."""
    result: float
    """Until a result was told."""


async def start_twice(course: Course, contestant: Contestant, batch: str) -> tuple[Started, Started]:
    """On an empty database, and on the same again.

    Raises:
        RoundFailed: it did not begin, lost or doubled something.
    """
    async with course.place() as (directory, database):
        first = await _start(course, contestant, f"{batch}a", directory, database)
        return first, await _start(course, contestant, f"{batch}b", directory, database)


async def _start(course: Course, contestant: Contestant, batch: str, directory: Path, database: str) -> Started:
    await course.lay_out(contestant, batch, EVENTS)
    began = time.perf_counter()
    delivery = 0.0
    async with course.working(contestant, directory, database) as crew:
        while not await course.broker.ready(COUNTED):
            crew.usage()
            if not delivery and await course.broker.ready(LANE) < EVENTS:
                delivery = time.perf_counter() - began
            if time.perf_counter() - began > STARTING:
                raise RoundFailed(f"{crew.name} told no result within {STARTING:.0f} s")
            await asyncio.sleep(EVERY)
        result = time.perf_counter() - began
        while await course.broker.ready(COUNTED) < EVENTS:
            crew.usage()
            await asyncio.sleep(EVERY)
    await course.verify(contestant, batch, EVENTS)
    return Started(contestant.name, delivery or result, result)
