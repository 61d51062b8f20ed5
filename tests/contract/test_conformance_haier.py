"""One suite for our Haier client: the sandbox over real HTTP, and recorded answers in every shape (SUPPLIERS)."""

from __future__ import annotations

from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import Rejected
from consumer.settings import load
from consumer.suppliers.authorised import Conduct
from consumer.suppliers.haier.client import HaierClient
from consumer.suppliers.transport import AiohttpTransport
from tests.support.haier_sides import COUNTY, Side, sides

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SIDES = sides()


@pytest.fixture(params=SIDES)
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    async with SIDES[request.param]() as there:
        yield there


@pytest.fixture
async def client(side: Side) -> AsyncIterator[HaierClient]:
    async with client_of(side) as ours:
        yield ours


@asynccontextmanager
async def client_of(side: Side) -> AsyncIterator[HaierClient]:
    section = load(dict(side.settings), dotenv=None, need=["haier"]).haier
    async with AiohttpTransport() as transport:
        ours = HaierClient(section, transport, Conduct())
        yield ours
        await ours.aclose()


async def test_products_by_code(side: Side, client: HaierClient) -> None:
    found = await client.procurable_products(list(side.products))
    assert found == list(side.products.values())
    assert all(product.seen_at is not None and product.seen_at.tzinfo for product in found)


async def test_every_procurable_product(side: Side, client: HaierClient) -> None:
    found = {product.product_code: product for product in await client.procurable_products(None)}
    procurable = {code: product for code, product in side.products.items() if product.procurable}
    assert {code: found[code] for code in procurable} == procurable


async def test_prices(side: Side, client: HaierClient) -> None:
    assert await client.prices(list(side.prices)) == list(side.prices.values())


async def test_prices_add_up(side: Side, client: HaierClient) -> None:
    for price in await client.prices(list(side.prices)):
        assert price.adds_up is (None if price.supply_price is None else True)


@pytest.mark.parametrize("call", ["products", "prices"])
async def test_long_lists_go_in_parts_of_twenty_and_each_code_once(side: Side, client: HaierClient, call: str) -> None:
    known = [*side.products]
    codes = [*known, *(f"NOBODY-{number}" for number in range(105 - len(known))), *known]
    ask = client.procurable_products if call == "products" else client.prices
    found = await ask(codes)
    assert [one.product_code for one in found] == known
    assert await side.calls(call) == 6


@pytest.mark.parametrize("call", ["products", "prices"])
async def test_no_codes_ask_for_nothing(side: Side, client: HaierClient, call: str) -> None:
    ask = client.procurable_products if call == "products" else client.prices
    assert await ask([]) == []
    assert await side.calls(call) == 0


async def test_a_code_that_nobody_has_is_not_in_the_answer(client: HaierClient) -> None:
    assert await client.procurable_products(["NOBODY"]) == []
    assert await client.prices(["NOBODY"]) == []


async def test_stock(side: Side, client: HaierClient) -> None:
    assert await client.stock("BX0000001", COUNTY) == side.stock


async def test_the_stock_of_a_code_that_nobody_has_is_refused(client: HaierClient) -> None:
    with pytest.raises(Rejected) as caught:
        await client.stock("NOBODY", COUNTY)
    assert caught.value.supplier_message == "商品编码无效"


async def test_shipments(side: Side, client: HaierClient) -> None:
    order_no = side.shipments[0].order_no
    found = await client.shipments(order_no)
    assert tuple(found) == side.shipments
    assert all(step.at is None or step.at.tzinfo for parcel in found for step in parcel.traces)


async def test_balances(side: Side, client: HaierClient) -> None:
    assert tuple(await client.balances()) == side.balances


async def test_money_is_never_a_float(side: Side, client: HaierClient) -> None:
    for price in await client.prices(list(side.prices)):
        assert {type(price.supply_price), type(price.invoice_price)} <= {Decimal, type(None)}
        assert type(price.direct_discount) is type(price.rebate) is Decimal
    assert {type(payer.balance) for payer in await client.balances()} == {Decimal}


async def test_a_probe_makes_one_call(side: Side, client: HaierClient) -> None:
    await client.check()
    assert await side.calls("products") == 1
