"""The unit of work of every contestant but the service: what is read, what is sent, what is noted, what is told.

Values without I/O, the same code for all of them, so that they differ only in who carries a message and how calls,
rows and results are made.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal  # noqa: TC003 - pydantic reads it when the models are made
from typing import Final, Literal
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel

from tests.benchmarks.workload import PREFETCH

CONCURRENCY: Final = int(os.environ.get("BENCHMARK_CONCURRENCY", PREFETCH))
"""Messages at once: the prefetch, and connections to the supplier."""

DELAY_MS: Final = float(os.environ.get("BENCHMARK_DELAY_MS", "0"))
"""How long the supplier takes to answer."""

CREATE: Final = "/ylh-cloud-service-jst-order-dev/api/page/hmm/retailorder/receive-hmm-retail-order"
TOKEN: Final = "/ylh-cloud-mgt-auth-dev/oauth/token"
LOGIN: Final = {"system-name": "ylh-open-api"}
"""Headers of a login."""

RESULTS: Final = "relay.results"
SUCCEEDED: Final = "order.push.succeeded"
CONTENT_TYPE: Final = "application/cloudevents+json"


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
    type: Literal["order.paid"]
    time: AwareDatetime
    data: Paid


class Answer(BaseModel):
    class Data(BaseModel):
        retailOrderNo: str | None = None  # noqa: N815 - the supplier's spelling

    success: bool
    data: Data | str | None = None


@dataclass(frozen=True, slots=True)
class Pushed:
    """An order that the supplier has taken."""

    paid: Envelope
    retail_order_no: str | None
    at: datetime

    @classmethod
    def read(cls, paid: Envelope, answer: bytes) -> Pushed:
        """Read the supplier's answer to a create.

        Raises:
            RuntimeError: the order was refused.
        """
        read = Answer.model_validate_json(answer)
        if not read.success:
            raise RuntimeError(f"order {paid.data.so_id} was refused")
        number = read.data.retailOrderNo if isinstance(read.data, Answer.Data) else read.data
        return cls(paid, number, datetime.now(UTC))

    def row(self) -> dict[str, object]:
        """For the table of `rows`."""
        return {
            "so_id": self.paid.data.so_id,
            "version": self.paid.data.version,
            "retail_order_no": self.retail_order_no,
            "pushed_at": self.at,
        }

    def result(self) -> bytes:
        """The body of `SUCCEEDED`."""
        order = self.paid.data
        told = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": "/hand-written",
            "type": SUCCEEDED,
            "subject": order.so_id,
            "time": self.at.isoformat(),
            "correlationid": self.paid.id,
            "data": {"so_id": order.so_id, "version": order.version, "retail_order_no": self.retail_order_no},
        }
        return json.dumps(told, ensure_ascii=False).encode()


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


def create(paid: Paid) -> bytes:
    """The body of a create."""
    told = {
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
    return json.dumps(told, ensure_ascii=False).encode()
