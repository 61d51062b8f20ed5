"""The work that every contestant is given: a backlog of `order.paid`, each of an order of its own, some 700 bytes."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from publishers.confirms import Outgoing
from rabbitmq.topology import EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LANE: Final = "relay.orders"
PREFETCH: Final = 100
_CHUNK: Final = 1000


def so_ids(batch: str, count: int) -> Iterator[str]:
    """The order numbers of a backlog; another ``batch``, other orders."""
    return (f"SO-{batch}-{number:06}" for number in range(count))


def order_paid(so_id: str, event_id: str | None = None) -> bytes:
    """One event as an order system would publish it; ``event_id`` None: one that tells the order."""
    event = {
        "specversion": "1.0",
        "id": event_id or f"paid-{so_id}",
        "source": "/shop/orders",
        "type": "order.paid",
        "subject": so_id,
        "time": "2026-11-22T10:00:00+08:00",
        "datacontenttype": "application/json",
        "data": {
            "so_id": so_id,
            "online_no": f"T{so_id}",
            "version": 1,
            "created_at": "2026-11-22T10:00:00+08:00",
            "consignee": {
                "name": "王小明",
                "mobile": "13800000000",
                "province": "山东省",
                "city": "青岛市",
                "area": "崂山区",
                "address": "海尔路1号",
            },
            "items": [
                {
                    "product_code": "GA0SZC00U",
                    "quantity": 1,
                    "retail_price": "2999.00",
                    "discount": "100.00",
                    "actual_price": "2899.00",
                    "is_gift": False,
                }
            ],
            "total_amount": "2899.00",
            "government_subsidy": False,
        },
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def backlog(batch: str, count: int) -> Iterator[list[Outgoing]]:
    """The whole backlog, in chunks to publish together."""
    return chunks(_outgoing(so_id, f"paid-{so_id}") for so_id in so_ids(batch, count))


def scattered(batch: str, count: int) -> Iterator[list[Outgoing]]:
    """The same with ids like most systems': UUIDs, each of which meets another page of a large table's index."""
    return chunks(_outgoing(so_id, str(uuid5(NAMESPACE_URL, so_id))) for so_id in so_ids(batch, count))


def _outgoing(so_id: str, event_id: str) -> Outgoing:
    return Outgoing(exchange=EVENTS, routing_key="order.paid", body=order_paid(so_id, event_id), message_id=event_id)


def chunks(messages: Iterable[Outgoing]) -> Iterator[list[Outgoing]]:
    """Cut ``messages`` to what is published together."""
    remaining = iter(messages)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk
