"""The quota under a simulated clock: never above the rate, hardly below it, whoever comes, goes, lags or dies."""

from __future__ import annotations

import asyncio
import math

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from consumer.domain.slots import SECOND
from consumer.suppliers.pacing import LATEST
from consumer.suppliers.quota import MARGIN
from tests.support.virtual_time import run_virtually
from tests.unit.suppliers.quota_world import FarSlots, Process, mean_rate, now, worst_second

# Shrinking would run each simulation thousands of times.
QUICK = settings(phases=(Phase.explicit, Phase.reuse, Phase.generate))
RATES = st.sampled_from([20, 100, 200])
CLOCKS = st.tuples(st.floats(-1e6, 1e6), st.floats(-1e-4, 1e-4))


def way(longest: float) -> st.SearchStrategy[tuple[float, float]]:
    return st.tuples(st.floats(0, longest), st.floats(0, longest)).map(lambda ends: (min(ends), max(ends)))


async def _backlog(slots: FarSlots, rate: int, clocks: list[tuple[float, float]]) -> list[float]:
    processes = [Process(slots, rate, clock_ahead=ahead, pace=1 + drift) for ahead, drift in clocks]
    for process in processes:
        process.start(rate)
    await asyncio.sleep(6)
    for process in processes:
        await process.die()
    return sorted(moment for process in processes for moment in process.sent)


@settings(QUICK, max_examples=25)
@given(RATES, st.lists(CLOCKS, min_size=1, max_size=5), way(0.03), way(0.03), st.integers(0, 99))
def test_a_backlog_uses_the_quota_and_no_more(
    rate: int, clocks: list[tuple[float, float]], there: tuple[float, float], back: tuple[float, float], seed: int
) -> None:
    async def main() -> tuple[list[float], float]:
        begin = now()
        return await _backlog(FarSlots(there, back, seed), rate, clocks), begin

    sent, begin = run_virtually(main())
    # What a process takes for the shared clock may be behind by the longest way back of an answer; what it sends a
    # little before or after the second's edges counts for one call more.
    assert worst_second(sent) <= math.ceil((1.002 + back[1]) / (1 + MARGIN) * rate) + 1
    assert mean_rate(sent, begin + 1, begin + 6) >= 0.97 * rate


@settings(QUICK, max_examples=25)
@given(RATES, st.lists(CLOCKS, min_size=1, max_size=5), way(0.3), way(0.3), st.integers(0, 99))
def test_a_slow_and_moody_database_costs_calls_and_never_adds_any(
    rate: int, clocks: list[tuple[float, float]], there: tuple[float, float], back: tuple[float, float], seed: int
) -> None:
    async def main() -> tuple[list[float], float]:
        begin = now()
        return await _backlog(FarSlots(there, back, seed), rate, clocks), begin

    sent, begin = run_virtually(main())
    # Each process makes up for a little lateness at once, at either edge of the second.
    edges = 2 * len(clocks)
    assert worst_second(sent) <= math.ceil((1.002 + back[1] + LATEST / SECOND) / (1 + MARGIN) * rate) + edges
    assert mean_rate(sent, begin + 2, begin + 6) >= 0.8 * rate


@settings(QUICK, max_examples=25)
@given(
    st.lists(st.tuples(st.floats(0, 5), st.floats(0.05, 3)), min_size=1, max_size=6),
    way(0.02),
    way(0.02),
    st.integers(0, 99),
)
def test_processes_that_come_and_die_cost_a_few_slots(
    lives: list[tuple[float, float]], there: tuple[float, float], back: tuple[float, float], seed: int
) -> None:
    rate = 100

    async def live(slots: FarSlots, begin: float, length: float) -> list[float]:
        await asyncio.sleep(begin)
        process = Process(slots, rate)
        process.start(40)
        await asyncio.sleep(length)
        await process.die()
        return process.sent

    async def main() -> tuple[list[float], float]:
        begin = now()
        slots = FarSlots(there, back, seed)
        lived = await asyncio.gather(live(slots, 0, 9), *(live(slots, *life) for life in lives))
        return [moment for sent in lived for moment in sent], begin

    sent, begin = run_virtually(main())
    assert worst_second(sent) <= rate
    # What a process holds when it dies: a portion or two.
    assert mean_rate(sent, begin + 1, begin + 9) * 8 >= 0.97 * rate * 8 - 15 * len(lives)


@settings(QUICK, max_examples=20)
@given(st.floats(-30, 3600), st.floats(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_a_database_whose_clock_is_set_goes_on_soon(jump: float, moment: float, processes: int, seed: int) -> None:
    async def main() -> tuple[list[float], float]:
        begin = now()
        slots = FarSlots((0, 0.01), (0, 0.01), seed)
        running = [Process(slots, 100) for _ in range(processes)]
        for process in running:
            process.start(40)
        await asyncio.sleep(moment)
        slots.clock_ahead += jump
        await asyncio.sleep(20)
        for process in running:
            await process.die()
        return [moment for process in running for moment in process.sent], begin

    sent, begin = run_virtually(main())
    # Slots of before and after may overlap for what was reserved ahead.
    assert worst_second(sent) <= 100 + 25 * processes
    assert mean_rate(sent, begin + moment + 11, begin + moment + 19) >= 97


@settings(QUICK, max_examples=20)
@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 2)), min_size=1, max_size=60), st.integers(0, 99))
def test_callers_that_are_cancelled_harm_nobody(leavers: list[tuple[float, float]], seed: int) -> None:
    rate = 100

    async def leave(process: Process, begin: float, length: float) -> None:
        await asyncio.sleep(begin)
        task = asyncio.create_task(process.quota.take(600))
        await asyncio.sleep(length)
        task.cancel()
        if (await asyncio.gather(task, return_exceptions=True))[0] is True:
            process.sent.append(now())

    async def main() -> tuple[list[float], float]:
        begin = now()
        process = Process(FarSlots((0, 0.01), (0, 0.01), seed), rate)
        process.start(40)
        await asyncio.gather(*(leave(process, *leaver) for leaver in leavers))
        await asyncio.sleep(5 - (now() - begin))
        await process.die()
        return process.sent, begin

    sent, begin = run_virtually(main())
    assert worst_second(sent) <= rate + len(leavers)  # their calls are noted late
    assert mean_rate(sent, begin + 1, begin + 5) >= 97


@settings(QUICK, max_examples=25)
@given(st.integers(1, 5), st.floats(0.05, 2), st.floats(0, 0.6), st.integers(0, 99))
def test_processes_that_stand_still_now_and_then_send_hardly_more(
    processes: int, every: float, longest: float, seed: int
) -> None:
    async def main() -> tuple[list[float], float]:
        begin = now()
        slots = FarSlots((0, 0.01), (0, 0), seed)
        running = [Process(slots, 100) for _ in range(processes)]
        for number, process in enumerate(running):
            process.stand_still(seed + number, every=every, longest=longest)
            process.start(60)
        await asyncio.sleep(8)
        for process in running:
            await process.die()
        return [moment for process in running for moment in process.sent], begin

    sent, begin = run_virtually(main())
    assert worst_second(sent) <= 104
    if longest <= 0.04 and every >= 0.5:
        assert mean_rate(sent, begin + 1, begin + 8) >= 97
