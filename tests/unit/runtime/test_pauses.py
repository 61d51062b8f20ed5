"""Pauses: who rests and for how long, trials, renewals, and waking up in time."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from consumer.runtime.pause_board import PauseBoard
from consumer.runtime.pauses import Change, Fetching
from tests.unit.domain import failures

YLH = frozenset({"ylh", "database"})
HAIER = frozenset({"haier", "database"})
CAUSE = failures.misconfigured()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Board(PauseBoard):
    """A board with a clock in hand that notes what is told."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.told: list[tuple[str, float | None]] = []
        super().__init__(clock=self.clock, on_change=self._note)

    def _note(self, resource: str, change: Change) -> None:
        pause = self.pause_of(resource)
        assert (pause is None) == (change is Change.LIFTED)
        self.told.append((resource, None if pause is None else pause.length))

    def rest(self, seconds: float = 30, longest: float = 300, resource: str = "ylh") -> None:
        self.pause(
            resource, rest=timedelta(seconds=seconds), longest=timedelta(seconds=longest), cause=CAUSE, alert=True
        )


def test_a_pause_concerns_the_lanes_that_need_its_resource() -> None:
    board = Board()
    board.rest(resource="ylh")
    assert (board.fetching(YLH), board.fetching(HAIER)) == (Fetching.PAUSED, Fetching.FULL)
    board.rest(resource="database")
    assert (board.fetching(YLH), board.fetching(HAIER)) == (Fetching.PAUSED, Fetching.PAUSED)
    assert board.fetching(()) is Fetching.FULL
    assert {pause.resource for pause in board.pauses()} == {"ylh", "database"}


def test_a_pause_that_lapses_is_a_trial_until_something_gets_through() -> None:
    board = Board()
    board.rest(30)
    board.clock.now += 29.9
    assert board.fetching(YLH) is Fetching.PAUSED
    board.clock.now += 0.1
    assert board.fetching(YLH) is Fetching.TRIAL
    board.lift("ylh")
    assert board.fetching(YLH) is Fetching.FULL
    assert board.told == [("ylh", 30), ("ylh", None)]


def test_one_resource_at_rest_outweighs_another_on_trial() -> None:
    board = Board()
    board.rest(1, resource="ylh")
    board.rest(10, resource="database")
    board.clock.now += 5
    assert board.fetching(YLH) is Fetching.PAUSED
    board.clock.now += 5
    assert board.fetching(YLH) is Fetching.TRIAL


def test_what_was_in_flight_when_the_pause_began_does_not_lift_it() -> None:
    board = Board()
    board.rest(30)
    board.lift("ylh")
    assert board.fetching(YLH) is Fetching.PAUSED


def test_others_that_fail_the_same_way_do_not_lengthen_a_pause() -> None:
    board = Board()
    for _ in range(100):
        board.rest(30)
        board.clock.now += 0.01
    assert board.told == [("ylh", 30)]
    board.clock.now += 29.5
    assert board.fetching(YLH) is Fetching.TRIAL


def test_a_later_answer_that_asks_for_a_longer_rest_gets_it() -> None:
    board = Board()
    board.rest(1, longest=1)
    board.clock.now += 0.5
    board.rest(60, longest=60)
    board.clock.now += 59
    assert board.fetching(YLH) is Fetching.PAUSED
    board.clock.now += 1
    assert board.fetching(YLH) is Fetching.TRIAL


def test_each_failed_trial_doubles_the_rest_up_to_the_longest() -> None:
    board = Board()
    for _ in range(7):
        board.rest(30, longest=300)
        (pause,) = board.pauses()
        board.clock.now = pause.ends
    assert [length for _, length in board.told] == [30, 60, 120, 240, 300, 300, 300]


def test_a_rest_that_the_supplier_asked_for_is_not_doubled() -> None:
    board = Board()
    for seconds in (1, 1, 60, 2):
        board.rest(seconds, longest=seconds)
        (pause,) = board.pauses()
        board.clock.now = pause.ends
    assert [length for _, length in board.told] == [1, 1, 60, 2]


def test_a_lifted_pause_begins_anew() -> None:
    board = Board()
    for _ in range(3):
        board.rest(30)
        board.clock.now += 30
        board.lift("ylh")
    assert [length for _, length in board.told if length is not None] == [30, 30, 30]


def test_lifting_what_does_not_rest_is_told_to_nobody() -> None:
    board = Board()
    board.lift("ylh")
    assert board.told == []


async def test_a_waiter_wakes_when_a_pause_begins_and_when_it_is_lifted() -> None:
    board = Board()
    waiter = asyncio.create_task(board.until_other_than(Fetching.FULL, YLH))
    await asyncio.sleep(0)
    board.rest(30, resource="haier")
    await asyncio.sleep(0.001)
    assert not waiter.done(), "another lane's pause is none of ours"
    board.rest(30)
    assert await asyncio.wait_for(waiter, 1) is Fetching.PAUSED
    board.clock.now += 30
    waiter = asyncio.create_task(board.until_other_than(Fetching.TRIAL, YLH))
    await asyncio.sleep(0)
    board.lift("ylh")
    assert await asyncio.wait_for(waiter, 1) is Fetching.FULL


async def test_a_waiter_wakes_when_the_pause_lapses() -> None:
    board = PauseBoard(clock=time.monotonic)
    began = time.monotonic()
    for resource, seconds in (("ylh", 0.03), ("haier", 0.005)):
        board.pause(
            resource,
            rest=timedelta(seconds=seconds),
            longest=timedelta(seconds=1),
            cause=failures.throttled(),
            alert=False,
        )
    assert await asyncio.wait_for(board.until_other_than(Fetching.PAUSED, YLH), 2) is Fetching.TRIAL
    assert time.monotonic() - began >= 0.03


async def test_nobody_waits_for_what_is_so_already() -> None:
    board = Board()
    assert await asyncio.wait_for(board.until_other_than(Fetching.PAUSED, YLH), 1) is Fetching.FULL


@pytest.mark.parametrize("waiters", [1, 20])
async def test_a_trial_that_fails_wakes_every_lane(waiters: int) -> None:
    board = Board()
    board.rest(30)
    board.clock.now += 30
    tasks = [asyncio.create_task(board.until_other_than(Fetching.TRIAL, YLH)) for _ in range(waiters)]
    await asyncio.sleep(0)
    board.rest(30)
    assert set(await asyncio.wait_for(asyncio.gather(*tasks), 1)) == {Fetching.PAUSED}
