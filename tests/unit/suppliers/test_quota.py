"""Taking slots: who comes first, who is sent away, what it costs, and what a database that fails does to callers."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import BooksUnavailable
from consumer.domain.slots import SECOND, Reservation, SlotRequest
from consumer.suppliers.quota import LastMinute, LocalSlots, SharedQuota
from tests.support.virtual_time import run_virtually
from tests.unit.suppliers.quota_world import ACCOUNT, FarSlots, now

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def virtually(test: Callable[[], Coroutine[object, object, None]]) -> Callable[[], None]:
    def run() -> None:
        run_virtually(test())

    run.__name__ = test.__name__
    return run


def _quota(slots: FarSlots, rate: float = 100) -> SharedQuota:
    return SharedQuota(ACCOUNT, rate, slots, clock=now)


class Broken:
    def __init__(self) -> None:
        self.asked = 0

    async def reserve_slots(self, request: SlotRequest) -> Reservation:
        del request
        self.asked += 1
        await asyncio.sleep(0.1)
        raise BooksUnavailable("relay.db does not answer", code="unreachable")


class Silent:
    async def reserve_slots(self, request: SlotRequest) -> Reservation:
        del request
        await asyncio.sleep(10_000)
        raise AssertionError


@virtually
async def test_the_first_call_after_idleness_goes_at_once_and_an_idle_process_reserves_nothing() -> None:
    slots = FarSlots((0, 0), (0, 0))
    quota = _quota(slots)
    for _ in range(3):
        before = now()
        assert await quota.take(1)
        assert now() - before < 0.002
        await asyncio.sleep(3600)
    assert [request.count for request in slots.requests] == [1, 1, 1]


@virtually
async def test_first_come_first_served() -> None:
    quota = _quota(FarSlots())
    served: list[int] = []

    async def call(number: int) -> None:
        assert await quota.take(60)
        served.append(number)

    await asyncio.gather(*(call(number) for number in range(300)))
    assert served == list(range(300))


@virtually
async def test_calls_leave_evenly_and_few_reservations_do() -> None:
    slots = FarSlots()
    quota = _quota(slots)
    left: list[float] = []

    async def call() -> None:
        assert await quota.take(60)
        left.append(now())

    await asyncio.gather(*(call() for _ in range(200)))
    gaps = [after - before for before, after in pairwise(left)]
    assert min(gaps) > 0.009
    assert max(gaps) < 0.012
    assert len(slots.requests) <= 42
    assert max(request.count for request in slots.requests) == 5, "what a dying process takes along"


@virtually
async def test_who_cannot_have_a_slot_in_time_hears_so_at_once() -> None:
    quota = _quota(FarSlots())
    queue = [asyncio.create_task(quota.take(60)) for _ in range(300)]
    await asyncio.sleep(0.5)
    before = now()
    assert not await quota.take(1)
    assert now() == before
    assert await quota.take(4)
    assert all(await asyncio.gather(*queue))


@virtually
async def test_who_learns_only_from_the_reservation_that_others_took_the_slots_is_sent_away_then() -> None:
    slots = FarSlots()
    busy = SlotRequest(ACCOUNT, 500, 10_000, 0, 10 * SECOND)
    await slots.reserve_slots(busy)
    quota = _quota(slots)
    before = now()
    assert not await quota.take(3)
    assert now() - before < 0.1
    assert await quota.take(6)


@virtually
async def test_a_database_that_says_nothing_does_not_hold_callers_beyond_their_time() -> None:
    quota = SharedQuota(ACCOUNT, 100, Silent(), clock=now)
    before = now()
    patient = asyncio.create_task(quota.take(50))
    assert not await quota.take(5)
    assert now() - before == pytest.approx(5)
    assert not await patient
    assert now() - before == pytest.approx(50)
    await quota.aclose()


@virtually
async def test_a_database_that_fails_tells_every_caller_and_the_next_one_asks_again() -> None:
    slots = Broken()
    quota = SharedQuota(ACCOUNT, 100, slots, clock=now)
    answers = await asyncio.gather(*(quota.take(60) for _ in range(50)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [BooksUnavailable] * 50
    assert slots.asked == 1
    with pytest.raises(BooksUnavailable):
        await quota.take(60)
    assert slots.asked == 2


@virtually
async def test_a_cancelled_caller_gives_its_slot_to_the_next_even_when_it_has_it_already() -> None:
    quota = _quota(FarSlots((0, 0), (0, 0)))
    left: list[tuple[int, float]] = []

    async def call(number: int) -> None:
        assert await quota.take(60)
        left.append((number, now()))
        if number == 2:
            # The slot of the next one is given out in this very moment of the loop, before he can run.
            tasks[3].cancel()

    tasks = [asyncio.create_task(call(number)) for number in range(10)]
    await asyncio.sleep(0)
    tasks[5].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [number for number, _ in left] == [0, 1, 2, 4, 6, 7, 8, 9]
    assert left[-1][1] - left[0][1] == pytest.approx(7 * 0.0102, abs=0.002)


@virtually
async def test_a_slot_given_to_a_caller_who_is_cancelled_before_he_runs_goes_to_the_next() -> None:
    quota = _quota(FarSlots((0, 0), (0, 0)), rate=1)
    assert await quota.take(5)
    first, second = (asyncio.create_task(quota.take(5)) for _ in range(2))
    await asyncio.sleep(0.5)
    # In the same turn of the loop, after the alarm that gives the slot and before the task that gets it.
    due = quota._alarm_at + 1e-10
    asyncio.get_running_loop().call_at(due, first.cancel)
    assert await second
    assert first.cancelled()
    assert now() == pytest.approx(due)


@virtually
async def test_where_the_quota_is_far_above_the_use_a_stock_makes_it_cost_nothing() -> None:
    slots = FarSlots((0.005, 0.02), (0.005, 0.02))
    quota = _quota(slots, rate=100_000)
    assert await quota.take(1)
    await asyncio.sleep(0.1)
    waited = []
    for _ in range(2000):
        before = now()
        assert await quota.take(1)
        waited.append(now() - before)
        await asyncio.sleep(0.001)
    assert sum(wait > 0 for wait in waited) < 20
    assert len(slots.requests) < 60
    await asyncio.sleep(60)
    before_idle = len(slots.requests)
    await asyncio.sleep(60)
    assert len(slots.requests) == before_idle


@virtually
async def test_a_slow_rate_keeps_its_distance() -> None:
    quota = _quota(FarSlots(), rate=0.5)
    left = []
    for _ in range(4):
        assert await quota.take(10)
        left.append(now())
    assert all(2 < after - before < 2.1 for before, after in pairwise(left))


@virtually
async def test_the_share_of_the_last_minute() -> None:
    quota = _quota(FarSlots())
    await asyncio.gather(*(quota.take(60) for _ in range(600)))
    assert quota.used_ratio() == pytest.approx(0.1)
    await asyncio.sleep(61)
    assert quota.used_ratio() == 0


def test_a_minute_is_counted_to_the_second() -> None:
    minute = LastMinute()
    for second in range(100):
        minute.add(second + 0.5)
    assert minute.count(99.9) == 60
    assert minute.count(120) == 39


async def test_slots_without_a_database_are_for_each_account_its_own() -> None:
    slots = LocalSlots(clock=lambda: 5.0)
    request = SlotRequest("a", 3, 10_000, 0, SECOND)
    assert [(await slots.reserve_slots(request)).first for _ in range(2)] == [5_000_000, 5_030_000]
    other = SlotRequest("b", 1, 10_000, 2_000, SECOND)
    assert (await slots.reserve_slots(other)).first == 5_002_000
