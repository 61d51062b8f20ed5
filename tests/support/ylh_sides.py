"""YLH as the conformance suite meets it: the sandbox over HTTP, and recorded answers; each with what has to come."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx

from consumer.domain.shipping import DeliveryPhoto, Shipment, ShipmentSource
from sandbox.calling import Caller
from sandbox.config import SandboxConfig
from sandbox.credentials import YlhEnvironment, environment
from sandbox.testing import running_sandbox
from tests.support.recorded import SHAPES, Number, Refused, Shape, recorded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

MOST_ORDERS = 100


@dataclass(frozen=True, slots=True)
class Side:
    """One YLH, and what our client has to make of it.

    Attributes:
        settings: to reach it.
        sent: an SO number whose goods are on their way.
        shipments: of ``sent``.
        photos: of ``sent``.
        calls: how often it was asked for ``logistics``.
        days: the times that it holds for an order's number: delivery and installation, in milliseconds.
    """

    settings: Mapping[str, str]
    sent: str
    shipments: tuple[Shipment, ...]
    photos: tuple[DeliveryPhoto, ...]
    calls: Callable[[], Awaitable[int]]
    days: Callable[[str], Awaitable[tuple[str | None, str | None]]]


@asynccontextmanager
async def sandbox_side(shape: Any, env: YlhEnvironment) -> AsyncIterator[Side]:
    """Give the sandbox; what has to come is read by a plain client."""
    config = SandboxConfig(shape=shape, ylh_env=env)
    async with running_sandbox(config) as box, httpx.AsyncClient(base_url=box.url, trust_env=False) as http:
        plain = Caller(box, http)
        await plain.login()
        await plain.create("SO-SENT")
        number = (await box.order("SO-SENT"))["retail_order_no"]

        def data(answer: httpx.Response) -> Any:
            return answer.json()["data"] if shape == "envelope" else answer.json()

        pages, photos = data(await plain.logistics([number])), data(await plain.photos(number))
        before = (await box.ledger())["calls"]["ylh.logistics"]

        async def calls() -> int:
            return int((await box.ledger())["calls"]["ylh.logistics"] - before)

        async def days(order_no: str) -> tuple[str | None, str | None]:
            ledger = (await box.ledger())["orders"]
            [page] = [page for page in ledger.values() if page["retail_order_no"] == order_no]
            return page["distribution_time"], page["install_time"]

        yield Side(
            settings=box.environment(),
            sent=number,
            shipments=tuple(
                Shipment(
                    number,
                    page["logisticsList"][0]["logisticsCompany"],
                    page["logisticsList"][0]["logisticsNo"],
                    page["deliveryRecordCode"],
                    tuple(unit["snCode"] for unit in page["logisticsList"]),
                    ShipmentSource.YLH,
                )
                for page in pages
            ),
            photos=tuple(
                DeliveryPhoto(
                    photo["imageType"], photo["imageUrl"], datetime.fromisoformat(f"{photo['uploadTime']}+08:00")
                )
                for photo in photos
            ),
            calls=calls,
            days=days,
        )


SENT = "SO.20250430.000001"
_PAGE: dict[str, Any] = {
    "orderCode": SENT,
    "deliveryRecordCode": Number("202504300001"),
    "logisticsList": [
        {"logisticsCompany": "日日顺", "logisticsNo": "RRS1", "snCode": "SN1"},
        {"logisticsCompany": "京东物流", "logisticsNo": "JD1", "snCode": "SN3,SN4"},
        {"logisticsCompany": "日日顺", "logisticsNo": "RRS1", "snCode": "SN2"},
    ],
}
_WAITING: dict[str, Any] = {"orderCode": SENT, "deliveryRecordCode": "DR2", "logisticsList": None}
_PHOTOS: list[dict[str, Any]] = [
    {"imageType": "配送照片", "imageUrl": "http://img.example/1.jpg", "uploadTime": "2025-05-01 10:00:00"},
    {"imageType": None, "imageUrl": "http://img.example/2.jpg", "uploadTime": Number("1746072000000")},
    {"imageType": "安装照片", "imageUrl": "http://img.example/3.jpg", "uploadTime": None},
]


@dataclass(slots=True)
class _Orders:
    """What recorded answers need to know of earlier calls."""

    numbers: dict[str, str] = field(default_factory=dict)
    days: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)

    def create(self, asked: Any) -> Any:
        if asked["soId"] in self.numbers:
            raise Refused("该子单号已存在，重复推送")
        number = self.numbers[asked["soId"]] = f"SO.20250430.{len(self.numbers) + 100:06d}"
        return {"retailOrderNo": number}

    def cancel(self, asked: Any) -> Any:
        if asked["soId"] not in self.numbers:
            raise Refused("订单不存在")
        return True

    def reschedule(self, asked: Any) -> Any:
        if asked["retailOrderNo"] not in self.numbers.values():
            raise Refused("订单不存在")
        times = (asked.get("distributionTime"), asked.get("installTime"))
        self.days[asked["retailOrderNo"]] = (
            None if times[0] is None else str(times[0]),
            None if times[1] is None else str(times[1]),
        )
        return True


@asynccontextmanager
async def recorded_side(shape: Shape, *, alone: bool = False) -> AsyncIterator[Side]:
    """Give recorded answers; ``alone``: one photo and one delivery record come without their list."""
    orders = _Orders()
    pages: list[dict[str, Any]] = [_PAGE] if alone else [_PAGE, _WAITING]

    def photos(asked: Any) -> Any:
        if asked["orderNo"] != SENT:
            raise Refused("订单不存在")
        return _PHOTOS[0] if alone else _PHOTOS

    def logistics(asked: Any) -> Any:
        if len(asked) > MOST_ORDERS:
            raise Refused("订单号数量不能超过100个")
        found = pages if SENT in asked else []
        return found[0] if alone and found else found

    first, order = "/ylh-cloud-service-jst-order-dev/api/page/hmm/retailorder", "/ylh-cloud-service-order-dev/api/page"
    stock = "/ylh-cloud-service-stock-dev/api/composite/stock/logistics/get-store-logistics-by-order-code"
    answers: dict[str, Callable[[Any], Any]] = {
        f"{first}/receive-hmm-retail-order": orders.create,
        f"{first}/cancel-hmm-retail-order": orders.cancel,
        f"{order}/retailorder/hmm/update-distribution-time": orders.reschedule,
        f"{order}/retailorder/search/get-retail-order-delivery-img": photos,
        stock: logistics,
    }
    token = {"access_token": "recorded-token", "token_type": "bearer", "expires_in": "3599"}
    async with recorded(shape, answers, token) as there:

        async def calls() -> int:
            return len(there.asked.get("get-store-logistics-by-order-code", []))

        async def days(order_no: str) -> tuple[str | None, str | None]:
            return orders.days[order_no]

        record = "202504300001"
        shipments = (
            Shipment(SENT, "日日顺", "RRS1", record, ("SN1", "SN2"), ShipmentSource.YLH),
            Shipment(SENT, "京东物流", "JD1", record, ("SN3", "SN4"), ShipmentSource.YLH),
            Shipment(SENT, None, None, "DR2", (), ShipmentSource.YLH),
        )
        shown = (
            DeliveryPhoto("配送照片", "http://img.example/1.jpg", datetime(2025, 5, 1, 2, tzinfo=UTC)),
            DeliveryPhoto("", "http://img.example/2.jpg", datetime(2025, 5, 1, 4, tzinfo=UTC)),
            DeliveryPhoto("安装照片", "http://img.example/3.jpg", None),
        )
        yield Side(
            settings=environment(there.url),
            sent=SENT,
            shipments=shipments[:2] if alone else shipments,
            photos=shown[:1] if alone else shown,
            calls=calls,
            days=days,
        )


def sides() -> dict[str, Callable[[], AbstractAsyncContextManager[Side]]]:
    """Return every YLH by the name of its test."""
    found: dict[str, Callable[[], AbstractAsyncContextManager[Side]]] = {
        "sandbox: envelope, dev": lambda: sandbox_side("envelope", "dev"),
        "sandbox: bare, pre": lambda: sandbox_side("bare", "pre"),
        "sandbox: envelope, prod": lambda: sandbox_side("envelope", "prod"),
        "recorded: one object for a list": lambda: recorded_side(SHAPES[0], alone=True),
    }
    for shape in SHAPES:
        found[shape.name] = lambda shape=shape: recorded_side(shape)  # type: ignore[misc] # mypy cannot infer a lambda's default
    return found


def is_order_number(text: str | None) -> bool:
    """Return whether ``text`` looks like a number that YLH gives."""
    return text is not None and re.fullmatch(r"SO\.[0-9]{8}\.[0-9]{6,12}", text) is not None
