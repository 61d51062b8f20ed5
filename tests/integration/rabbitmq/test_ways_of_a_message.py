"""Where messages go on a real broker: lanes, the way back of a retry, dead letters, what nobody takes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aio_pika import DeliveryMode, Message

from rabbitmq import declaring
from rabbitmq.topology import LANE_DELIVERY_LIMIT, LANES, Topology, retry_queue
from tests.support.broker import FAST_DELAYS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage

    from rabbitmq.topology import Lane

TOPOLOGY = Topology.build(FAST_DELAYS)


@pytest.fixture
async def channel(connection: AbstractConnection) -> AsyncIterator[AbstractChannel]:
    await declaring.apply(connection, TOPOLOGY)
    async with connection.channel(on_return_raises=True) as opened:
        yield opened


async def _publish(channel: AbstractChannel, exchange: str, routing_key: str, **headers: str) -> None:
    target = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
    message = Message(b"{}", delivery_mode=DeliveryMode.PERSISTENT, headers=dict(headers))
    await target.publish(message, routing_key, mandatory=True)


async def _next(channel: AbstractChannel, queue: str, within: float = 10.0) -> AbstractIncomingMessage:
    taken = await channel.get_queue(queue, ensure=False)
    async with asyncio.timeout(within):
        while True:
            message = await taken.get(fail=False)
            if message is not None:
                return message
            await asyncio.sleep(0.02)


async def _depth(channel: AbstractChannel, queue: str) -> int | None:
    return (await channel.declare_queue(queue, passive=True)).declaration_result.message_count


@pytest.mark.parametrize("lane", LANES, ids=lambda lane: lane.name)
async def test_a_retry_waits_and_comes_back_to_its_lane_with_what_it_carried(
    channel: AbstractChannel, lane: Lane
) -> None:
    started = asyncio.get_running_loop().time()

    await _publish(channel, retry_queue(FAST_DELAYS[-1]), lane.name, **{"x-relay-routing-key": "order.paid"})
    message = await _next(channel, lane.name)

    assert asyncio.get_running_loop().time() - started >= FAST_DELAYS[-1].total_seconds()
    assert message.headers["x-relay-routing-key"] == "order.paid"
    assert message.routing_key == lane.name
    await message.ack()


async def test_a_retry_to_a_short_delay_is_not_held_up_by_one_to_a_long_delay(channel: AbstractChannel) -> None:
    short, long = FAST_DELAYS[0], FAST_DELAYS[-1]

    await _publish(channel, retry_queue(long), "relay.orders", name="long")
    await _publish(channel, retry_queue(short), "relay.orders", name="short")

    assert (await _next(channel, "relay.orders")).headers["name"] == "short"
    assert (await _next(channel, "relay.orders")).headers["name"] == "long"


async def test_the_same_message_may_be_retried_again_and_again(channel: AbstractChannel) -> None:
    await _publish(channel, retry_queue(FAST_DELAYS[0]), "relay.orders")
    for _ in range(4):
        message = await _next(channel, "relay.orders")
        exchange = await channel.get_exchange(retry_queue(FAST_DELAYS[0]), ensure=False)
        # With the broker's own x-death still in the headers, which must not count as a cycle.
        copy = Message(message.body, headers=message.headers, delivery_mode=DeliveryMode.PERSISTENT)
        await exchange.publish(copy, "relay.orders", mandatory=True)
        await message.ack()

    assert await _next(channel, "relay.orders")


async def test_a_message_that_is_returned_too_often_is_dead_lettered_and_not_lost(channel: AbstractChannel) -> None:
    await _publish(channel, "relay.events", "order.paid", name="poison")
    for _ in range(LANE_DELIVERY_LIMIT + 1):
        await (await _next(channel, "relay.orders")).nack(requeue=True)

    letter = await _next(channel, "relay.orders.dlq")

    assert letter.headers["name"] == "poison"
    assert await _depth(channel, "relay.orders") == 0


async def test_a_dead_letter_may_be_returned_more_often_than_any_default_limit(channel: AbstractChannel) -> None:
    await _publish(channel, "", "relay.orders.dlq")
    for _ in range(30):
        await (await _next(channel, "relay.orders.dlq")).nack(requeue=True)

    assert await _next(channel, "relay.orders.dlq")


async def test_an_event_that_no_lane_takes_is_kept_with_its_routing_key(channel: AbstractChannel) -> None:
    await _publish(channel, "relay.events", "order.paid.twice.over")

    assert (await _next(channel, "relay.unroutable")).routing_key == "order.paid.twice.over"


async def test_a_result_waits_unclaimed_only_while_nobody_listens(channel: AbstractChannel) -> None:
    await _publish(channel, "relay.results", "order.confirmed")
    assert (await _next(channel, "relay.results.unclaimed")).routing_key == "order.confirmed"

    listener = await channel.declare_queue("shop.results", durable=True, arguments={"x-queue-type": "quorum"})
    await listener.bind("relay.results", "order.#")
    await _publish(channel, "relay.results", "order.refused")

    assert (await _next(channel, "shop.results")).routing_key == "order.refused"
    assert await _depth(channel, "relay.results.unclaimed") == 0
