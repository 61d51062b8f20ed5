"""The backlog as task queues publish it: each event as the only argument of a task, in the framework's own envelope.

Written by hand, as the frameworks' producers write them, so that laying out a backlog needs none of them installed.
They go straight to the lane, through the default exchange; the bodies are some 200 to 300 bytes longer than an event.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from publishers.outgoing import Outgoing
from tests.benchmarks.workload import LANE, chunks, order_paid, so_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pamqp.common import FieldValue

TASK: Final = "push_order"
"""The task, or actor, of every framework."""


def for_taskiq(batch: str, count: int) -> Iterator[list[Outgoing]]:
    """The JSON formatter of taskiq."""
    return chunks(_taskiq(so_id) for so_id in so_ids(batch, count))


def for_celery(batch: str, count: int) -> Iterator[list[Outgoing]]:
    """Celery's message protocol 2."""
    return chunks(_celery(so_id) for so_id in so_ids(batch, count))


def for_dramatiq(batch: str, count: int) -> Iterator[list[Outgoing]]:
    """Dramatiq's JSON encoder."""
    return chunks(_dramatiq(so_id) for so_id in so_ids(batch, count))


def _taskiq(so_id: str) -> Outgoing:
    task = uuid4().hex
    body = b'{"task_id":"%s","task_name":"%s","labels":{},"labels_types":{},"args":[%s],"kwargs":{}}' % (
        task.encode(),
        TASK.encode(),
        order_paid(so_id),
    )
    return _outgoing(body, task, headers={"task_id": task, "task_name": TASK})


def _celery(so_id: str) -> Outgoing:
    task = str(uuid4())
    body = b'[[%s],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]' % order_paid(so_id)
    return _outgoing(
        body,
        task,
        headers={
            "lang": "py",
            "task": TASK,
            "id": task,
            "root_id": task,
            "parent_id": None,
            "group": None,
            "shadow": None,
            "eta": None,
            "expires": None,
            "retries": 0,
            "timelimit": [None, None],
            "argsrepr": "",
            "kwargsrepr": "{}",
            "origin": "benchmark",
            "ignore_result": True,
        },
    )


def _dramatiq(so_id: str) -> Outgoing:
    task = str(uuid4())
    head = json.dumps(
        {
            "queue_name": LANE,
            "actor_name": TASK,
            "kwargs": {},
            "options": {},
            "message_id": task,
            "message_timestamp": 0,
        }
    )
    return _outgoing(b'%s,"args":[%s]}' % (head[:-1].encode(), order_paid(so_id)), task)


def _outgoing(body: bytes, task: str, headers: dict[str, FieldValue] | None = None) -> Outgoing:
    return Outgoing(
        exchange="",
        routing_key=LANE,
        body=body,
        message_id=task,
        content_type="application/json",
        headers=headers or {},
    )
