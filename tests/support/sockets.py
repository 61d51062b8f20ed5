"""A server of bare sockets that misbehaves as a test says, and a POST to it, on both event loops."""

from __future__ import annotations

import asyncio
import functools
import inspect
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvloop

from consumer.suppliers.transport import Transport

if TYPE_CHECKING:
    import ssl

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nSet-Cookie: a=b\r\n\r\n"ok"'
SHORT = {"connect": 0.5, "read": 0.3, "write": 0.3, "pool": 0.2}


def on_both_loops(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run ``test`` on both loops: the service runs on uvloop, whose errors are not quite those of asyncio."""

    @functools.wraps(test)
    def both(run: Callable[[Coroutine[Any, Any, None]], None], **given: object) -> None:
        run(test(**given))

    wanted = inspect.signature(test)
    loop = inspect.Parameter("run", inspect.Parameter.KEYWORD_ONLY)
    both.__signature__ = wanted.replace(parameters=[*wanted.parameters.values(), loop])  # type: ignore[attr-defined]
    parametrized: Callable[..., None] = pytest.mark.parametrize(
        "run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"]
    )(both)
    return parametrized


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client left first
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}/"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def request_in(reader: asyncio.StreamReader) -> bytes:
    first = await head(reader)
    length = int(first.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    return first + await reader.readexactly(length)


async def post(transport: httpx.AsyncBaseTransport, url: str, body: bytes = b"{}") -> tuple[int, bytes]:
    request = httpx.Request("POST", url, content=body, extensions={"timeout": SHORT})
    response = await transport.handle_async_request(request)
    assert isinstance(response.stream, httpx.AsyncByteStream)
    try:
        return response.status_code, b"".join([chunk async for chunk in response.stream])
    finally:
        await response.aclose()


async def failure(url: str, body: bytes = b"{}", tls: ssl.SSLContext | None = None) -> type[httpx.TransportError]:
    async with Transport(tls=tls) as transport:
        with pytest.raises(httpx.TransportError) as caught:
            await post(transport, url, body)
        assert caught.value.__cause__ is not None
        return type(caught.value)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
