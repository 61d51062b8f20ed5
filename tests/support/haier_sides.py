"""Haier as the conformance suite meets it: the sandbox over HTTP, and recorded answers; each with what has to come."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx

from consumer.domain.goods import PayerBalance, Price, Stock, StockLevel
from consumer.domain.product import Product
from consumer.domain.shipping import Shipment, ShipmentSource, Trace
from sandbox.calling import BALANCE, GOODS, HAIER_LOGISTICS, PRICES, STOCK, Caller
from sandbox.catalogue import Catalogue
from sandbox.config import SandboxConfig
from sandbox.credentials import environment
from sandbox.testing import running_sandbox
from tests.support import haier_pages as pages
from tests.support.recorded import SHAPES, Number, Refused, Shape, recorded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

COUNTY = "370212"


@dataclass(frozen=True, slots=True)
class Side:
    """One Haier, and what our client has to make of it.

    Attributes:
        settings: to reach it.
        products: by code.
        prices: by code.
        stock: of one product in `COUNTY`.
        shipments: of one order.
        balances: of all payers.
        calls: how often it was asked for ``products``, ``prices`` and so on.
    """

    settings: Mapping[str, str]
    products: Mapping[str, Product]
    prices: Mapping[str, Price]
    stock: Stock
    shipments: tuple[Shipment, ...]
    balances: tuple[PayerBalance, ...]
    calls: Callable[[str], Any]


@asynccontextmanager
async def sandbox_side(shape: Any, *, balance_as_list: bool = True) -> AsyncIterator[Side]:
    """Give the sandbox; what has to come is worked out from its catalogue and, for shipments, from a plain client."""
    goods = [article for article in map(Catalogue(200).find, (f"BX{n:07d}" for n in range(1, 101))) if article]
    config = SandboxConfig(shape=shape, products=100, balance_as_list=balance_as_list)
    async with running_sandbox(config) as box, httpx.AsyncClient(base_url=box.url, trust_env=False) as http:
        plain = Caller(box, http)
        await plain.login()
        await plain.create("SO-1")
        number = (await box.order("SO-1"))["retail_order_no"]
        raw = (await plain.haier_logistics(number)).json()
        lists = raw["data"] if shape == "envelope" else raw
        before = dict((await box.ledger())["calls"])

        async def calls(name: str) -> int:
            now = (await box.ledger())["calls"]
            return int(now.get(f"haier.{name}", 0) - before.get(f"haier.{name}", 0))

        payers = (
            PayerBalance("88000000011", "沙箱付款方1", "SG1", "冰冷产品组", Decimal("125000.50")),
            PayerBalance("88000000012", "沙箱付款方2", "SG2", "洗涤产品组", Decimal(8000)),
        )
        yield Side(
            settings=box.environment(),
            products={
                a.code: Product(
                    a.code,
                    a.model,
                    a.group,
                    a.brand,
                    f"http://img.sandbox.invalid/{a.code}.jpg",
                    tuple(f"http://img.sandbox.invalid/{a.code}/{n}.jpg" for n in range(a.index % 3)),
                    a.procurable,
                    None if a.procurable else "商品暂不可采",
                )
                for a in goods
            },
            prices={
                a.code: Price(
                    a.code,
                    a.supply_price if a.price_valid else None,
                    a.invoice_price if a.price_valid else None,
                    a.discount if a.price_valid else Decimal(0),
                    a.rebate_type if a.price_valid else None,
                    a.rebate if a.price_valid else Decimal(0),
                    a.procurable and a.price_valid,
                    "价格未生效" if not a.price_valid else None if a.procurable else "商品暂不可采",
                )
                for a in goods
            },
            stock=Stock(
                "BX0000001",
                COUNTY,
                goods[0].stock_in(COUNTY),
                "WA37L1",
                StockLevel.OWN,
                "17:00:00",
                "次日达",
                Decimal(24),
                transferred=False,
            ),
            shipments=tuple(_parcel(number, page) for page in lists["getAllLogisticsInfoByOrderCode"]),
            balances=payers if balance_as_list else payers[:1],
            calls=calls,
        )


def _parcel(number: str, page: Any) -> Shipment:
    first = page["logisticsList"][0]
    return Shipment(
        number,
        first["logisticsCompany"],
        first["logisticsNo"],
        page["deliveryRecordCode"],
        tuple(unit["snCode"] for unit in page["logisticsList"]),
        ShipmentSource.WAREHOUSE,
        tuple(
            Trace(datetime.fromisoformat(f"{step['time']}+08:00"), step["content"])
            for step in page["logisticsTraceList"]
        ),
    )


@asynccontextmanager
async def recorded_side(shape: Shape, *, alone: bool = False) -> AsyncIterator[Side]:
    """Give recorded answers; ``alone``: the balance and the stock come without or with a list where others do not."""

    def of(known: Mapping[str, Any]) -> Callable[[Any], Any]:
        return lambda asked: [known[code] for code in asked.get("productCodes", known) if code in known]

    def stock(asked: Any) -> Any:
        if asked["productCode"] != "BX0000001":
            raise Refused("商品编码无效")
        page = {
            "secCode": "WA37L1",
            "stock": Number("12"),
            "warehouseGrade": Number("1"),
            "timelinessData": {
                "cutTime": "17:00",
                "achieveUserOrderCut": "三日达",
                "hour": Number("72"),
                "isTranfer": Number("1"),
            },
        }
        return [page] if alone else page

    answers: dict[str, Callable[[Any], Any]] = {
        GOODS: of(pages.PRODUCTS),
        PRICES: of(pages.PRICES),
        STOCK: stock,
        HAIER_LOGISTICS: lambda _: pages.DELIVERIES,
        BALANCE: lambda _: pages.PAYERS[0] if alone else pages.PAYERS,
    }
    async with recorded(shape, answers, {"data": {"token": "recorded-token"}}) as there:
        names = {"products": GOODS, "prices": PRICES, "stock": STOCK, "logistics": HAIER_LOGISTICS, "balance": BALANCE}

        async def calls(name: str) -> int:
            return len(there.asked.get(names[name].rsplit("/", 1)[-1], []))

        payers = (
            PayerBalance("880000000011", "付款方一", "SG1", "冰冷产品组", Decimal("-120.50")),
            PayerBalance("880000000012", None, None, None, Decimal(125000)),
        )
        traces = (
            Trace(datetime(2019, 1, 6, 1, tzinfo=UTC), "仓库已出库"),
            Trace(datetime(2019, 1, 7, 1, tzinfo=UTC), "已签收"),
        )
        warehouse = ShipmentSource.WAREHOUSE
        yield Side(
            settings=environment(there.url),
            products={
                "BX0000001": Product(
                    "BX0000001",
                    "BCD-470WDPG",
                    "冰箱",
                    "海尔",
                    "http://img.example/1.jpg",
                    ("http://img.example/1a.jpg", "http://img.example/1b.jpg"),
                    procurable=True,
                    reason=None,
                ),
                "BX0000002": Product(
                    "BX0000002",
                    "KFR-35GW",
                    "空调",
                    "统帅",
                    None,
                    (),
                    procurable=False,
                    reason="商品暂不可采",
                ),
                "20190003": Product("20190003", None, None, None, None, (), procurable=True, reason=None),
            },
            prices={
                "BX0000001": Price(
                    "BX0000001",
                    Decimal(1999),
                    Decimal("1928.53"),
                    Decimal("0.03"),
                    None,
                    Decimal("10.5"),
                    procurable=True,
                    reason=None,
                ),
                "BX0000002": Price(
                    "BX0000002",
                    Decimal(2599),
                    Decimal(2549),
                    Decimal(0),
                    "DTDBF",
                    Decimal(50),
                    procurable=False,
                    reason="商品暂不可采",
                ),
                "20190003": Price(
                    "20190003", None, None, Decimal(0), None, Decimal(0), procurable=False, reason="价格未生效"
                ),
            },
            stock=Stock(
                "BX0000001",
                COUNTY,
                12,
                "WA37L1",
                StockLevel.UPPER,
                "17:00",
                "三日达",
                Decimal(72),
                transferred=True,
            ),
            shipments=(
                Shipment(pages.ORDER, "日日顺", "RRS1", "DR1", ("SN1", "SN2"), warehouse, traces),
                Shipment(pages.ORDER, "顺丰速运", "4401", "DR1", (), warehouse, traces),
                Shipment(
                    pages.ORDER,
                    "中通快运",
                    "ZT1",
                    "DR2",
                    (),
                    ShipmentSource.ZHIHUIBAO_COURIER,
                    (Trace(None, "运输中"),),
                ),
            ),
            balances=payers[:1] if alone else payers,
            calls=calls,
        )


def sides() -> dict[str, Callable[[], AbstractAsyncContextManager[Side]]]:
    """Return every Haier by the name of its test."""
    found: dict[str, Callable[[], AbstractAsyncContextManager[Side]]] = {
        "sandbox: envelope": lambda: sandbox_side("envelope"),
        "sandbox: bare": lambda: sandbox_side("bare"),
        "sandbox: one payer alone": lambda: sandbox_side("bare", balance_as_list=False),
        "recorded: one object for a list and the other way round": lambda: recorded_side(SHAPES[0], alone=True),
    }
    for shape in SHAPES:
        found[shape.name] = lambda shape=shape: recorded_side(shape)  # type: ignore[misc] # mypy cannot infer a lambda's default
    return found
