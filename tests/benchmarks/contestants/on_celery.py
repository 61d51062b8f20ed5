"""Celery with its pool of threads: acks late, confirms, nothing that sends events or keeps results."""

from __future__ import annotations

import os
import threading
from typing import Any, ClassVar

import amqp
from celery import Celery
from celery.worker.consumer import Consumer
from kombu import Connection, Queue

from tests.benchmarks.contestants.threads import THREADS, Pushing
from tests.benchmarks.contestants.unit import CONCURRENCY, CONTENT_TYPE, RESULTS, SUCCEEDED, Envelope
from tests.benchmarks.framed import TASK
from tests.benchmarks.workload import LANE


class LaneConsumer(Consumer):  # type: ignore[misc]
    """Without the step that declares 28 quorum queues for tasks that are to run later: there are none here."""

    class Blueprint(Consumer.Blueprint):  # type: ignore[misc]
        default_steps: ClassVar = [step for step in Consumer.Blueprint.default_steps if "delayed_delivery" not in step]


class Results(threading.local):
    """Publishes results, each on return taken by the broker; each thread has a connection of its own."""

    def __init__(self) -> None:
        self._channel: amqp.Channel = Connection(
            os.environ["RELAY_AMQP_URL"], transport_options={"confirm_publish": True}
        ).channel()

    def publish(self, body: bytes) -> None:
        message = amqp.Message(body, content_type=CONTENT_TYPE, delivery_mode=2)
        self._channel.basic_publish(message, RESULTS, SUCCEEDED)


def main() -> None:
    app = Celery(broker=os.environ["RELAY_AMQP_URL"])
    app.conf.update(
        broker_transport_options={"confirm_publish": True},
        task_queues=[Queue(LANE, no_declare=True, queue_arguments={"x-queue-type": "quorum"})],
        task_acks_late=True,
        task_ignore_result=True,
        worker_pool="threads",
        worker_concurrency=THREADS,
        worker_prefetch_multiplier=max(1, CONCURRENCY // THREADS),
        worker_consumer=f"{__name__}:LaneConsumer",
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_disable_rate_limits=True,
    )
    pushing, results = Pushing(), Results()

    @app.task(name=TASK)  # type: ignore[untyped-decorator]
    def push(event: dict[str, Any]) -> None:
        results.publish(pushing.push(Envelope.model_validate(event)))

    app.worker_main(["worker", "--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"])


if __name__ == "__main__":
    main()
