"""FastStream and what makes it fastest: uvloop, aiohttp, no logger, events read from the message's bytes.

Its own decoding would make a dict first. Acks when the handler has returned, and rejects what failed.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import uvloop
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitQueue

from tests.benchmarks.contestants.coroutines import Pushing, told_to_stop
from tests.benchmarks.contestants.handwritten import as_result
from tests.benchmarks.contestants.loop_aiohttp import client
from tests.benchmarks.contestants.unit import CONCURRENCY, RESULTS, SUCCEEDED, Envelope
from tests.benchmarks.workload import LANE

if TYPE_CHECKING:
    from faststream.rabbit import RabbitMessage


async def read(message: RabbitMessage) -> Envelope:
    return Envelope.model_validate_json(message.body)


async def main() -> None:
    stop = told_to_stop()
    async with AsyncExitStack() as stack:
        pushing = await Pushing.open(stack, client)
        broker = RabbitBroker(
            os.environ["RELAY_AMQP_URL"],
            default_channel=Channel(prefetch_count=CONCURRENCY, publisher_confirms=True),
            apply_types=False,
            logger=None,
        )
        results = RabbitExchange(RESULTS, declare=False)

        @broker.subscriber(  # type: ignore[untyped-decorator]
            RabbitQueue(LANE, declare=False), decoder=read, ack_policy=AckPolicy.REJECT_ON_ERROR, no_reply=True
        )
        async def push(paid: Envelope) -> None:
            await broker.publish(as_result(await pushing.push(paid)), exchange=results, routing_key=SUCCEEDED)

        stack.push_async_callback(broker.stop)
        await broker.start()
        await stop.wait()


if __name__ == "__main__":
    uvloop.run(main())
