"""The ways to send a POST that are compared: stock httpx, the alternatives, ours, and a create by our client."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import aiohttp
import httpx
from pydantic import SecretStr

from consumer.settings import YlhSettings
from consumer.suppliers.authorised import Conduct
from consumer.suppliers.transport import Transport
from consumer.suppliers.ylh.client import YlhClient

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AsyncExitStack

STOCK: Final = "stock httpx"
OURS: Final = "our transport without httpx's client"
WHOLE: Final = "a create by our YLH client, all in"

BODY = (
    b'{"soId":"SO-1","itemList":[{"productCode":"GA0SZC00U","itemQty":1,"retailPrice":2999.00,"actualPrice":2899.00}],"x":"%s"}'
    % (b"y" * 500)
)
HEADERS = {"Content-Type": "application/json", "Authorization": "bearer 0123456789abcdef", "Accept": "application/json"}
# Serves as the answer of YLH's login too.
PAYLOAD = b'{"success":true,"code":"0","message":"ok","data":{"retailOrderNo":"RO0000000001","access_token":"t"}}'

Post = Callable[[], Awaitable[bytes]]
Way = Callable[["AsyncExitStack", str, int], Awaitable[Post]]
"""Opens itself on the stack for calls to a URL, so many at once."""


def _over(transport: Callable[[int], httpx.AsyncBaseTransport | None]) -> Way:
    """`httpx.AsyncClient.post`, over what ``transport`` makes (None: httpx's own)."""

    async def way(stack: AsyncExitStack, url: str, at_once: int) -> Post:
        # httpx's own limits (100 connections, 20 of them kept): keeping all 100 makes stock httpx slower still.
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport(at_once), headers=HEADERS))

        async def post() -> bytes:
            return (await client.post(url, content=BODY)).content

        return post

    return way


def _without_client(transport: Callable[[int], httpx.AsyncBaseTransport]) -> Way:
    """A transport asked directly, with prepared URL and headers: what `consumer.suppliers.calling` does."""

    async def way(stack: AsyncExitStack, url: str, at_once: int) -> Post:
        opened = await stack.enter_async_context(transport(at_once))
        target = httpx.URL(url)
        extensions = {"timeout": {"connect": 5.0, "read": 30.0, "write": 30.0, "pool": 5.0}}
        length = str(len(BODY))
        headers = [("Host", target.netloc.decode()), ("Content-Length", length), *HEADERS.items()]

        async def post() -> bytes:
            stream = httpx.ByteStream(BODY)
            request = httpx.Request("POST", target, headers=headers, stream=stream, extensions=extensions)
            response = await opened.handle_async_request(request)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            try:
                return b"".join([chunk async for chunk in response.stream])
            finally:
                await response.aclose()

        return post

    return way


async def _whole(stack: AsyncExitStack, url: str, at_once: int) -> Post:
    """A create by our YLH client: limits, token, repeats, the answer read and classified."""
    conduct = Conduct(at_once=at_once)
    transport = await stack.enter_async_context(Transport(slots=conduct.connections))
    settings = YlhSettings(
        environment="prod",
        base_url=url,
        username="u",
        password=SecretStr("p"),
        client_id="c",
        client_secret=SecretStr("s"),
        source_system="BENCH",
        seller_code="88000001",
        shop_name="bench",
    )
    client = YlhClient(settings, transport, conduct)
    stack.push_async_callback(client.aclose)

    async def post() -> bytes:
        arrived = await client.create("SO-1", BODY, unanswered=False)
        return PAYLOAD if arrived.retail_order_no == "RO0000000001" else b""

    return post


async def _aiohttp(stack: AsyncExitStack, url: str, at_once: int) -> Post:
    connector = aiohttp.TCPConnector(limit=at_once)
    session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, headers=HEADERS))

    async def post() -> bytes:
        async with session.post(url, data=BODY) as response:
            return await response.read()

    return post


async def _httpx2(stack: AsyncExitStack, url: str, at_once: int) -> Post:
    del at_once
    httpx2 = importlib.import_module("httpx2")
    client = await stack.enter_async_context(httpx2.AsyncClient(headers=HEADERS))

    async def post() -> bytes:
        answer = await client.post(url, content=BODY)
        return bytes(answer.content)

    return post


def ways() -> tuple[dict[str, Way], Sequence[str]]:
    """Return the contestants by name, and the packages without which some are left out."""
    missing = []
    found = {STOCK: _over(lambda _: None)}
    try:
        theirs = importlib.import_module("httpx_aiohttp").AiohttpTransport
    except ImportError:
        missing.append("httpx-aiohttp")
    else:
        found["httpx over httpx-aiohttp"] = _over(lambda _: theirs())
        found["httpx-aiohttp without httpx's client"] = _without_client(lambda _: theirs())
    if importlib.util.find_spec("httpx2") is None:
        missing.append("httpx2")
    else:
        found["httpx2"] = _httpx2

    def ours(at_once: int) -> httpx.AsyncBaseTransport:
        return Transport(slots=at_once)

    return found | {
        "httpx over our transport": _over(ours),
        OURS: _without_client(ours),
        "aiohttp itself": _aiohttp,
        WHOLE: _whole,
    }, missing
