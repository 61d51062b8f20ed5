"""taskiq over aio-pika with what makes it fastest: uvloop, aiohttp, no result backend.

Acks when the task has run, be it well or not.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack

import uvloop
from taskiq.receiver import Receiver
from taskiq_aio_pika import AioPikaBroker, Exchange, Queue

from rabbitmq.topology import EVENTS, LANES
from tests.benchmarks.contestants.coroutines import Pushing, told_to_stop
from tests.benchmarks.contestants.handwritten import as_result
from tests.benchmarks.contestants.loop_aiohttp import client
from tests.benchmarks.contestants.unit import CONCURRENCY, RESULTS, SUCCEEDED, Envelope
from tests.benchmarks.framed import TASK
from tests.benchmarks.workload import LANE


async def main() -> None:
    stop = told_to_stop()
    async with AsyncExitStack() as stack:
        pushing = await Pushing.open(stack, client)
        broker = AioPikaBroker(
            os.environ["RELAY_AMQP_URL"],
            qos=CONCURRENCY,
            # All of it is there already.
            exchange=Exchange(EVENTS, declare=False),
            task_queues=[Queue(name=LANE, declare=False)],
            dead_letter_queue=Queue(name=LANES[0].dlq, declare=False),
        )
        broker.is_worker_process = True
        await broker.startup()
        stack.push_async_callback(broker.shutdown)
        assert broker.write_channel is not None
        results = await broker.write_channel.get_exchange(RESULTS)

        @broker.task(TASK)  # type: ignore[untyped-decorator]
        async def push(paid: Envelope) -> None:
            await results.publish(as_result(await pushing.push(paid)), routing_key=SUCCEEDED, mandatory=False)

        # Not `taskiq.api`'s way to run it: that one does not wait for tasks, and what it interrupts is acked.
        await Receiver(broker, max_async_tasks=CONCURRENCY, run_startup=False).listen(stop)


if __name__ == "__main__":
    uvloop.run(main())
