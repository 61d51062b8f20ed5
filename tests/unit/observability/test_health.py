"""Checks run together, within their limits, and never take each other down."""

import asyncio
import time

import pytest

from consumer.observability.health import Health, NotReady


async def fine() -> None:
    pass


async def hangs() -> None:
    await asyncio.Event().wait()


async def not_consuming() -> None:
    raise NotReady("relay.orders has no consumer")


async def breaks() -> None:
    raise RuntimeError("password=hush")


async def test_ready_when_every_check_is_fine() -> None:
    health = Health()
    health.register("database", fine)
    report = await health.report()
    assert report.ready
    assert report.checks["database"].detail == ""


async def test_one_check_that_fails_is_enough_and_says_why() -> None:
    health = Health()
    health.register("database", fine)
    health.register("consuming", not_consuming)
    report = await health.report()
    assert not report.ready
    assert report.checks["database"].ok
    assert report.checks["consuming"].detail == "relay.orders has no consumer"


async def test_what_an_unexpected_error_says_is_not_shown_to_whoever_asks() -> None:
    health = Health()
    health.register("database", breaks)
    assert (await health.report()).checks["database"].detail == "failed with RuntimeError"


async def test_a_check_that_hangs_fails_after_its_limit_and_holds_up_no_other() -> None:
    health = Health()
    for number in range(5):
        health.register(f"hangs {number}", hangs, timeout=0.05)
    health.register("database", fine)
    began = time.monotonic()
    report = await health.report()
    assert time.monotonic() - began < 1
    assert report.checks["hangs 3"].detail == "no answer within 0.05 s"
    assert report.checks["database"].ok


async def test_askers_at_the_same_time_share_one_run() -> None:
    runs = 0

    async def slow() -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.02)

    health = Health()
    health.register("slow", slow)
    reports = await asyncio.gather(*(health.report() for _ in range(50)))
    assert runs == 1
    assert all(report.ready for report in reports)
    await health.report()
    assert runs == 2


async def test_an_asker_that_gives_up_does_not_take_the_answer_from_the_others() -> None:
    async def slow() -> None:
        await asyncio.sleep(0.05)

    health = Health()
    health.register("slow", slow)
    impatient, patient = asyncio.create_task(health.report()), asyncio.create_task(health.report())
    await asyncio.sleep(0.01)
    impatient.cancel()
    assert (await patient).ready


async def test_two_checks_of_one_name_are_a_fault() -> None:
    health = Health()
    health.register("database", fine)
    with pytest.raises(ValueError, match="database"):
        health.register("database", fine)
