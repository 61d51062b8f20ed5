"""What the Haier client keeps of products, and that it keeps nothing else; against the sandbox."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from consumer.suppliers.cache import ProductCache
from sandbox.testing import Box, running_sandbox
from tests.support.supplier_clients import haier_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from consumer.suppliers.haier.client import HaierClient


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with running_sandbox() as running:
        yield running


LOOKS: Mapping[str, Callable[[HaierClient], Awaitable[object]]] = {
    "haier.prices": lambda client: client.prices(["BX0000001"]),
    "haier.stock": lambda client: client.stock("BX0000001", "370212"),
    "haier.logistics": lambda client: client.shipments("SO.NEVER"),
    "haier.balance": lambda client: client.balances(),
}


class Told:
    """Adds up what a cache tells."""

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0

    def cache_used(self, cache: str, hits: int, misses: int) -> None:
        assert cache == "products"
        self.hits += hits
        self.misses += misses


@asynccontextmanager
async def keeping_client(box: Box, told: Told, clock: Callable[[], float]) -> AsyncIterator[HaierClient]:
    async with haier_client(box, cache=ProductCache(timedelta(minutes=15), told, clock=clock)) as client:
        yield client


async def asked(box: Box, call: str) -> int:
    return int((await box.ledger())["calls"].get(call, 0))


async def test_products_asked_for_by_code_are_kept_a_quarter_of_an_hour(box: Box) -> None:
    now, told = 0.0, Told()
    codes = [f"BX{number:07}" for number in range(1, 31)]
    async with keeping_client(box, told, lambda: now) as client:
        first = await client.procurable_products(codes)
        again = await client.procurable_products([*codes, "BX0000031", "NOSUCH"])
        assert await asked(box, "haier.products") == 3
        assert again[:30] == first
        assert [product.seen_at for product in again[:30]] == [product.seen_at for product in first]
        now = 901.0
        await client.procurable_products(codes[:20])
        assert await asked(box, "haier.products") == 4
    assert (told.hits, told.misses) == (30, 30 + 2 + 20)


async def test_a_code_that_haier_does_not_know_is_asked_for_each_time(box: Box) -> None:
    async with keeping_client(box, Told(), lambda: 0.0) as client:
        for _ in range(2):
            assert await client.procurable_products(["NOSUCH"]) == []
    assert await asked(box, "haier.products") == 2


async def test_the_whole_catalogue_is_always_asked_for_and_renews_what_is_kept(box: Box) -> None:
    told = Told()
    async with keeping_client(box, told, lambda: 0.0) as client:
        await client.procurable_products(["BX0000001"])
        await box.change_product("BX0000001", procurable=True)
        for _ in range(2):
            await client.procurable_products(None)
        renewed = await client.procurable_products(["BX0000001"])
        assert await asked(box, "haier.products") == 3
        assert (await client.procurable_products(["BX0000002"]))[0].product_code == "BX0000002"
        assert await asked(box, "haier.products") == 4
    assert [product.procurable for product in renewed] == [True]
    assert (told.hits, told.misses) == (1, 2)


async def test_prices_stock_and_logistics_are_never_kept(box: Box) -> None:
    async with keeping_client(box, Told(), lambda: 0.0) as client:
        for look in LOOKS.values():
            await look(client)
            await look(client)
    for call in LOOKS:
        assert await asked(box, call) == 2
