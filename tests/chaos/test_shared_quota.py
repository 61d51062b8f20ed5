"""Four processes on one account: together they use its quota and never exceed it, whoever is killed or joins."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from rabbitmq.connection import connect
from sandbox.config import SandboxConfig
from sandbox.testing import sandbox_process
from tests.support.events import paid
from tests.support.relay import eventually, killed, served_by_process, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.relay import Relay

log = logging.getLogger(__name__)

QUOTA = 100
MOST_IN_A_SECOND = 105
USED = 0.97
BACKLOG = 2000
LANE = "relay.orders"


@pytest.fixture
async def limited(amqp_url: str, database_url: str) -> AsyncIterator[Relay]:
    """A supplier, in a process of its own, that counts and turns away what comes too fast."""
    supplier = sandbox_process(SandboxConfig(rate_limit=MOST_IN_A_SECOND, latency=0.02))
    # As in earnest, not as fast as in other tests: the orders of who is killed come round until their leases end.
    settings = {"RELAY_RATE_LIMIT": f"{QUOTA}/s", "RELAY_RETRY_DELAYS": "2s,10s"}
    async with system(amqp_url, database_url, sandbox=supplier, **settings) as relay:
        yield relay


async def _consumed_by(relay: Relay, processes: int) -> None:
    connection = await connect(relay.settings.broker.amqp_url.get_secret_value(), name="test")
    async with connection, connection.channel() as channel:

        async def all_there() -> bool:
            queue = await channel.declare_queue(LANE, passive=True)
            return queue.declaration_result.consumer_count == processes

        await eventually(all_there, within=60)


async def _calls(relay: Relay) -> int:
    return int((await relay.box.summary())["create_calls"])


async def _until_calls(relay: Relay, calls: int) -> float:
    """Wait for so many calls; return how many a second there were on the way."""
    begin, before = time.monotonic(), await _calls(relay)
    while (made := await _calls(relay)) < calls:
        assert time.monotonic() - begin < 60, f"{made} calls of {calls}"
        await asyncio.sleep(0.05)
    return (made - before) / (time.monotonic() - begin)


@pytest.mark.timeout(240)
async def test_a_backlog_runs_at_the_quota_while_one_is_killed_and_another_joins(limited: Relay) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(served_by_process(limited))
        for _ in range(3):
            await stack.enter_async_context(served_by_process(limited))
        await _consumed_by(limited, 4)
        await limited.send(*[paid(f"SO{number:04}") for number in range(BACKLOG)])
        await _until_calls(limited, 200)
        steady = await _until_calls(limited, 700)
        await killed(first)
        await stack.enter_async_context(served_by_process(limited))
        changing = await _until_calls(limited, 1700)
        summary = await limited.box.summary()

    seen = f"{steady:.1f} and {changing:.1f} calls a second, {summary['worst_second']['ylh']} in the worst one"
    log.info(seen)
    assert summary["worst_second"]["ylh"] <= MOST_IN_A_SECOND, seen
    assert summary["throttled"]["ylh"] == 0, seen
    assert steady >= USED * QUOTA, seen
    assert changing >= USED * QUOTA, seen
