"""httpx's transport over connections of our own: stock httpcore is the bottleneck of the whole service (ADR 0003).

The rest of the room sees httpx only. What this file owes it beyond speed is one distinction, on which a call that
changes something depends:

    nothing was sent          httpx.PoolTimeout, ConnectTimeout, UnsupportedProtocol, LocalProtocolError, ConnectError
                              ├── HostUnresolvable   the name has no address
                              └── CertificateUnfit   the TLS handshake cannot succeed
    something may have gone   httpx.WriteTimeout, ReadTimeout, NetworkError, RemoteProtocolError

No redirect is followed, no cookie kept, no header added, no body unpacked, no proxy taken from the environment, no
request sent twice, and HEAD not known: its answers have no body though they tell its length.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import httpx
from aiohappyeyeballs import start_connection

from consumer.suppliers.connection import Broken, Connection, Silence, Unreadable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEEPALIVE: Final = 4.0
"""Seconds that an idle connection is kept: less than usual servers keep theirs (5 s and more), so that we seldom send
a POST into a connection that the other side is just closing. Such a POST is an unknown outcome, because nobody
repeats it for us."""

AT_ONCE: Final = 32 * 1024
"""Bodies up to this many bytes fit the socket's buffer and cannot block; larger ones get the write time-out."""

_NEXT_ADDRESS_AFTER: Final = 0.25
"""Seconds (RFC 8305, "Connection Attempt Delay")."""
_PORTS: Final = {"http": 80, "https": 443}
_FRAMING: Final = (b"content-length", b"transfer-encoding")
"""How long the body is we say ourselves: it is at hand, whole."""
_WITHOUT_BODY: Final = ("GET", "OPTIONS", "TRACE")

Origin = tuple[str, str, int]


class HostUnresolvable(httpx.ConnectError):
    """The host name has no address, or no name server answered. Nothing was sent."""


class CertificateUnfit(httpx.ConnectError):
    """The TLS handshake cannot succeed: an unfit certificate, or no TLS on that port. Nothing was sent."""


