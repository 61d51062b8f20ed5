"""Events at an even pace, and how long each takes until its result is heard: latency at a load that can be carried.

The time of an event runs from when it is due, not from when it was sent: what holds up the sender for a moment (or the
broker, which then takes nothing) is waited for by the next ones too, as it would be in life.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from math import ceil
from typing import TYPE_CHECKING, Final

from publishers.confirms import ConfirmedPublisher
from tests.benchmarks.crew import RoundFailed
from tests.benchmarks.measuring import EVERY, STANDSTILL, STARTING
from tests.benchmarks.workload import LANE, so_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publishers.outgoing import Outgoing
    from tests.benchmarks.course import Course
    from tests.benchmarks.crew import Crew
    from tests.benchmarks.field import Contestant

WARM_UP: Final = 2.0
"""Seconds at the pace that do not count: logging in, opening connections."""


@dataclass(frozen=True, slots=True)
class Paced:
    """Latencies of one contestant at one pace."""

    contestant: str
    rate: float
    """Events a second that it was given."""
    events: int
    """That count."""
    p50_ms: float
    p99_ms: float
    longest_ms: float


@dataclass(slots=True)
class _Clock:
    """When events were due, and when their first results were heard."""

    due: dict[str, float]
    heard: dict[str, float]
    results: Counter[str]

    def hear(self, so_id: str) -> None:
        self.results[so_id] += 1
        self.heard.setdefault(so_id, time.perf_counter())


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of ``values`` that is not exceeded by ``share`` of them (nearest rank); of none: `ValueError`."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


async def pace(course: Course, contestant: Contestant, batch: str, rate: float, seconds: float) -> Paced:
    """Give ``contestant`` ``rate`` events a second for `WARM_UP` and ``seconds``.

    Raises:
        RoundFailed: it ended early, did not keep up, lost or doubled something.
    """
    early, count = round(rate * WARM_UP), round(rate * (WARM_UP + seconds))
    await course.clear()
    clock = _Clock({}, {}, Counter())
    async with course.place() as (directory, database):
        async with (
            course.working(contestant, directory, database) as crew,
            course.broker.hearing(clock.hear),
            ConfirmedPublisher(course.broker.url, name="relay benchmark: events") as publisher,
        ):
            await _consumes(course, crew)
            events = chain.from_iterable(contestant.backlog(batch, count))
            await _send(publisher, dict(zip(so_ids(batch, count), events, strict=True)), rate, clock)
            await _all_heard(crew, clock, count)
        await course.verify(contestant, batch, count, clock.results)
    took = [(clock.heard[so_id] - due) * 1000 for so_id, due in clock.due.items()][early:]
    return Paced(contestant.name, rate, len(took), percentile(took, 0.5), percentile(took, 0.99), max(took))


async def _send(publisher: ConfirmedPublisher, events: dict[str, Outgoing], rate: float, clock: _Clock) -> None:
    began = time.perf_counter()
    async with asyncio.TaskGroup() as sending:
        for number, (so_id, event) in enumerate(events.items()):
            clock.due[so_id] = due = began + number / rate
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            sending.create_task(_confirmed(publisher, event))


async def _confirmed(publisher: ConfirmedPublisher, event: Outgoing) -> None:
    [error] = await publisher.publish_many([event])
    if error is not None:
        raise error


async def _consumes(course: Course, crew: Crew) -> None:
    deadline = time.perf_counter() + STARTING
    while not await course.broker.consumers(LANE):
        crew.usage()
        if time.perf_counter() > deadline:
            raise RoundFailed(f"{crew.name} did not consume within {STARTING:.0f} s")
        await asyncio.sleep(EVERY)


async def _all_heard(crew: Crew, clock: _Clock, count: int) -> None:
    deadline = time.perf_counter() + STANDSTILL
    while len(clock.heard) < count:
        crew.usage()
        if time.perf_counter() > deadline:
            raise RoundFailed(f"{crew.name} has told {len(clock.heard)} of {count} results in time")
        await asyncio.sleep(EVERY)
