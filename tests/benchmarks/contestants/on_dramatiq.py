"""Dramatiq with threads, and confirms for what it publishes itself: retries and our results.

It acks when the actor has returned; what failed it publishes again, later.
"""

from __future__ import annotations

import os
import signal
from threading import Event
from typing import Any

import dramatiq
import pika
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.middleware import Retries

from tests.benchmarks.contestants.threads import THREADS, Pushing
from tests.benchmarks.contestants.unit import CONCURRENCY, CONTENT_TYPE, RESULTS, SUCCEEDED, Envelope
from tests.benchmarks.framed import TASK
from tests.benchmarks.workload import LANE

PERSISTENT = pika.BasicProperties(delivery_mode=2, content_type=CONTENT_TYPE)


class LaneBroker(RabbitmqBroker):  # type: ignore[misc]
    """It would declare classic queues; the lane is there and is a quorum queue. Nothing of its own is left behind."""

    def _declare_queue(self, queue_name: str) -> None:
        pass

    def _declare_dq_queue(self, queue_name: str) -> None:
        arguments = self._build_queue_arguments(queue_name)
        self.channel.queue_declare(dramatiq.common.dq_name(queue_name), auto_delete=True, arguments=arguments)

    def _declare_xq_queue(self, queue_name: str) -> None:
        pass


def main() -> None:
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    pushing = Pushing()
    broker = LaneBroker(url=os.environ["RELAY_AMQP_URL"], confirm_delivery=True, middleware=[Retries()])
    dramatiq.set_broker(broker)

    def push(event: dict[str, Any]) -> None:
        result = pushing.push(Envelope.model_validate(event))
        # The thread's own channel, with confirms.
        broker.channel.basic_publish(RESULTS, SUCCEEDED, result, PERSISTENT)

    dramatiq.actor(push, actor_name=TASK, queue_name=LANE)
    worker = dramatiq.Worker(broker, worker_threads=THREADS)
    worker.queue_prefetch = max(CONCURRENCY, THREADS)
    worker.start()
    stop.wait()
    worker.stop()
    broker.close()


if __name__ == "__main__":
    main()
