"""One suite for our Haier client: the sandbox over real HTTP, and recorded answers in every shape (SUPPLIERS)."""

from __future__ import annotations

from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import Rejected
from consumer.domain.parts import parts
from consumer.domain.ports import PRODUCTS_PER_CALL
from consumer.settings import load
from consumer.suppliers.authorised import Conduct
from consumer.suppliers.haier.client import HaierClient
from consumer.suppliers.transport import Transport
from tests.support.haier_sides import COUNTY, Side, sides

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

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
    async with Transport() as transport:
        ours = HaierClient(section, transport, Conduct())
        yield ours
        await ours.aclose()


def batches(codes: Iterable[str]) -> list[list[str]]:
    return list(parts(codes, PRODUCTS_PER_CALL))


async def test_products_by_code(side: Side, client: HaierClient) -> None:
    for codes in batches(side.products):
        look = await client.products(codes)
        assert look.found == tuple(side.products[code] for code in codes)
        assert look.unreadable == ()
        assert look.seen_at.tzinfo


async def test_every_procurable_product(side: Side, client: HaierClient) -> None:
    async with client.listing() as listing:
        looks = [look async for look in listing.parts(7)]
    found = {product.product_code: product for look in looks for product in look.found}
    procurable = {code: product for code, product in side.products.items() if product.procurable}
    assert {code: found[code] for code in procurable} == procurable
    assert len(found) == listing.count


async def test_prices(side: Side, client: HaierClient) -> None:
    for codes in batches(side.prices):
        look = await client.prices(codes)
        assert look.found == tuple(side.prices[code] for code in codes)
        assert look.unreadable == ()
        assert look.seen_at.tzinfo


async def test_prices_add_up(side: Side, client: HaierClient) -> None:
    for codes in batches(side.prices):
        for price in (await client.prices(codes)).found:
            assert price.adds_up is (None if price.supply_price is None else True)


@pytest.mark.parametrize("call", ["products", "prices"])
async def test_each_code_is_asked_for_once(side: Side, client: HaierClient, call: str) -> None:
    [codes, *_] = batches(side.products)
    ask = client.products if call == "products" else client.prices
    look = await ask([*codes, *codes])
    assert [one.product_code for one in look.found] == codes
    assert await side.calls(call) == 1


async def test_a_code_that_nobody_has_is_not_in_the_answer(client: HaierClient) -> None:
    for ask in (client.products, client.prices):
        look = await ask(["NOBODY"])
        assert (look.found, look.unreadable) == ((), ())


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
    [codes, *_] = batches(side.prices)
    for price in (await client.prices(codes)).found:
        assert {type(price.supply_price), type(price.invoice_price)} <= {Decimal, type(None)}
        assert type(price.direct_discount) is type(price.rebate) is Decimal
    assert {type(payer.balance) for payer in await client.balances()} == {Decimal}


async def test_a_probe_makes_one_call(side: Side, client: HaierClient) -> None:
    await client.check()
    assert await side.calls("products") == 1
