"""The hand-written loop with what the tutorials use: asyncio's own loop and httpx as it comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from tests.benchmarks.contestants.handwritten import consume
from tests.benchmarks.contestants.unit import CREATE, LOGIN, TOKEN, Supplier, headers

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from tests.benchmarks.contestants.coroutines import Post


async def client(stack: AsyncExitStack, supplier: Supplier, transport: httpx.AsyncBaseTransport | None = None) -> Post:
    """Log in; ``transport`` None: httpx's own."""
    http = await stack.enter_async_context(
        httpx.AsyncClient(base_url=supplier.base_url, timeout=30, transport=transport)
    )
    login = await http.post(
        TOKEN, data=supplier.grant, headers=LOGIN, auth=(supplier.client_id, supplier.client_secret)
    )
    sent = headers(login.raise_for_status().json()["access_token"])

    async def post(body: bytes) -> bytes:
        response = await http.post(CREATE, content=body, headers=sent)
        return response.raise_for_status().content

    return post


if __name__ == "__main__":
    asyncio.run(consume(client))
