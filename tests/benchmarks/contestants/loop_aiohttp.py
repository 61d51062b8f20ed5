"""The hand-written loop by somebody who has measured: uvloop and aiohttp."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import uvloop
from yarl import URL

from tests.benchmarks.contestants.handwritten import consume
from tests.benchmarks.contestants.unit import CONCURRENCY, CREATE, LOGIN, TOKEN, Supplier, headers

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from tests.benchmarks.contestants.coroutines import Post


async def client(stack: AsyncExitStack, supplier: Supplier) -> Post:
    session = await stack.enter_async_context(
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONCURRENCY),
            timeout=aiohttp.ClientTimeout(total=30),
            raise_for_status=True,
        )
    )
    basic = {"Authorization": aiohttp.encode_basic_auth(supplier.client_id, supplier.client_secret)}
    async with session.post(supplier.base_url + TOKEN, data=supplier.grant, headers=LOGIN | basic) as login:
        sent = headers((await login.json())["access_token"])
    url = URL(supplier.base_url + CREATE)

    async def post(body: bytes) -> bytes:
        async with session.post(url, data=body, headers=sent) as response:
            return await response.read()

    return post


if __name__ == "__main__":
    uvloop.run(consume(client))
