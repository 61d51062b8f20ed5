"""Answers as servers may send them, cut anywhere, on real sockets (RFC 9112)."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import httpx
import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.suppliers.connection import LONGEST_HEAD, UNREAD
from consumer.suppliers.transport import Transport
from tests.support.sockets import GOOD, SHORT, failure, on_both_loops, post, request_in, serving


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"ok"', True),
        (
            b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n"o\r\n2;x=y\r\nk"\r\n0\r\nTrailer: t\r\n\r\n',
            True,
        ),
        (b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"ok"', True),
        (b'HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"ok"', True),
        (b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\n"ok"', False),
        (b'HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\n"ok"', False),
        # An answer too many is nobody's: the next request gets a connection of its own.
        (b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"ok"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n0', False),
    ],
)
@on_both_loops
async def test_an_answer_is_read_to_its_end_and_the_connection_kept_if_it_may_be(answer: bytes, *, kept: bool) -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await request_in(reader)
            writer.write(answer)

    async with serving(serve) as url, Transport() as transport:
        for _ in range(2):
            assert await post(transport, url) == (200, b'"ok"')
            await asyncio.sleep(0.02)
    assert connections == (1 if kept else 2)


@on_both_loops
async def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_in(reader)
        writer.write(b'HTTP/1.1 200 OK\r\n\r\n"o')
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b'k"')

    async with serving(serve) as url, Transport() as transport:
        assert await post(transport, url) == (200, b'"ok"')


WHOLE = (
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'5\r\n{"a":\r\n3\r\n"\xe4\xbd\r\n3\r\n\xa0"}\r\n0\r\n\r\n'
)


@settings(max_examples=40)
@given(st.sets(st.integers(1, len(WHOLE) - 1), max_size=8))
def test_where_an_answer_is_cut_on_its_way_makes_no_difference(cuts: set[int]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_in(reader)
        places = [0, *sorted(cuts), len(WHOLE)]
        for begin, end in pairwise(places):
            writer.write(WHOLE[begin:end])
            await writer.drain()
            await asyncio.sleep(0)

    async def run() -> None:
        async with serving(serve) as url, Transport() as transport:
            assert await post(transport, url) == (200, '{"a":"你"}'.encode())

    uvloop.run(run())


@on_both_loops
async def test_what_comes_unasked_is_not_taken_for_an_answer() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await request_in(reader)
            writer.write(GOOD)
            await writer.drain()
            await asyncio.sleep(0.02)
            writer.write(b"HTTP/1.1 500 Too Late\r\nContent-Length: 0\r\n\r\n")

    async with serving(serve) as url, Transport() as transport:
        for _ in range(2):
            assert await post(transport, url) == (200, b'"ok"')
            await asyncio.sleep(0.06)
    assert connections == 2


@on_both_loops
async def test_a_head_without_an_end_is_no_answer() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_in(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (LONGEST_HEAD // 6 + 10_000))
        await writer.drain()
        await asyncio.sleep(30)

    async with serving(serve) as url:
        assert await failure(url) is httpx.RemoteProtocolError


@on_both_loops
async def test_what_nobody_reads_yet_stays_with_the_server() -> None:
    written = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await request_in(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 40000000\r\n\r\n")
        for _ in range(400):
            writer.write(b" " * 100_000)
            await writer.drain()
            written += 100_000

    async with serving(serve) as url, Transport() as transport:
        timeout = {**SHORT, "read": 5.0}
        request = httpx.Request("POST", url, content=b"{}", extensions={"timeout": timeout})
        response = await transport.handle_async_request(request)
        await asyncio.sleep(0.3)
        # Beside ours there are the buffers of the system and of the server.
        assert written < 20_000_000 + UNREAD
        assert isinstance(response.stream, httpx.AsyncByteStream)
        assert sum([len(block) async for block in response.stream]) == 40_000_000
        await response.aclose()


@pytest.mark.parametrize(("name", "value"), [("X-A", "b\r\nContent-Length: 0"), ("X-A\n", "b"), ("X-A", "b\r")])
async def test_a_line_break_within_a_header_is_not_sent(name: str, value: str) -> None:
    async with Transport() as transport:
        with pytest.raises(httpx.LocalProtocolError):
            await transport.handle_async_request(httpx.Request("POST", "http://127.0.0.1:9/", headers={name: value}))


@pytest.mark.parametrize("url", ["ftp://host/", "http:///path", "/path"])
async def test_an_address_that_cannot_be_called_is_told(url: str) -> None:
    async with Transport() as transport:
        with pytest.raises(httpx.UnsupportedProtocol):
            await transport.handle_async_request(httpx.Request("POST", url))


@on_both_loops
async def test_the_answer_to_half_a_request_is_an_answer() -> None:
    """A server that refuses early (413) answers and closes before it has read all."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1000)
        writer.write(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        await reader.readexactly(5_000_000 - 1000)

    async with serving(serve) as url, Transport() as transport:
        assert await post(transport, url, b" " * 5_000_000) == (413, b"{}")
