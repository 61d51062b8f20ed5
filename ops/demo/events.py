"""The kinds of event that the demo sends, as values: what a shop would say, and what a faulty program might."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date, datetime

SOURCE = "/demo/shop"
"""CloudEvents ``source`` of everything that the demo sends."""

_CONSIGNEES = (
    ("王小明", "山东省", "青岛市", "崂山区", "海尔路1号"),
    ("李雷", "浙江省", "杭州市", "西湖区", "文三路90号"),
    ("韩梅梅", "四川省", "成都市", "武侯区", "天府大道中段1号"),
    ("赵一", "上海市", "上海市", "浦东新区", "世纪大道100号"),
)
_DISCOUNT = Decimal("100.00")


@dataclass(frozen=True, slots=True)
class Paid:
    """An order that was paid.

    Attributes:
        so_id: its number.
        number: a running number, from which address and prices follow.
        product_code: what was bought, one unit.
        created_at: when; the same for the same event sent twice.
    """

    so_id: str
    number: int
    product_code: str
    created_at: datetime

    def arguments(self) -> dict[str, Any]:
        """Return what `RelayPublisher.order_paid` takes, apart from the envelope."""
        name, province, city, area, address = _CONSIGNEES[self.number % len(_CONSIGNEES)]
        listed = Decimal(1099 + 100 * (self.number % 40))
        paid = listed - _DISCOUNT
        return {
            "so_id": self.so_id,
            "online_no": f"T{self.so_id}",
            "version": 1,
            "created_at": self.created_at,
            "consignee": {
                "name": name,
                "mobile": "13800000000",
                "province": province,
                "city": city,
                "area": area,
                "address": address,
            },
            "items": [
                {
                    "product_code": self.product_code,
                    "quantity": 1,
                    "retail_price": str(listed),
                    "discount": str(_DISCOUNT),
                    "actual_price": str(paid),
                    "is_gift": False,
                }
            ],
            "total_amount": str(paid),
            "government_subsidy": False,
        }


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The shop cancels an order."""

    so_id: str
    cancelled_at: datetime

    def arguments(self) -> dict[str, Any]:
        """Return what `RelayPublisher.order_cancelled` takes, apart from the envelope."""
        return {"so_id": self.so_id, "version": 2, "reason": "客户不想要了", "cancelled_at": self.cancelled_at}


@dataclass(frozen=True, slots=True)
class Rescheduled:
    """The shop gives an order other days.

    Attributes:
        so_id: which order.
        distribution_on, install_on: the new days; None: that one stays.
    """

    so_id: str
    distribution_on: date | None = None
    install_on: date | None = None

    def arguments(self) -> dict[str, Any]:
        """Return what `RelayPublisher.order_rescheduled` takes, apart from the envelope."""
        return {
            "so_id": self.so_id,
            "version": 2,
            "distribution_on": self.distribution_on,
            "install_on": self.install_on,
        }


@dataclass(frozen=True, slots=True)
class StatusAsked:
    """The shop wants to know how an order stands."""

    so_id: str


@dataclass(frozen=True, slots=True)
class GoodsSync:
    """Bring these goods up to date."""

    product_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Malformed:
    """What no client of ours would send: bytes, and the key they are sent under.

    Attributes:
        body: the message's body.
        routing_key: as published.
        field: the field that the answer must name.
    """

    body: bytes
    routing_key: str
    field: str


Payload = Paid | Cancelled | Rescheduled | StatusAsked | GoodsSync | Malformed


def cut_short(event_id: str, paid: Paid) -> Malformed:
    """Return an event whose sender died while it was writing."""
    body = _document(event_id, "order.paid", paid)
    return Malformed(body[: len(body) * 2 // 3], "order.paid", "body")


def odd_amount(event_id: str, paid: Paid) -> Malformed:
    """Return an event whose money was written with a comma."""
    return Malformed(_document(event_id, "order.paid", paid, total_amount="12,30"), "order.paid", "data.total_amount")


def unknown_type(event_id: str, paid: Paid) -> Malformed:
    """Return an event whose type is misspelt."""
    return Malformed(_document(event_id, "order.payed", paid), "order.payed", "type")


def _document(event_id: str, type_: str, paid: Paid, **changes: str) -> bytes:
    data = {**paid.arguments(), "created_at": paid.created_at.isoformat(), **changes}
    document = {"specversion": "1.0", "id": event_id, "source": SOURCE, "type": type_, "data": data}
    return json.dumps(document, ensure_ascii=False).encode()
