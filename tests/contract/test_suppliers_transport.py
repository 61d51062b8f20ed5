"""Each way in which a connection can fail, provoked on real sockets: was something sent or not (ADR 0003)."""

from __future__ import annotations

import asyncio
import functools
import inspect
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
import uvloop

from consumer.suppliers.transport import AiohttpTransport, CertificateUnfit, HostUnresolvable

if TYPE_CHECKING:
    from pathlib import Path

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
    async with AiohttpTransport(tls=tls) as transport:
        with pytest.raises(httpx.TransportError) as caught:
            await post(transport, url, body)
        assert caught.value.__cause__ is not None
        return type(caught.value)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@on_both_loops
async def test_a_post_goes_out_as_given_and_the_connection_is_used_again() -> None:
    heads: list[bytes] = []
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            heads.append(await request_in(reader))
            writer.write(GOOD)

    async with serving(serve) as url, AiohttpTransport() as transport:
        for _ in range(3):
            assert await post(transport, url, b'{"a":1}') == (200, b'"ok"')
    assert connections == 1
    lines = heads[2].lower().split(b"\r\n")
    assert lines[0] == b"post / http/1.1"
    assert sorted(line.partition(b":")[0] for line in lines[1:-2]) == [b"content-length", b"host"]
    assert lines[-1] == b'{"a":1}'


@on_both_loops
async def test_it_is_a_transport_of_httpx_as_any_other() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()

    async with serving(serve) as url, httpx.AsyncClient(transport=AiohttpTransport()) as client:
        answer = await client.get(url)
    assert (answer.status_code, answer.headers["location"], answer.text) == (302, "/elsewhere", "{}")


@on_both_loops
async def test_nothing_is_sent_when_the_connection_is_refused() -> None:
    assert await failure(f"http://127.0.0.1:{free_port()}/") is httpx.ConnectError


@on_both_loops
async def test_nothing_is_sent_to_a_host_that_does_not_resolve() -> None:
    assert await failure("http://no-such-host.invalid/") is HostUnresolvable


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

    async with serving(serve) as url, AiohttpTransport(slots=1) as transport:
        held = await transport.handle_async_request(httpx.Request("POST", url, content=b"{}"))
        with pytest.raises(httpx.PoolTimeout):
            await post(transport, url)
        await held.aclose()
        with pytest.raises(httpx.ReadTimeout):
            await post(transport, url)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost, signed by itself, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl command is not here to make a certificate")
    directory = tmp_path_factory.mktemp("tls")
    key, certificate = directory / "key.pem", directory / "cert.pem"
    command = (
        f"{openssl} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)  # noqa: S603 -- fixed arguments
    return certificate, key


@on_both_loops
async def test_nothing_is_sent_over_tls_that_cannot_be_trusted(certificate: tuple[Path, Path]) -> None:
    received = b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        received += await reader.read(100)
        writer.write(GOOD)

    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=certificate[0])
    async with serving(serve, tls) as url:
        assert await failure(url) is CertificateUnfit
        assert await failure(url, tls=trusting) is CertificateUnfit, "another name"
        assert received == b""
        async with AiohttpTransport(tls=trusting) as transport:
            assert await post(transport, url.replace("127.0.0.1", "localhost")) == (200, b'"ok"')


@on_both_loops
async def test_nothing_is_sent_to_a_port_without_tls() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with serving(serve) as url:
        assert await failure(url.replace("http:", "https:")) is CertificateUnfit


@on_both_loops
async def test_a_handshake_that_is_cut_short_may_pass_next_time() -> None:
    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(100)

    async with serving(serve) as url:
        assert await failure(url.replace("http:", "https:")) is httpx.ConnectError


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"nonsense\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", httpx.RemoteProtocolError),
    ],
)
@on_both_loops
async def test_something_was_sent_when_the_answer_breaks_off(answer: bytes, kind: type[httpx.TransportError]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_in(reader)
        writer.write(answer)
        await writer.drain()

    async with serving(serve) as url:
        assert await failure(url) is kind


@on_both_loops
async def test_something_was_sent_when_the_connection_is_reset() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_in(reader)
        # With this option a close sends RST.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async with serving(serve) as url:
        assert await failure(url) is httpx.NetworkError


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"])
@on_both_loops
async def test_something_was_sent_when_the_answer_does_not_come(before: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_in(reader)
        writer.write(before)
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


@on_both_loops
async def test_an_answer_left_half_read_costs_its_connection_but_no_slot() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await request_in(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b" " * 200_000)
        await writer.drain()
        await reader.read()

    async with serving(serve) as url, AiohttpTransport(slots=1) as transport:
        for _ in range(3):
            response = await transport.handle_async_request(
                httpx.Request("POST", url, content=b"{}", extensions={"timeout": SHORT})
            )
            await response.aclose()
            await response.aclose()
    assert connections == 3


@on_both_loops
async def test_a_cancelled_request_gives_its_slot_back() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"hang" in await request_in(reader):
            await asyncio.sleep(30)
        writer.write(GOOD)
        await writer.drain()

    async with serving(serve) as url, AiohttpTransport(slots=1) as transport:
        hanging = asyncio.create_task(post(transport, url, b"hang"))
        await asyncio.sleep(0.05)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        assert await post(transport, url) == (200, b'"ok"')


@on_both_loops
async def test_a_connection_that_the_server_closed_while_idle_is_not_used() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await request_in(reader)
        writer.write(GOOD)
        await writer.drain()

    async with serving(serve) as url, AiohttpTransport() as transport:
        for _ in range(5):
            assert (await post(transport, url))[0] == 200
            await asyncio.sleep(0.02)
    assert connections == 5


@on_both_loops
async def test_an_idle_connection_is_given_up_before_a_usual_server_would() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await request_in(reader)
            writer.write(GOOD)

    async with serving(serve) as url, AiohttpTransport(keepalive=0.05) as transport:
        await post(transport, url)
        await asyncio.sleep(0.15)
        await post(transport, url)
    assert connections == 2
