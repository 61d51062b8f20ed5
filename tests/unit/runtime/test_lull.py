"""Waiting for the loop to come to rest costs an idle service nothing and a busy one a bounded time."""

from __future__ import annotations

import asyncio
import time

from consumer.runtime.lull import lull


async def busy(until: asyncio.Event, step: float) -> int:
    turns = 0
    while not until.is_set():
        await asyncio.sleep(0)
        time.sleep(step)  # noqa: ASYNC251 - what keeps the loop busy
        turns += 1
    return turns


async def test_an_idle_loop_is_not_waited_for() -> None:
    await lull()
    began = time.perf_counter()
    for _ in range(20):
        await lull()
    assert (time.perf_counter() - began) / 20 < 0.005


async def test_what_is_under_way_comes_first() -> None:
    done = 0

    async def work() -> None:
        nonlocal done
        for _ in range(10):
            await asyncio.sleep(0)
            time.sleep(0.0005)  # noqa: ASYNC251
            done += 1

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await lull()
    assert done == 10
    await task


async def test_a_loop_without_rest_is_waited_for_so_long_and_no_longer() -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(busy(stop, 0.001))
    await asyncio.sleep(0)
    began = time.perf_counter()
    await lull()
    waited = time.perf_counter() - began
    stop.set()
    assert await task
    assert 0.01 <= waited < 5
