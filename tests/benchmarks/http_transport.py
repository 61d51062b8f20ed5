"""POST/s of the ways to send one, on one core, 100 at once, in one run: the figures behind docs/adr/0003.

Run it with ``python -m tests.benchmarks.http_transport [--seconds 2] [--rounds 3]``. The server runs in a process of
its own and answers at once with some 100 bytes, so that what is measured is the client. Ways whose package is not
installed (``httpx-aiohttp`` is no dependency of ours) are left out. The best round of each way counts; ratios are to
stock httpx.
"""

from __future__ import annotations

# ruff: noqa: T201 -- the figures are the output of this script
import argparse
import asyncio
import importlib
import multiprocessing
import os
import platform
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib import metadata
from typing import TYPE_CHECKING, cast

import aiohttp
import httpx
import uvloop
from pydantic import SecretStr

from consumer.settings import YlhSettings
from consumer.suppliers.authorised import Conduct
from consumer.suppliers.transport import AiohttpTransport
from consumer.suppliers.ylh.client import YlhClient

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

AT_ONCE = 100
BODY = (
    b'{"soId":"SO-1","itemList":[{"productCode":"GA0SZC00U","itemQty":1,"retailPrice":2999.00,"actualPrice":2899.00}],"x":"%s"}'
    % (b"y" * 500)
)
HEADERS = {"Content-Type": "application/json", "Authorization": "bearer 0123456789abcdef", "Accept": "application/json"}
# Serves as the answer of YLH's login too.
PAYLOAD = b'{"success":true,"code":"0","message":"ok","data":{"retailOrderNo":"RO0000000001","access_token":"t"}}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(PAYLOAD), PAYLOAD)

Post = Callable[[], Awaitable[bytes]]
Way = Callable[[AsyncExitStack, str], Awaitable[Post]]


class _Answering(asyncio.Protocol):
    """Answers each request with `ANSWER`; knows just enough HTTP to find where a request ends."""

    def __init__(self) -> None:
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not instances of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while (end := self._unread.find(b"\r\n\r\n")) >= 0:
            head = self._unread[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self._unread) < end + 4 + length:
                return
            self._unread = self._unread[end + 4 + length :]
            self._transport.write(ANSWER)


def _serve(listener: socket.socket, ready: Event) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(_Answering, sock=listener)
        ready.set()
        await server.serve_forever()

    uvloop.run(main())


def _over(transport: Callable[[], httpx.AsyncBaseTransport | None]) -> Way:
    """`httpx.AsyncClient.post`, over what ``transport`` makes (None: httpx's own)."""

    async def way(stack: AsyncExitStack, url: str) -> Post:
        # httpx's own limits (100 connections, 20 of them kept): keeping all 100 makes stock httpx slower still.
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport(), headers=HEADERS))

        async def post() -> bytes:
            return (await client.post(url, content=BODY)).content

        return post

    return way


def _without_client(transport: Callable[[], httpx.AsyncBaseTransport]) -> Way:
    """A transport asked directly, with prepared URL and headers: what `consumer.suppliers.calling` does."""

    async def way(stack: AsyncExitStack, url: str) -> Post:
        opened = await stack.enter_async_context(transport())
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


async def _whole(stack: AsyncExitStack, url: str) -> Post:
    """A create by our YLH client: limits, token, repeats, the answer read and classified."""
    transport = await stack.enter_async_context(AiohttpTransport(slots=AT_ONCE))
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
    client = YlhClient(settings, transport, Conduct(at_once=AT_ONCE))
    stack.push_async_callback(client.aclose)

    async def post() -> bytes:
        arrived = await client.create("SO-1", BODY, unanswered=False)
        return PAYLOAD if arrived.retail_order_no == "RO0000000001" else b""

    return post


async def _aiohttp(stack: AsyncExitStack, url: str) -> Post:
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, headers=HEADERS))

    async def post() -> bytes:
        async with session.post(url, data=BODY) as response:
            return await response.read()

    return post


def _ways() -> dict[str, Way]:
    ways = {"stock httpx": _over(lambda: None)}
    try:
        theirs = importlib.import_module("httpx_aiohttp").AiohttpTransport
    except ImportError:
        print("httpx-aiohttp is not installed: left out", file=sys.stderr)
    else:
        ways["httpx over httpx-aiohttp"] = _over(theirs)
        ways["httpx-aiohttp without httpx's client"] = _without_client(theirs)

    def ours() -> httpx.AsyncBaseTransport:
        return AiohttpTransport(slots=AT_ONCE)

    return ways | {
        "httpx over our transport": _over(ours),
        "our transport without httpx's client": _without_client(ours),
        "aiohttp itself": _aiohttp,
        "a create by our YLH client, all in": _whole,
    }


async def _rate(way: Way, url: str, seconds: float) -> float:
    async with AsyncExitStack() as stack:
        post = await way(stack, url)
        until = 0.0
        done = 0

        async def worker() -> None:
            nonlocal done
            while time.perf_counter() < until:
                assert await post() == PAYLOAD
                done += 1

        until = time.perf_counter() + 0.3
        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
        done, began = 0, time.perf_counter()
        until = began + seconds
        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
        return done / (time.perf_counter() - began)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each way and round")
    parser.add_argument("--rounds", type=int, default=3)
    wished = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/orders"
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    server = context.Process(target=_serve, args=(listener, ready), daemon=True)
    server.start()
    ready.wait(5)
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:1])
    if len(cores) > 1:
        os.sched_setaffinity(server.pid or 0, cores[1:])
    try:
        best: dict[str, float] = {}
        for _ in range(wished.rounds):
            for name, way in _ways().items():
                best[name] = max(best.get(name, 0.0), uvloop.run(_rate(way, url, wished.seconds)))
    finally:
        server.terminate()
        server.join()
    packages = ("httpx", "httpx-aiohttp", "aiohttp", "uvloop")
    print(f"{AT_ONCE} at once, one core; Python {platform.python_version()}, {', '.join(map(_version, packages))}")
    for name, rate in best.items():
        print(f"{name:40} {rate:8,.0f} POST/s {rate / best['stock httpx']:6.1f} x")


def _version(package: str) -> str:
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return f"no {package}"


if __name__ == "__main__":
    main()
