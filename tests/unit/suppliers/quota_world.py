"""Processes on one account, a database that takes its time, and clocks that disagree, all in virtual time."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumer.suppliers.quota import LocalSlots, SharedQuota

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.slots import Reservation, SlotRequest

ACCOUNT = "ylh:us"


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class FarSlots:
    """The row, behind a network: so many seconds there and back at least, and so many more at most."""

    there: tuple[float, float] = (0.001, 0.001)
    back: tuple[float, float] = (0.001, 0.001)
    seed: int = 0
    clock_ahead: float = 1e6
    requests: list[SlotRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - a simulation
        self._row = LocalSlots(clock=lambda: now() + self.clock_ahead)

    async def reserve_slots(self, request: SlotRequest) -> Reservation:
        self.requests.append(request)
        await asyncio.sleep(self._random.uniform(*self.there))
        reservation = await self._row.reserve_slots(request)
        await asyncio.sleep(self._random.uniform(*self.back))
        return reservation


class Process:
    """Callers of one process, each making one call after the other without end."""

    def __init__(
        self, slots: FarSlots, rate: float, *, clock_ahead: float = 0.0, pace: float = 1.0, answer: float = 0.02
    ) -> None:
        self.quota = SharedQuota(ACCOUNT, rate, slots, clock=lambda: now() * pace + clock_ahead)
        self.sent: list[float] = []
        self._answer = answer
        self._tasks: list[asyncio.Task[None]] = []

    def stand_still(self, seed: int, *, every: float, longest: float) -> None:
        """Let its event loop stand still again and again, so that it gives slots to callers late."""
        self._tasks.append(asyncio.create_task(self._stand_still(random.Random(seed), every, longest)))  # noqa: S311

    async def _stand_still(self, moods: random.Random, every: float, longest: float) -> None:
        serve, until = self.quota._serve, now()

        def serve_late() -> None:
            if now() < until:
                asyncio.get_running_loop().call_at(until, serve)
            else:
                serve()

        setattr(self.quota, "_serve", serve_late)  # noqa: B010 - mypy does not like it plain
        while True:
            await asyncio.sleep(moods.expovariate(1 / every))
            until = now() + moods.uniform(0, longest)
            await asyncio.sleep(until - now())

    def start(self, callers: int) -> None:
        self._tasks += [asyncio.create_task(self._call()) for _ in range(callers)]

    async def die(self) -> None:
        """End at once: what it holds is lost."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await self.quota.aclose()

    async def _call(self) -> None:
        while True:
            assert await self.quota.take(600)
            self.sent.append(now())
            await asyncio.sleep(self._answer)


def worst_second(sent: Sequence[float]) -> int:
    """Return the most calls in any window of one second."""
    times = sorted(sent)
    return max((number - bisect_left(times, end - 1.0 + 1e-9) + 1 for number, end in enumerate(times)), default=0)


def mean_rate(sent: Sequence[float], begin: float, end: float) -> float:
    return sum(begin <= moment < end for moment in sent) / (end - begin)
