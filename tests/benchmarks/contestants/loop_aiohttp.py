"""The hand-written loop by somebody who has measured: uvloop and aiohttp."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import uvloop

from tests.benchmarks.contestants.handwritten import CREATE, LOGIN, TOKEN, Post, Supplier, consume, headers

if TYPE_CHECKING:
    from contextlib import AsyncExitStack


async def client(stack: AsyncExitStack, supplier: Supplier) -> Post:
    session = await stack.enter_async_context(
        aiohttp.ClientSession(supplier.base_url, timeout=aiohttp.ClientTimeout(total=30), raise_for_status=True)
    )
    basic = aiohttp.BasicAuth(supplier.client_id, supplier.client_secret)
    async with session.post(TOKEN, data=supplier.grant, headers=LOGIN, auth=basic) as login:
        sent = headers((await login.json())["access_token"])

    async def post(body: bytes) -> bytes:
        async with session.post(CREATE, data=body, headers=sent) as response:
            return await response.read()

    return post


if __name__ == "__main__":
    uvloop.run(consume(client))
