"""The same sync as one writes it by hand: goods one by one, for each its price, its stock, and a commit.

As in the system that this service took over from: stock httpx, an ORM session, nothing at the same time. Prints how
many goods it did and in how many seconds, as JSON. ``BENCHMARK_GOODS`` says how many it does.
"""

from __future__ import annotations

# ruff: noqa: T201 -- the figures are the output of this program
import json
import os
import sys
import time
from typing import Any

import httpx
from sqlalchemy import create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

COUNTY = "330106"
_GOODS = "/yilihuo/jsh-service-goods-mall-search/api/product-info/procurable-products-out/check-procurable-products"
_PRICE = "/yilihuo/jsh-service-goods-price/api/goods-price/price-daily-sales/price-query/pt-out-list-price"
_STOCK = "/yilihuo/jsh-service-stock-mall/api/page/stock/get-available-stock-open"


class Base(DeclarativeBase):
    """All of its tables."""


class Good(Base):
    """One good with its price and its stock."""

    __tablename__ = "goods"

    code: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str | None]
    brand: Mapped[str | None]
    price: Mapped[str | None]
    stock: Mapped[int]


class Haier:
    """The supplier, with one token for all calls."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._root = os.environ["HAIER_BASE_URL"]
        answer = client.post(
            os.environ.get("HAIER_TOKEN_URL", f"{self._root}/oauth2/auth"),
            json={
                "client_id": os.environ["HAIER_CLIENT_ID"],
                "client_secret": os.environ["HAIER_CLIENT_SECRET"],
                "grant_type": "client_credentials",
            },
        ).json()
        self._token = answer.get("access_token") or answer["data"]["access_token"]

    def ask(self, path: str, **body: Any) -> Any:
        """One call; the answer's ``data``."""
        answer = self._client.post(f"{self._root}{path}", json=body, headers={"Authorization": self._token})
        answer.raise_for_status()
        return answer.json()["data"]


def main() -> int:
    """Sync; exit code 0."""
    buyer = {
        "customerCode": os.environ["HAIER_CUSTOMER_CODE"],
        "sendToCode": os.environ["HAIER_SEND_TO_CODE"],
        "passWord": os.environ["HAIER_PASSWORD"],
    }
    seller = {
        "salesCode": os.environ["HAIER_CUSTOMER_CODE"],
        "senderCode": os.environ["HAIER_SEND_TO_CODE"],
        "countyCode": COUNTY,
        "source": "JSH-B",
        "sellerPassword": os.environ["HAIER_SELLER_PASSWORD"],
    }
    engine = create_engine(os.environ["BENCHMARK_DATABASE"])
    event.listen(engine, "connect", _durable)
    Base.metadata.create_all(engine)
    with httpx.Client(timeout=30) as client, Session(engine) as session:
        haier = Haier(client)
        listed = haier.ask(_GOODS, **buyer, supplierCode="1001", searchType="PTJSH")
        taken = listed[: int(os.environ["BENCHMARK_GOODS"])]
        began = time.perf_counter()
        for good in taken:
            code = good["productCode"]
            [price] = haier.ask(_PRICE, **buyer, productCodes=[code], priceType="PT")
            stock = haier.ask(_STOCK, **seller, productCode=code)
            session.merge(
                Good(
                    code=code,
                    model=good["productModel"],
                    brand=good["productBrandName"],
                    price=None if price["invoicePrice"] is None else str(price["invoicePrice"]),
                    stock=int(stock["stock"]),
                )
            )
            session.commit()
        seconds = time.perf_counter() - began
    print(json.dumps({"goods": len(taken), "seconds": seconds}))
    return 0


def _durable(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


if __name__ == "__main__":
    sys.exit(main())
