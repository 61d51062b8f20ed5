"""SIGKILL at any point loses nothing and doubles nothing; a message that kills its consumer harms no neighbour."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.events import paid
from tests.support.relay import eventually, killed, served_by_process

if TYPE_CHECKING:
    from tests.support.relay import Relay


async def _some_created(relay: Relay) -> bool:
    return bool((await relay.box.summary())["create_calls"])


async def _pushed(relay: Relay) -> int:
    return len({result["subject"] for result in relay.of("order.push.succeeded")})


@pytest.mark.timeout(180)
async def test_five_kills_within_500_orders(idle: Relay) -> None:
    so_ids = [f"SO{number:03}" for number in range(500)]
    await idle.box.add_fault({"call": "ylh.create", "probability": 0.05, "seed": 7, "effect": "lost_answer"})
    await idle.send(*[paid(so_id) for so_id in so_ids])
    for kill in range(1, 6):
        async with served_by_process(idle) as process:
            while await _pushed(idle) < kill * 80:
                assert process.returncode is None
                await asyncio.sleep(0.01)
            await killed(process)
    async with served_by_process(idle):
        await idle.until(
            lambda: {result["subject"] for result in idle.of("order.push.succeeded")} == set(so_ids), within=90
        )
        summary = await idle.box.summary()
        ledger = await idle.box.ledger()

    assert summary["orders"] == 500
    assert summary["doubled"] == 0
    assert all(order["creates"] == 1 for order in ledger["orders"].values())
    ids: dict[str, set[str]] = {}
    for result in idle.of("order.push.succeeded"):
        ids.setdefault(result["subject"], set()).add(result["id"])
    assert all(len(found) == 1 for found in ids.values())
    assert not idle.of("order.push.failed")
    assert not idle.of("event.dead_lettered")


@pytest.mark.timeout(300)
async def test_the_message_that_kills_its_consumer_harms_no_neighbour(idle: Relay) -> None:
    neighbours = [f"SO{number:03}" for number in range(99)]
    documents = [paid(so_id) for so_id in neighbours]
    documents.insert(50, paid("KILLER"))
    await idle.send(*documents)
    deaths = 0
    while not (idle.of("event.dead_lettered", "KILLER") and len(idle.of("order.push.succeeded")) >= 99):
        async with served_by_process(idle, KILL_SO_ID="KILLER") as process:
            while process.returncode is None:
                await asyncio.sleep(0.05)
                if idle.of("event.dead_lettered", "KILLER"):
                    await idle.until(
                        lambda: {result["subject"] for result in idle.of("order.push.succeeded")} == set(neighbours),
                        within=60,
                    )
                    os.kill(process.pid, signal.SIGTERM)
                    await process.wait()
        deaths += 1
        assert deaths < 12, "the killer was never convicted"

    letters = await idle.store.open_letters(10)
    assert [letter.subject for letter in letters] == ["KILLER"]
    assert letters[0].code == "kills_its_consumer"
    summary = await idle.box.summary()
    assert summary["orders"] == 99
    assert summary["doubled"] == 0


async def test_sigterm_drains_and_gives_nothing_back(idle: Relay) -> None:
    await idle.box.add_fault({"call": "ylh.create", "effect": "delay", "seconds": 0.5})
    await idle.send(*[paid(f"SO{number}") for number in range(30)])
    async with served_by_process(idle) as process:
        await eventually(lambda: _some_created(idle))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0
    begun = (await idle.box.summary())["create_calls"]
    await idle.until(lambda: len(idle.of("order.push.succeeded")) == begun)
    async with served_by_process(idle):
        await idle.until(lambda: len(idle.of("order.push.succeeded")) == 30)
    assert (await idle.box.summary())["create_calls"] == 30
