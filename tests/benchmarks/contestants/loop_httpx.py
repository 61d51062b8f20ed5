"""The hand-written loop with what the tutorials use: asyncio's own loop and httpx as it comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from tests.benchmarks.contestants.handwritten import CREATE, LOGIN, TOKEN, Post, Supplier, consume, headers

if TYPE_CHECKING:
    from contextlib import AsyncExitStack


async def client(stack: AsyncExitStack, supplier: Supplier) -> Post:
    http = await stack.enter_async_context(httpx.AsyncClient(base_url=supplier.base_url, timeout=30))
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