class Transport(httpx.AsyncBaseTransport):
    """Carries httpx requests over a pool of connections.

    Time-outs come with each request as httpx puts them: ``extensions["timeout"]`` with connect, read, write, pool in
    seconds or None. ``read`` is the longest silence, not the whole answer. ``extensions["target"]``, where given, goes
    into the request line as it is, as in httpcore.

    Args:
        slots: requests that may be under way at once; further ones wait, for the pool time-out at most.
        keepalive: seconds that an idle connection is kept.
        tls: context for https; None makes httpx's default one when it is first needed.
    """

    def __init__(self, *, slots: int = 100, keepalive: float = KEEPALIVE, tls: ssl.SSLContext | None = None) -> None:
        self._slots = asyncio.Semaphore(slots)
        self._keepalive = keepalive
        self._tls = tls
        # The one that was used last is used next, so that those that are not needed grow old.
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._sweep: asyncio.TimerHandle | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` and return its answer as soon as the headers are there; the caller closes the response."""
        limits = request.extensions.get("timeout", {})
        origin = _origin(request)
        head, body = await _message(request)
        await self._take_slot(request, limits.get("pool"))
        try:
            connection = self._rested(origin) or await self._connected(origin, request, limits.get("connect"))
            try:
                connection.send(head + body, limits.get("read"))
                if len(body) > AT_ONCE:
                    await _taken(connection, request, limits.get("write"))
                status, headers = await connection.head()
            except (Broken, Unreadable, Silence) as error:
                raise _as_httpx(error, request) from (error.__cause__ or error)
            except BaseException:
                connection.abort()
                raise
        except BaseException:
            self._slots.release()
            raise
        stream = _Answer(self, origin, connection, request)
        return httpx.Response(status, headers=_response_headers(tuple(headers)), stream=stream, request=request)

    async def aclose(self) -> None:
        """Close the connections that nobody uses; the others end with their answers."""
        if self._sweep is not None:
            self._sweep.cancel()
        self._keepalive = 0.0
        idle, self._idle = self._idle, defaultdict(list)
        for connection in [one for several in idle.values() for one in several]:
            connection.abort()

    def release(self, origin: Origin, connection: Connection) -> None:
        """End an exchange: its slot is free, and its connection too if it is good for more."""
        self._slots.release()
        if connection.finish():
            if self._keepalive <= 0:
                connection.abort()
                return
            self._idle[origin].append(connection)
            if self._sweep is None:
                self._sweep = asyncio.get_running_loop().call_later(self._keepalive, self._sweep_out)

    def _rested(self, origin: Origin) -> Connection | None:
        """Return an idle connection that the other side has not closed and is not about to."""
        idle = self._idle[origin]
        oldest = asyncio.get_running_loop().time() - self._keepalive
        while idle:
            connection = idle.pop()
            if connection.usable and connection.idle_since > oldest:
                return connection
            connection.abort()
        return None

    def _sweep_out(self) -> None:
        """Close what has been idle for too long, and come again while there is something."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._keepalive
        for origin, idle in list(self._idle.items()):
            kept = [one for one in idle if one.usable and one.idle_since > oldest]
            for connection in set(idle).difference(kept):
                connection.abort()
            self._idle[origin] = kept
            if not kept:
                del self._idle[origin]
        first = min((idle[0].idle_since for idle in self._idle.values()), default=None)
        self._sweep = None if first is None else loop.call_at(first + self._keepalive, self._sweep_out)

    async def _take_slot(self, request: httpx.Request, wait: float | None) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(wait):
                await self._slots.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout(f"no connection became free within {wait} s", request=request) from error

    async def _connected(self, origin: Origin, request: httpx.Request, within: float | None) -> Connection:
        scheme, host, port = origin
        tls = self._tls_context() if scheme == "https" else None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(within):
                addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                # Several addresses are tried a moment apart: one that is dead must not use all the time up.
                reached = await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS_AFTER, interleave=1)
                _, connection = await loop.create_connection(
                    Connection, sock=reached, ssl=tls, server_hostname=host if tls else None
                )
        except (OSError, UnicodeError) as error:
            raise _not_connected(error, request, within) from error
        return connection

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = httpx.create_ssl_context()
        return self._tls


class _Answer(httpx.AsyncByteStream):
    """The body of one answer; closing it gives the slot back, and the connection unless something is unread."""

    def __init__(self, transport: Transport, origin: Origin, connection: Connection, request: httpx.Request) -> None:
        self._transport: Transport | None = transport
        self._origin = origin
        self._connection = connection
        self._request = request

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            block = await self._connection.block()
        except (Broken, Unreadable, Silence) as error:
            raise _as_httpx(error, self._request) from (error.__cause__ or error)
        if not block:
            raise StopAsyncIteration
        return block

    async def aclose(self) -> None:
        if self._transport is None:
            return
        transport, self._transport = self._transport, None
        transport.release(self._origin, self._connection)


@lru_cache(maxsize=64)
def _response_headers(headers: tuple[tuple[bytes, bytes], ...]) -> httpx.Headers:
    # Those of a second are mostly the same, and putting them in order is most of what httpx does for an answer. It
    # takes a copy of what it is given.
    return httpx.Headers(list(headers))


def _origin(request: httpx.Request) -> Origin:
    url = request.url
    if url.scheme not in _PORTS or not url.host:
        wrong = f"{url.scheme}://{url.host}: expected http or https and a host"
        raise httpx.UnsupportedProtocol(wrong, request=request)
    return url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]


async def _message(request: httpx.Request) -> tuple[bytes, bytes]:
    """Return head and body as they go out."""
    body = b"".join(request.stream) if isinstance(request.stream, httpx.ByteStream) else await request.aread()
    lines = [b"%s %s HTTP/1.1" % (request.method.encode(), _target(request))]
    lines += [b"%s: %s" % header for header in request.headers.raw if header[0].lower() not in _FRAMING]
    if body or request.method not in _WITHOUT_BODY:
        lines.append(b"Content-Length: %d" % len(body))
    head = b"\r\n".join(lines)
    # A line feed in a value would begin a header of its own, or the body.
    if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1:
        raise httpx.LocalProtocolError("a header or the address holds a line break", request=request)
    return head + b"\r\n\r\n", body


def _target(request: httpx.Request) -> bytes:
    target = request.extensions.get("target")
    return target if isinstance(target, bytes) else request.url.raw_path


async def _taken(connection: Connection, request: httpx.Request, within: float | None) -> None:
    try:
        async with asyncio.timeout(within):
            await connection.written()
    except TimeoutError as error:
        raise httpx.WriteTimeout(f"the request was not taken within {within} s", request=request) from error


def _not_connected(error: OSError | UnicodeError, request: httpx.Request, within: float | None) -> httpx.TransportError:
    """Say why there is no connection; nothing was sent."""
    if isinstance(error, TimeoutError):
        return httpx.ConnectTimeout(f"no connection within {within} s", request=request)
    words = str(error) or type(error).__name__
    if isinstance(error, socket.gaierror | UnicodeError):
        return HostUnresolvable(words, request=request)
    # Where the peer broke the handshake off it may pass; what it answered that is no TLS never will.
    cut_short = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
    if isinstance(error, ssl.SSLError) and not cut_short:
        return CertificateUnfit(words, request=request)
    return httpx.ConnectError(words, request=request)


def _as_httpx(error: Broken | Unreadable | Silence, request: httpx.Request) -> httpx.TransportError:
    """Say why there is no whole answer; something may have gone."""
    if isinstance(error, Silence):
        return httpx.ReadTimeout(str(error), request=request)
    if isinstance(error, Broken) and error.__cause__ is not None:
        return httpx.NetworkError(str(error), request=request)
    return httpx.RemoteProtocolError(str(error), request=request)
