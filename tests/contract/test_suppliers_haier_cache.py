"""What the Haier client remembers of products, and that it remembers nothing else; against the sandbox."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from consumer.suppliers.cache import ProductCache
from sandbox.testing import Box, running_sandbox
from tests.support.supplier_clients import haier_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from consumer.suppliers.haier.client import HaierClient

CODES = [f"BX{number:07}" for number in range(1, 21)]
LOOKS: Mapping[str, Callable[[HaierClient], Awaitable[object]]] = {
    "haier.prices": lambda client: client.prices(["BX0000001"]),
    "haier.stock": lambda client: client.stock("BX0000001", "370212"),
    "haier.logistics": lambda client: client.shipments("SO.NEVER"),
    "haier.balance": lambda client: client.balances(),
}


class Told:
    def __init__(self) -> None:
        self.hits = self.misses = 0

    def cache_used(self, cache: str, hits: int, misses: int) -> None:
        assert cache == "products"
        self.hits += hits
        self.misses += misses


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with running_sandbox() as running:
        yield running


def cache(told: Told) -> ProductCache:
    return ProductCache(timedelta(minutes=15), told)


async def asked(box: Box, call: str) -> int:
    return int((await box.ledger())["calls"].get(call, 0))


async def test_requests_of_the_same_moment_are_one_call_and_who_asks_later_asks_anew(box: Box) -> None:
    told = Told()
    async with haier_client(box, cache=cache(told)) as client:
        requested = datetime.now(UTC)
        first = await client.products(CODES, since=requested)
        assert await client.products(CODES, since=requested) == first
        assert await asked(box, "haier.products") == 1
        await box.change_product("BX0000001", procurable=False)
        later = await client.products(CODES, since=datetime.now(UTC))
        assert (first.found[0].procurable, later.found[0].procurable) == (True, False)
        await client.products(CODES)
        assert await asked(box, "haier.products") == 3
    assert (told.hits, told.misses) == (20, 40)


async def test_a_code_that_haier_does_not_know_is_asked_for_each_time(box: Box) -> None:
    async with haier_client(box, cache=cache(Told())) as client:
        requested = datetime.now(UTC)
        for _ in range(2):
            await client.products(["NOSUCH"], since=requested)
    assert await asked(box, "haier.products") == 2


@pytest.mark.parametrize("call", LOOKS)
async def test_nothing_else_is_remembered(box: Box, call: str) -> None:
    async with haier_client(box, cache=cache(Told())) as client:
        for _ in range(2):
            await LOOKS[call](client)
    assert await asked(box, call) == 2
