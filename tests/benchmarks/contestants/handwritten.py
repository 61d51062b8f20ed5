"""The loop that a competent user would write instead of this service: consume, validate, call, note, publish, ack.

A robust connection, prefetch 100, a task for each delivery, pydantic models of what it needs, one row committed for
each message, one persistent result with a confirm, then the ack. It has none of the service's guarantees: no inbox, no
outbox, no intent, no retries, no leases; killed between the call and the ack, it pushes an order twice. With which HTTP
client and on which event loop is for the modules beside this one.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aio_pika

from tests.benchmarks.contestants.coroutines import Client, Pushing, told_to_stop
from tests.benchmarks.contestants.unit import CONCURRENCY, CONTENT_TYPE, RESULTS, SUCCEEDED, Envelope
from tests.benchmarks.workload import LANE

if TYPE_CHECKING:
    from aio_pika.abc import AbstractIncomingMessage


async def consume(client: Client) -> None:
    """Work until SIGTERM or SIGINT."""
    stop = told_to_stop()
    async with AsyncExitStack() as stack:
        pushing = await Pushing.open(stack, client)
        connection = await aio_pika.connect_robust(os.environ["RELAY_AMQP_URL"])
        stack.push_async_callback(connection.close)
        channel = await connection.channel(publisher_confirms=True)
        await channel.set_qos(prefetch_count=CONCURRENCY)
        queue = await channel.get_queue(LANE)
        results = await channel.get_exchange(RESULTS)

        async def work(message: AbstractIncomingMessage) -> None:
            body = await pushing.push(Envelope.model_validate_json(message.body))
            await results.publish(as_result(body), routing_key=SUCCEEDED, mandatory=False)
            await message.ack()

        await queue.consume(work)
        await stop.wait()


def as_result(body: bytes) -> aio_pika.Message:
    return aio_pika.Message(body, content_type=CONTENT_TYPE, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
