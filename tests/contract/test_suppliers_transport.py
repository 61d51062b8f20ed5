"""Each way in which a connection can fail, provoked on real sockets: was something sent or not (ADR 0003)."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest

from consumer.suppliers.transport import CertificateUnfit, HostUnresolvable, Transport
from tests.support.sockets import GOOD, SHORT, failure, free_port, head, on_both_loops, post, request_in, serving

if TYPE_CHECKING:
    from pathlib import Path


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

    async with serving(serve) as url, Transport() as transport:
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

    async with serving(serve) as url, httpx.AsyncClient(transport=Transport()) as client:
        answer = await client.get(url)
    assert (answer.status_code, answer.headers["location"], answer.text) == (302, "/elsewhere", "{}")


@on_both_loops
async def test_nothing_is_sent_when_the_connection_is_refused() -> None:
    assert await failure(f"http://127.0.0.1:{free_port()}/") is httpx.ConnectError


@on_both_loops
async def test_nothing_is_sent_to_a_host_that_does_not_resolve() -> None:
    assert await failure("http://no-such-host.invalid/") is HostUnresolvable


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
        async with Transport(tls=trusting) as transport:
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

    async with serving(serve) as url, Transport(slots=1) as transport:
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

    async with serving(serve) as url, Transport(slots=1) as transport:
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

    async with serving(serve) as url, Transport() as transport:
        for _ in range(5):
            assert (await post(transport, url))[0] == 200
            await asyncio.sleep(0.02)
    assert connections == 5


@pytest.mark.parametrize("parting", ["FIN", "RST"])
@on_both_loops
async def test_a_post_into_a_connection_that_is_just_closing_is_unknown_and_never_sent_again(parting: str) -> None:
    """The supplier's idle time ended while the request was on its way (ADR 0003)."""
    bodies: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.append((await request_in(reader))[-1:])
        writer.write(GOOD)
        bodies.append((await request_in(reader))[-1:])
        if parting == "RST":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async with serving(serve) as url, Transport() as transport:
        await post(transport, url, b"1")
        with pytest.raises((httpx.NetworkError, httpx.RemoteProtocolError)) as caught:
            await post(transport, url, b"2")
        assert not isinstance(caught.value, httpx.ConnectError)
        await asyncio.sleep(0.05)
    assert bodies == [b"1", b"2"]


@on_both_loops
async def test_an_idle_connection_is_given_up_before_a_usual_server_would() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await request_in(reader)
            writer.write(GOOD)

    async with serving(serve) as url, Transport(keepalive=0.05) as transport:
        await post(transport, url)
        await asyncio.sleep(0.15)
        await post(transport, url)
    assert connections == 2
