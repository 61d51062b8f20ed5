"""A person's pause outlasts the broker's patience with consumers by far: nothing is lost, no delivery is counted.

The broker takes a delivery back that is not acked within its ``consumer_timeout``, and closes the channel. Two hours
pass on the board's clock; in real time the pause lasts for more than twice that time-out, which is short here:
``CONSUMER_TIMEOUT_SECONDS=60`` makes it a minute.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from consumer.domain.audit import AuditEntry
from consumer.runtime.pauses import Change, Fetching
from rabbitmq.connection import connect
from rabbitmq.node import private_node
from rabbitmq.topology import LANES
from tests.support.events import paid
from tests.support.relay import Relay, eventually, serving, system

if TYPE_CHECKING:
    from pathlib import Path

    from aiormq.abc import DeliveredMessage

    from consumer.bootstrap import Wiring
    from consumer.domain.delivery import Delivery, Settlement

TIMEOUT = float(os.environ.get("CONSUMER_TIMEOUT_SECONDS", "4"))
TICK = 1.0
TWO_HOURS = 7200.0
ORDERS = 60
YLH = frozenset({"ylh", "database"})
RETRY_DELAY = "200ms"


@pytest.fixture
def impatience(tmp_path: Path) -> Path:
    """The directory of a node that does not wait for long, and looks every `TICK`."""
    directory = tmp_path / "node"
    directory.mkdir()
    times = f"{{consumer_timeout, {int(TIMEOUT * 1000)}}}, {{channel_tick_interval, {int(TICK * 1000)}}}"
    (directory / "advanced.config").write_text(f"[{{rabbit, [{times}]}}].\n")
    return directory


async def _loses_a_delivery_that_is_held(relay: Relay) -> None:
    """The broker is as impatient as we told it to be: else nothing here would prove anything."""
    connection = await connect(relay.settings.broker.amqp_url.get_secret_value(), name="holds a delivery")
    async with connection:
        assert connection.transport is not None
        channel = await connection.transport.connection.channel(publisher_confirms=False)
        queue = "impatience"
        await channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
        got = asyncio.Event()

        async def hold(message: DeliveredMessage) -> None:
            assert message.delivery_tag is not None
            got.set()

        await channel.basic_consume(queue, hold)
        await channel.basic_publish(b"x", routing_key=queue)
        await got.wait()
        closed, _ = await asyncio.wait([channel.closing], timeout=TIMEOUT + 10 * TICK)
        assert closed, "the broker let a consumer hold a delivery for longer than its time-out"
        assert "timeout" in str(channel.closing.exception()).lower()
        again = await connection.transport.connection.channel(publisher_confirms=False)
        await again.queue_delete(queue)


def _recording(wiring: Wiring, counts: list[int]) -> None:
    """Note for each delivery of the lanes how often the broker has counted it."""
    lanes = {lane.name for lane in LANES}
    for subscriber in wiring.subscribers:
        if subscriber.queue not in lanes:
            continue
        handle = subscriber._handle

        async def recorded(delivery: Delivery, handle=handle) -> Settlement:  # type: ignore[no-untyped-def] # noqa: ANN001
            counts.append(delivery.delivery_count)
            return await handle(delivery)  # type: ignore[no-any-return]

        subscriber._handle = recorded


def _entry(action: str) -> AuditEntry:
    return AuditEntry("li@ops-1", action, datetime.now(UTC), "ylh", "割接")


async def _waiting(wiring: Wiring) -> tuple[int, int]:
    """Messages that wait for the lane, and the lane's consumers."""
    depths = await wiring.broker.depths(["relay.orders", f"relay.retry.{RETRY_DELAY}"])
    return sum(messages for messages, _ in depths.values()), depths["relay.orders"][1]


@pytest.mark.timeout(120 + 6 * TIMEOUT)
async def test_a_persons_pause_of_two_hours_loses_nothing_and_counts_nothing(impatience: Path, tmp_path: Path) -> None:
    counts: list[int] = []
    async with (
        private_node(impatience) as node,
        system(
            node.amqp_url,
            f"sqlite+aiosqlite:///{tmp_path}/relay.db",
            RELAY_RETRY_DELAYS=RETRY_DELAY,
            RELAY_PREFETCH="orders=10",
        ) as relay,
    ):
        await _loses_a_delivery_that_is_held(relay)
        await relay.box.add_fault({"call": "ylh.create", "effect": "delay", "seconds": 1})
        async with serving(relay) as wiring:
            _recording(wiring, counts)
            await relay.send(*[paid(f"SO{number}") for number in range(ORDERS)])
            await relay.until(lambda: len(relay.of("order.push.succeeded")) >= 10)
            # In flight when the pause begins: these settle, what has not begun goes back.
            await relay.store.pause_supplier("ylh", _entry("supplier.pause"))
            await relay.until(lambda: wiring.pauses.fetching(YLH) is Fetching.PAUSED)
            orders = next(one for one in wiring.subscribers if one.queue == "relay.orders")
            await relay.until(lambda: orders.in_flight == 0)
            made = (await relay.box.ledger())["calls"]
            done = made["ylh.create"]
            assert 10 <= done < ORDERS
            began = time.monotonic()
            wiring.pauses._clock = lambda: time.monotonic() + TWO_HOURS * (time.monotonic() > began + TIMEOUT)
            await asyncio.sleep(TIMEOUT + TICK)
            wiring.pauses._tell("ylh", Change.HELD)
            await asyncio.sleep(1.2 * TIMEOUT)
            assert wiring.pauses.fetching(YLH) is Fetching.PAUSED
            assert orders.resting
            assert (await relay.box.ledger())["calls"] == made, "a paused supplier got a call"

            async def all_wait() -> bool:
                return await _waiting(wiring) == (ORDERS - done, 0)

            await eventually(all_wait)
        # Another process, or this one started anew, knows it from the books before it fetches.
        async with serving(relay) as wiring:
            _recording(wiring, counts)
            assert wiring.pauses.fetching(YLH) is Fetching.PAUSED
            await asyncio.sleep(1)
            assert (await relay.box.ledger())["calls"] == made
            await relay.store.resume_supplier("ylh", _entry("supplier.resume"))
            await relay.until(lambda: len(relay.of("order.push.succeeded")) == ORDERS, within=30)
        ledger = await relay.box.ledger()
        assert len(ledger["orders"]) == ORDERS
        assert all(order["creates"] == order["create_calls"] == 1 for order in ledger["orders"].values())
        assert set(counts) == {0}, "the broker counted a delivery"
        assert not relay.of("event.dead_lettered")
