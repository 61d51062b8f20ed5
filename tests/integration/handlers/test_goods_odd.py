"""Odd codes and odd answers, through our client of Haier into both databases: each harms itself and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from consumer.settings import load
from consumer.suppliers.authorised import Conduct
from consumer.suppliers.haier.client import HaierClient
from sandbox.credentials import environment
from schemas.registry import INBOUND
from tests.support.goods_line import GoodsLine, Haier, good

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from consumer.domain.goods import Price, Stock
    from consumer.domain.looks import Look
    from consumer.domain.product import Product
    from consumer.persistence.store import Store

COUNTY = "330106"
PLAIN = '{"productCode": %s, "isSales": "1"}'
PRICED = '{"productCode": %s, "isSales": "1", "supplyPrice": %s, "invoicePrice": %s}'


@dataclass
class OddHaier(Haier):
    """A Haier that answers with bodies, byte by byte as given; what it is not asked for it gives away too.

    Attributes:
        listed: entries of goods, as JSON, whatever is asked for.
        prices_told: entries of prices, as JSON, whatever is asked for.
        stock_told: whole answers by code.
    """

    listed: list[str] = field(default_factory=list)
    prices_told: list[str] = field(default_factory=list)
    stock_told: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        section = load(environment("http://haier.example"), dotenv=None, need=["haier"]).haier
        self.client = HaierClient(section, httpx.MockTransport(self._answer), Conduct())

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.rsplit("/", 1)[-1]
        if path == "auth":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        self.calls.append(path)
        if path == "get-available-stock-open":
            text = self.stock_told[json.loads(request.content)["productCode"]]
        else:
            text = "[" + ",".join(self.prices_told if path == "pt-out-list-price" else self.listed) + "]"
        return httpx.Response(200, content=text.encode(), headers={"Content-Type": "application/json"})

    async def products(self, codes: Sequence[str], *, since: datetime | None = None) -> Look[Product]:
        return await self.client.products(codes, since=since)

    @asynccontextmanager
    async def listing(self) -> AsyncIterator[Any]:
        async with self.client.listing() as listing:
            yield listing

    async def prices(self, codes: Sequence[str]) -> Look[Price]:
        return await self.client.prices(codes)

    async def stock(self, product_code: str, county_code: str) -> Stock:
        return await self.client.stock(product_code, county_code)


ODD_CODES = [
    "'; DROP TABLE products; --",
    '"quoted"',
    "back\\slash",
    "%_like_%",
    "海尔-冰箱",
    "e\u0301-é",
    "🧊🧊",
    "X" * 64,
    "null",
    "?1",
    "a/b c",
    "{}",
    "tab\tin",
    "\u202eright to left",
]


async def test_codes_are_texts_whatever_they_look_like(store: Store) -> None:
    haier = OddHaier(listed=[PLAIN % json.dumps(code, ensure_ascii=False) for code in ODD_CODES])
    haier.prices_told = [PRICED % (json.dumps(code), "1.00", "1.00") for code in ODD_CODES]
    haier.stock_told = dict.fromkeys(ODD_CODES, '{"stock": 7}')
    line = GoodsLine(store, haier)
    wishes: list[dict[str, Any]] = [{}, {"product_codes": ODD_CODES * 3}]
    for number, wish in enumerate(wishes):
        await line.send(
            "sync.products.requested",
            f"e{number}",
            with_prices=True,
            county_codes=[COUNTY, "110101", COUNTY],
            **wish,
        )
        await line.run()
        log = line.end().sync_log
        assert (log.status, log.total_count, log.success_count) == ("success", 4 * len(ODD_CODES), 4 * len(ODD_CODES))
    assert set(await store.catalogue.prices(ODD_CODES)) == set(ODD_CODES)
    assert set(await store.catalogue.stock(ODD_CODES, COUNTY)) == set(ODD_CODES)
    changed = Counter(event.type for event in line.told if event.type.endswith(".changed"))
    assert changed == {"product.changed": 14, "price.changed": 14, "stock.changed": 28}


async def test_codes_that_are_none_harm_nobody(store: Store) -> None:
    broken = [
        f'"{"X" * 300}"',
        r'"\u0000"',
        '""',
        '"   "',
        "null",
        "true",
        "[]",
        "{}",
        r'"a\u0007b"',
        r'"\ud800"',
        "1e400",
    ]
    haier = OddHaier(listed=[PLAIN % code for code in ["1", *broken, '"LAST"']])
    haier.listed.insert(3, "null")
    haier.listed.insert(5, "[[]]")
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested")
    await line.run()
    log = line.end().sync_log
    assert log.status == "partial"
    assert log.success_count + log.failed_count == log.total_count == len(haier.listed)
    # A code that has lost a character would be one good with all others that have.
    assert {event.subject for event in line.of("product.changed")} == {"1", "LAST", "1E+400"}


async def test_goods_that_were_not_asked_for_and_goods_told_twice(store: Store) -> None:
    haier = OddHaier(listed=[PLAIN % f'"{code}"' for code in ("B", "A", "C")])
    haier.listed.append('{"productCode": "A", "isSales": "0", "noSalesReason": "停售"}')
    haier.prices_told = [PRICED % (f'"{code}"', amount, amount) for code in "CAB" for amount in ("1.00", "2.00")]
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested", product_codes=["A"], with_prices=True)
    await line.run()
    assert line.end().sync_log.total_count == 2
    assert set(await store.catalogue.products("ABC")) == set(await store.catalogue.prices("ABC")) == {"A"}
    # The last word counts, and is told once.
    assert str((await store.catalogue.prices("A"))["A"].value.supply_price) == "2.00"
    assert not (await store.catalogue.products("A"))["A"].value.procurable
    assert len(line.of("price.changed")) == len(line.of("product.changed")) == 1
    assert line.end().sync_log.success_count + line.end().sync_log.failed_count == 2


AMOUNTS = {
    "A": ("1.00", True),
    "B": ("1999.123456789", False),
    "C": ("1e30", False),
    "D": ("-1.00", False),
    "E": ('"1E5"', False),
    "F": ("1e400", False),
    "G": ("true", False),
    "H": ("99999999999.00", False),
    "I": ('"12,000.00"', False),
    "J": ("9999999999.99", True),
    "K": ("0", True),
    "L": ("1.5e2", True),
}


async def test_money_that_is_none_fails_its_good_alone(store: Store) -> None:
    haier = OddHaier(prices_told=[PRICED % (f'"{code}"', amount, amount) for code, (amount, _) in AMOUNTS.items()])
    line = GoodsLine(store, haier)
    await line.send("sync.prices.requested", product_codes=list(AMOUNTS))
    await line.run()
    end = line.end()
    fine = {code for code, (_, kept) in AMOUNTS.items() if kept}
    assert {failed.product_code for failed in end.failed} == set(AMOUNTS) - fine
    assert set(await store.catalogue.prices(list(AMOUNTS))) == fine
    assert end.sync_log.success_count == len(fine)


STOCKS = {
    "A": ('{"stock": 5, "productCode": "Z", "countyCode": "999999"}', True),
    "B": ('{"stock": -3}', False),
    "C": ('{"stock": 1e30}', False),
    "D": ('{"stock": 2.5}', False),
    "E": ('{"stock": "12"}', True),
    "F": ('[{"stock": 1}, {"stock": 2}]', False),
    "G": ("null", False),
    "H": ('{"stock": 1, "timelinessData": {"hour": 1e14, "cutTime": "' + "x" * 5000 + '"}}', False),
    "I": ('{"stock": 2147483647}', True),
    "J": ('{"stock": 2147483648}', False),
    "K": ('{"stock": 1, "secCode": "\\u0000"}', True),
}


async def test_stock_that_is_none_fails_its_good_alone(store: Store) -> None:
    line = GoodsLine(store, OddHaier(stock_told={code: told for code, (told, _) in STOCKS.items()}))
    await line.send("sync.stock.requested", product_codes=list(STOCKS), county_codes=[COUNTY, COUNTY])
    await line.run()
    fine = {code for code, (_, kept) in STOCKS.items() if kept}
    assert {failed.product_code for failed in line.end().failed} == set(STOCKS) - fine
    held = await store.catalogue.stock(list(STOCKS), COUNTY)
    assert set(held) == fine
    assert (held["A"].value.quantity, held["E"].value.quantity) == (5, 12)
    assert await store.catalogue.stock(["Z"], "999999") == {}


async def test_ten_thousand_codes_in_one_request(store: Store) -> None:
    codes = [f"BX{number:05}" for number in range(10_000)]
    line = GoodsLine(store, Haier().stocked(*codes))
    await line.send("sync.products.requested", product_codes=[*codes, *codes[:500]])
    assert len(line.queue) == 100
    await line.run()
    assert (line.end().sync_log.success_count, line.end().sync_log.total_count) == (10_000, 10_000)
    assert len(line.of("product.changed")) == 10_000


async def test_a_good_is_marked_and_unmarked_as_often_as_haier_says(store: Store) -> None:
    line = GoodsLine(store, Haier().stocked("A", "B"))
    for number in range(5):
        if number % 2:
            del line.haier.goods["A"]
        else:
            line.haier.goods["A"] = good("A")
        wishes: list[dict[str, Any]] = [{}, {"product_codes": ["A", "B"]}]
        for wish in wishes:
            await line.send("sync.products.requested", f"e{number}-{len(wish)}", **wish)
            await line.run()
        assert (await store.catalogue.products("A"))["A"].value.procurable is (number % 2 == 0)
    told: list[Any] = [event.data for event in line.of("product.changed") if event.subject == "A"]
    assert [data.new.procurable for data in told] == [True, False, True, False, True]
    assert [data.old and data.old.procurable for data in told] == [None, True, False, True, False]
    assert told[1].new.reason == "Haier does not list this code"
    assert told[2].new.reason is None


def test_empty_lists_are_refused_by_the_contract() -> None:
    wishes: list[dict[str, Any]] = [
        {"product_codes": []},
        {"county_codes": []},
        {"product_codes": ["X" * 65]},
        {"product_codes": ["\0"]},
    ]
    for wish in wishes:
        with pytest.raises(ValueError, match="validation error"):
            INBOUND["sync.products.requested"].model_validate(wish)
