"""Each time-out by itself, on real sockets: which of them strikes, and was something sent by then (ADR 0003)."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import time
from typing import cast

import httpx
import pytest

from consumer.domain.errors import UnknownOutcome
from consumer.suppliers.calling import Caller, Unobserved
from consumer.suppliers.operation import JSON, Operation
from consumer.suppliers.transport import Transport
from tests.support.sockets import GOOD, failure, on_both_loops, post, request_in, serving

DRIP: Operation[JSON] = Operation(
    supplier="ylh",
    name="create",
    url=httpx.URL("http://to.be.replaced/"),
    changes=True,
    read=lambda said: said.value,
    settings="YLH_BASE_URL",
)


@on_both_loops
async def test_nothing_is_sent_when_connecting_takes_too_long() -> None:
    # A full backlog: the kernel answers no further handshake.
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        pending = []
        for _ in range(4):
            knock = socket.socket()
            knock.setblocking(False)
            knock.connect_ex(deaf.getsockname())
            pending.append(knock)
        try:
            assert await failure(f"http://127.0.0.1:{deaf.getsockname()[1]}/") is httpx.ConnectTimeout
        finally:
            for knock in pending:
                knock.close()


@on_both_loops
async def test_nothing_is_sent_when_no_connection_becomes_free() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request_in(reader)
            writer.write(GOOD[:-2])
            await writer.drain()

    async with serving(serve) as url, Transport(slots=1) as transport:
        held = await transport.handle_async_request(httpx.Request("POST", url, content=b"{}"))
        with pytest.raises(httpx.PoolTimeout):
            await post(transport, url)
        await held.aclose()
        with pytest.raises(httpx.ReadTimeout):
            await post(transport, url)


@on_both_loops
async def test_nothing_is_sent_when_the_handshake_never_ends() -> None:
    received = b""

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal received
        received = await reader.read(1000)
        await asyncio.sleep(30)

    async with serving(serve) as url:
        assert await failure(url.replace("http:", "https:")) is httpx.ConnectTimeout
    assert received[:1] == b"\x16", "a handshake, and nothing after it"


@on_both_loops
async def test_waiting_for_a_place_and_connecting_have_a_time_each() -> None:
    """A call that waited for its place has its whole time for connecting all the same."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_in(reader)
        await asyncio.sleep(0.15)
        writer.write(GOOD)
        await writer.drain()

    async with serving(serve) as url, Transport(slots=1) as transport:
        answers = await asyncio.gather(post(transport, url), post(transport, url))
        assert set(answers) == {(200, b'"ok"')}


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"])
@on_both_loops
async def test_something_was_sent_when_the_answer_does_not_come(before: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_in(reader)
        writer.write(before)
        await asyncio.sleep(30)

    async with serving(serve) as url:
        assert await failure(url) is httpx.ReadTimeout


@on_both_loops
async def test_something_was_sent_when_a_short_request_is_never_read() -> None:
    """It lies in the peer's buffer: nobody can say that it will not be read yet."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cast("asyncio.ReadTransport", writer.transport).pause_reading()
        await asyncio.sleep(30)

    async with serving(serve) as url:
        assert await failure(url) is httpx.ReadTimeout


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@on_both_loops
async def test_something_was_sent_when_the_request_is_not_taken() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # uvloop's transports are not instances of asyncio's classes.
        cast("asyncio.ReadTransport", writer.transport).pause_reading()
        await asyncio.sleep(30)

    async with serving(serve) as url:
        assert await failure(url, b" " * 50_000_000) is httpx.WriteTimeout


@pytest.mark.parametrize(
    "before", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n"]
)
@on_both_loops
async def test_an_answer_that_drips_is_cut_off_at_the_time_of_the_call(before: bytes) -> None:
    """Each byte ends a silence, so the transport's own limit never strikes: the call's does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_in(reader)
        writer.write(before)
        while True:
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(serve) as url, Transport() as transport:
        began = time.perf_counter()
        with pytest.raises(UnknownOutcome) as caught:
            await Caller(transport, Unobserved()).send(
                dataclasses.replace(DRIP, url=httpx.URL(url)), (), b"{}", limit=0.4
            )
        assert caught.value.code == "timeout"
        assert 0.3 < time.perf_counter() - began < 2
