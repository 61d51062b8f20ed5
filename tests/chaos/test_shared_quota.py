"""Four processes on one account: together they use its quota and never exceed it, whoever is killed or joins."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from rabbitmq.connection import connect
from rabbitmq.topology import Topology
from sandbox.config import SandboxConfig
from sandbox.testing import sandbox_process
from tests.support.events import paid
from tests.support.relay import eventually, killed, served_by_process, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aio_pika.abc import AbstractChannel

    from tests.support.relay import Relay

log = logging.getLogger(__name__)

QUOTA = 100
MOST_IN_A_SECOND = 105
USED = 0.97
BACKLOG = 2000
LANE = "relay.orders"
# A busy machine delays calls on their way to the supplier, and what then comes together is no fault of the quota's: it
# may try again. One that stands still so long at a time cannot show the figures at all.
TRIES = 3
ALONE = "PYTEST_XDIST_WORKER" not in os.environ
"""Beside other tests' processes nothing arrives on time: only by itself does this hold the service to the figures."""
STANDSTILL = 0.03


@dataclass(frozen=True, slots=True)
class Seen:
    """What one try showed: calls a second, the most in one, those turned away, how long this machine stood still."""

    used: float
    worst: int
    throttled: int
    standstill: float

    @property
    def holds(self) -> bool:
        return self.used >= USED * QUOTA and self.worst <= MOST_IN_A_SECOND and not self.throttled

    @property
    def bears_the_standstill(self) -> bool:
        """Whether the standstill explains what is too much or too little; a call turned away rests the lane a while."""
        return self.used >= 0.8 * QUOTA and self.worst <= MOST_IN_A_SECOND + self.standstill * QUOTA


@pytest.fixture
async def limited(amqp_url: str, database_url: str) -> AsyncIterator[Relay]:
    """A supplier, in a process of its own, that counts and turns away what comes too fast."""
    supplier = sandbox_process(SandboxConfig(rate_limit=MOST_IN_A_SECOND, latency=0.02))
    # As in earnest, not as fast as in other tests: the orders of who is killed come round until their leases end.
    settings = {"RELAY_RATE_LIMIT": f"{QUOTA}/s", "RELAY_RETRY_DELAYS": "2s,10s"}
    async with system(amqp_url, database_url, supplier, **settings) as relay:
        yield relay


@asynccontextmanager
async def _channel(relay: Relay) -> AsyncIterator[AbstractChannel]:
    connection = await connect(relay.settings.broker.amqp_url.get_secret_value(), name="test")
    async with connection, connection.channel() as channel:
        yield channel


async def _consumed_by(relay: Relay, processes: int) -> None:
    async with _channel(relay) as channel:

        async def all_there() -> bool:
            queue = await channel.declare_queue(LANE, passive=True)
            return queue.declaration_result.consumer_count == processes

        await eventually(all_there, within=60)


async def _empty(relay: Relay) -> None:
    """Take away what the try before left."""
    await relay.box.reset()
    async with _channel(relay) as channel:
        for queue in Topology.build(relay.settings.broker.retry_delays).queues:
            await (await channel.get_queue(queue.name, ensure=False)).purge()


async def _until_calls(relay: Relay, calls: int) -> float:
    """Wait for so many calls and return how many there are."""
    deadline = time.monotonic() + 60
    while (made := (await relay.box.summary())["create_calls"]) < calls:
        assert time.monotonic() < deadline, f"{made} calls of {calls}"
        await asyncio.sleep(0.02)
    return float(made)


async def _watch(standstills: list[float]) -> None:
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.005)
        standstills.append(time.monotonic() - before - 0.005)


async def _run(relay: Relay, name: str) -> Seen:
    standstills: list[float] = []
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(served_by_process(relay))
        for _ in range(3):
            await stack.enter_async_context(served_by_process(relay))
        await _consumed_by(relay, 4)
        watch = asyncio.create_task(_watch(standstills))
        stack.callback(watch.cancel)
        await relay.send(*[paid(f"{name}-{number:04}") for number in range(BACKLOG)])
        before, begin = await _until_calls(relay, 200), time.monotonic()
        await _until_calls(relay, 800)
        await killed(first)
        await stack.enter_async_context(served_by_process(relay))
        after, end = await _until_calls(relay, 1700), time.monotonic()
        summary = await relay.box.summary()
    return Seen(
        used=(after - before) / (end - begin),
        worst=summary["worst_second"]["ylh"],
        throttled=summary["throttled"]["ylh"],
        standstill=max(standstills),
    )


@pytest.mark.timeout(300)
async def test_a_backlog_runs_at_the_quota_while_one_is_killed_and_another_joins(limited: Relay) -> None:
    tries: list[Seen] = []
    while not tries or (ALONE and len(tries) < TRIES and not tries[-1].holds):
        await _empty(limited)
        tries.append(await _run(limited, f"SO{len(tries)}"))
        log.info("%s", tries[-1])
    last = tries[-1]
    if not ALONE:
        assert last.used >= 0.7 * QUOTA, tries
        assert last.worst <= 1.3 * MOST_IN_A_SECOND, tries
        return
    assert last.holds or (last.standstill > STANDSTILL and last.bears_the_standstill), tries
