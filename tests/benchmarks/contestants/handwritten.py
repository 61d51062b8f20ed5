"""The loop that a competent user would write instead of this service: consume, validate, call, note, publish, ack.

A robust connection, prefetch 100, a task for each delivery, pydantic models of what it needs, one row committed for
each message, one persistent result with a confirm, then the ack. It has none of the service's guarantees: no inbox, no
outbox, no intent, no retries, no leases; killed between the call and the ack, it pushes an order twice. With which HTTP
client and on which event loop is for the two modules beside this one.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal  # noqa: TC003 - pydantic reads it when the models are made
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import aio_pika
from pydantic import AwareDatetime, BaseModel
from sqlalchemy import Column, DateTime, Integer, MetaData, String, Table, event, insert
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from tests.benchmarks.workload import PREFETCH

if TYPE_CHECKING:
    from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

CREATE = "/ylh-cloud-service-jst-order-dev/api/page/hmm/retailorder/receive-hmm-retail-order"
TOKEN = "/ylh-cloud-mgt-auth-dev/oauth/token"
LOGIN = {"system-name": "ylh-open-api"}
"""Headers of a login."""

Post = Callable[[bytes], Awaitable[bytes]]
"""Send a create and return the answer's body; raises unless the status is 2xx."""
Client = Callable[[AsyncExitStack, "Supplier"], Awaitable[Post]]

_TABLES = MetaData()
_PUSHED = Table(
    "pushed",
    _TABLES,
    Column("so_id", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("retail_order_no", String),
    Column("pushed_at", DateTime, nullable=False),
)


class Consignee(BaseModel):
    name: str
    mobile: str
    province: str
    city: str
    area: str
    town: str | None = None
    address: str


class Item(BaseModel):
    product_code: str
    quantity: int
    retail_price: Decimal
    discount: Decimal
    actual_price: Decimal
    is_gift: bool


class Paid(BaseModel):
    so_id: str
    online_no: str
    version: int
    created_at: AwareDatetime
    consignee: Consignee
    items: list[Item]
    total_amount: Decimal
    government_subsidy: bool


class Envelope(BaseModel):
    id: str
    source: str
    type: str
    time: AwareDatetime
    data: Paid


class Answer(BaseModel):
    class Data(BaseModel):
        retailOrderNo: str | None = None  # noqa: N815 - the supplier's spelling

    success: bool
    data: Data | str | None = None


@dataclass(frozen=True, slots=True)
class Supplier:
    """Where to push to, from the settings that the sandbox hands out."""

    base_url: str
    username: str
    password: str
    client_id: str
    client_secret: str

    @classmethod
    def from_environment(cls) -> Supplier:
        return cls(
            *(os.environ[f"YLH_{name}"] for name in ("BASE_URL", "USERNAME", "PASSWORD", "CLIENT_ID", "CLIENT_SECRET"))
        )

    @property
    def grant(self) -> dict[str, str]:
        """Form fields of the login."""
        return {"grant_type": "password", "username": self.username, "password": self.password}


def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"bearer {token}", "Content-Type": "application/json", "Accept": "application/json"}


async def consume(client: Client) -> None:
    """Work until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        post = await client(stack, Supplier.from_environment())
        rows = await _rows(stack, os.environ["RELAY_DATABASE_URL"])
        connection = await aio_pika.connect_robust(os.environ["RELAY_AMQP_URL"])
        stack.push_async_callback(connection.close)
        channel = await connection.channel(publisher_confirms=True)
        await channel.set_qos(prefetch_count=PREFETCH)
        queue = await channel.get_queue("relay.orders")
        results = await channel.get_exchange("relay.results")

        async def work(message: AbstractIncomingMessage) -> None:
            await _work(message, post, rows, results)

        await queue.consume(work)
        await stop.wait()


async def _work(message: AbstractIncomingMessage, post: Post, rows: _Rows, results: AbstractExchange) -> None:
    paid = Envelope.model_validate_json(message.body)
    answer = Answer.model_validate_json(await post(json.dumps(_create(paid.data), ensure_ascii=False).encode()))
    if not answer.success:
        raise RuntimeError(f"order {paid.data.so_id} was refused")
    number = answer.data.retailOrderNo if isinstance(answer.data, Answer.Data) else answer.data
    now = datetime.now(UTC)
    await rows.add(
        {"so_id": paid.data.so_id, "version": paid.data.version, "retail_order_no": number, "pushed_at": now}
    )
    result = aio_pika.Message(
        json.dumps(_result(paid, number, now), ensure_ascii=False).encode(),
        content_type="application/cloudevents+json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
    await results.publish(result, routing_key="order.push.succeeded", mandatory=False)
    await message.ack()


def _create(paid: Paid) -> dict[str, object]:
    return {
        "sourceSystem": os.environ["YLH_SOURCE_SYSTEM"],
        "shopName": os.environ["YLH_SHOP_NAME"],
        "sellerCode": os.environ["YLH_SELLER_CODE"],
        "consigneeName": paid.consignee.name,
        "consigneeMobile": paid.consignee.mobile,
        "onlineNo": paid.online_no,
        "soId": paid.so_id,
        "totalQty": sum(item.quantity for item in paid.items),
        "totalAmt": float(paid.total_amount),
        "createTime": int(paid.created_at.timestamp() * 1000),
        "province": paid.consignee.province,
        "city": paid.consignee.city,
        "area": paid.consignee.area,
        "detailAddress": paid.consignee.address,
        "deliveryInstall": "false",
        "itemList": [
            {
                "productCode": item.product_code,
                "itemQty": item.quantity,
                "retailPrice": float(item.retail_price),
                "discountAmount": float(item.discount),
                "actualPrice": float(item.actual_price),
            }
            for item in paid.items
        ],
    }


def _result(paid: Envelope, number: str | None, now: datetime) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "/hand-written",
        "type": "order.push.succeeded",
        "subject": paid.data.so_id,
        "time": now.isoformat(),
        "correlationid": paid.id,
        "data": {"so_id": paid.data.so_id, "version": paid.data.version, "retail_order_no": number},
    }


class _Rows:
    """One connection behind a lock: SQLite has one writer, and a pool made this 1.6 times as dear a row."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()

    async def add(self, row: dict[str, object]) -> None:
        """Insert ``row``, committed on return."""
        async with self._turn:
            await self._connection.execute(insert(_PUSHED), row)
            await self._connection.commit()


async def _rows(stack: AsyncExitStack, url: str) -> _Rows:
    engine = create_async_engine(url)
    stack.push_async_callback(engine.dispose)

    def durable(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    event.listen(engine.sync_engine, "connect", durable)
    connection = await stack.enter_async_context(engine.connect())
    await connection.run_sync(_TABLES.create_all)
    await connection.commit()
    return _Rows(connection)
