"""Events as an order system would send them, for tests and benchmarks."""

from __future__ import annotations

import json
from typing import Any

from publishers.outgoing import Outgoing

SOURCE = "/shop"
CODE = "BX0000001"
"""A product that the sandbox's catalogue has and sells."""


def paid(so_id: str, *, event_id: str | None = None, version: int = 1, **changes: Any) -> dict[str, Any]:
    """An ``order.paid`` as a JSON document; ``changes`` go into its data."""
    data = {
        "so_id": so_id,
        "online_no": f"T-{so_id}",
        "version": version,
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
                "product_code": CODE,
                "quantity": 1,
                "retail_price": "3299.00",
                "discount": "300.00",
                "actual_price": "2999.00",
                "is_gift": False,
            }
        ],
        "total_amount": "2999.00",
        "government_subsidy": False,
        **changes,
    }
    return event("order.paid", data, event_id=event_id or f"paid-{so_id}-{version}", subject=so_id)


def cancelled(so_id: str, *, event_id: str | None = None, version: int = 2) -> dict[str, Any]:
    """An ``order.cancelled`` as a JSON document."""
    data = {
        "so_id": so_id,
        "version": version,
        "reason": "客户不想要了",
        "cancelled_at": "2026-11-22T11:00:00+08:00",
    }
    return event("order.cancelled", data, event_id=event_id or f"cancel-{so_id}-{version}", subject=so_id)


def event(type_: str, data: dict[str, Any], *, event_id: str, subject: str | None = None) -> dict[str, Any]:
    """Any event as a JSON document."""
    document: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": SOURCE,
        "type": type_,
        "time": "2026-11-22T10:00:01+08:00",
        "datacontenttype": "application/json",
        "data": data,
    }
    if subject is not None:
        document["subject"] = subject
    return document


def message(document: dict[str, Any], **changes: Any) -> Outgoing:
    """The document as the message that carries it."""
    fields: dict[str, Any] = {
        "exchange": "relay.events",
        "routing_key": document["type"],
        "body": json.dumps(document, ensure_ascii=False).encode(),
        "message_id": document["id"],
        **changes,
    }
    return Outgoing(**fields)
