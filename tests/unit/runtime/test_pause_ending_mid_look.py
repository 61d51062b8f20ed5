"""A rest that ends while a lane looks at it: the lane sees the trial, however the look falls."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from consumer.domain.errors import Throttled
from consumer.runtime.pause_board import PauseBoard
from consumer.runtime.pauses import Fetching

REST = 1.0


class TickingClock:
    """Moves on by ``tick`` with each reading from when it is told to, as a real clock does."""

    def __init__(self, tick: float) -> None:
        self.now = 0.0
        self.moves = False
        self._tick = tick

    def __call__(self) -> float:
        if self.moves:
            self.now += self._tick
        return self.now


@pytest.mark.parametrize("readings_before_the_end", range(8))
async def test_an_end_between_two_readings_of_the_clock_is_not_missed(readings_before_the_end: int) -> None:
    tick = 0.001
    clock = TickingClock(tick)
    board = PauseBoard(clock=clock)
    board.pause(
        "ylh",
        rest=timedelta(seconds=REST),
        longest=timedelta(seconds=60),
        cause=Throttled("throttled", supplier="ylh", operation="create"),
        alert=False,
    )
    clock.now = REST - (readings_before_the_end + 0.5) * tick
    clock.moves = True
    async with asyncio.timeout(2):
        assert await board.until_other_than(Fetching.PAUSED, {"ylh"}) is Fetching.TRIAL
