"""httpx's transport over aiohttp's connections: stock httpcore is the bottleneck of the whole service (ADR 0003).

The rest of the room sees httpx only. What this file owes it beyond speed is one distinction, on which a call that
changes something depends:

    nothing was sent          httpx.PoolTimeout, ConnectTimeout, UnsupportedProtocol, ConnectError
                              ├── HostUnresolvable   the name has no address
                              └── CertificateUnfit   the TLS handshake cannot succeed
    something may have gone   httpx.WriteTimeout, ReadTimeout, NetworkError, RemoteProtocolError

No redirect is followed, no cookie kept, no header added, no body unpacked, no proxy taken from the environment.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import aiohttp
import httpx
from aiohttp.payload import BytesPayload
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.abc import AbstractStreamWriter

KEEPALIVE: Final = 4.0
"""Seconds that an idle connection is kept: less than usual servers keep theirs (5 s and more), so that we seldom send
a POST into a connection that the other side is just closing. Such a POST is an unknown outcome, because nobody
repeats it for us."""

AT_ONCE: Final = 32 * 1024
"""Bodies up to this many bytes fit the socket's buffer and cannot block; larger ones get the write time-out."""

_AUTOMATIC_HEADERS: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class HostUnresolvable(httpx.ConnectError):
    """The host name has no address, or no name server answered. Nothing was sent."""


class CertificateUnfit(httpx.ConnectError):
    """The TLS handshake cannot succeed: an unfit certificate, or no TLS on that port. Nothing was sent."""


_KINDS: Final[tuple[tuple[type[Exception], type[httpx.TransportError]], ...]] = (
    # The first that fits counts; aiohttp's classes inherit from each other.
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.SocketTimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientConnectorDNSError, HostUnresolvable),
    (aiohttp.ClientConnectorCertificateError, CertificateUnfit),
    (aiohttp.ClientConnectorSSLError, CertificateUnfit),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError),
    # No total time-out is set and the others have classes of their own: a bare one is `_TimedBody`'s.
    (TimeoutError, httpx.WriteTimeout),
    (Exception, httpx.NetworkError),
)


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Carries httpx requests over a pool of aiohttp connections.

    Time-outs come with each request as httpx puts them: ``extensions["timeout"]`` with connect, read, write, pool in
    seconds or None. ``read`` is the longest silence, not the whole answer.

    Args:
        slots: requests that may be under way at once; further ones wait, for the pool time-out at most.
        keepalive: seconds that an idle connection is kept.
        tls: context for https; None makes httpx's default one when it is first needed.
    """

    def __init__(self, *, slots: int = 100, keepalive: float = KEEPALIVE, tls: ssl.SSLContext | None = None) -> None:
        self._slots = asyncio.Semaphore(slots)
        self._keepalive = keepalive
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` and return its answer as soon as the headers are there; the caller closes the response."""
        limits = request.extensions.get("timeout", {})
        body = await _body(request, limits.get("write"))
        await self._take_slot(request, limits.get("pool"))
        try:
            answer = await self._open().request(
                request.method,
                _target(str(request.url)),
                headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw],
                data=body,
                allow_redirects=False,
                ssl=self._tls_for(request.url.scheme),
                timeout=_client_timeout(limits.get("connect"), limits.get("read")),
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            self._slots.release()
            raise _as_httpx(error, request) from error
        except BaseException:
            self._slots.release()
            raise
        return httpx.Response(
            answer.status,
            headers=list(answer.raw_headers),
            stream=_AnswerStream(answer, request, self._slots),
            request=request,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def _take_slot(self, request: httpx.Request, wait: float | None) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(wait):
                await self._slots.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout(f"no connection became free within {wait} s", request=request) from error

    def _open(self) -> aiohttp.ClientSession:
        # Made here and not in the constructor: aiohttp binds a session to the event loop that runs.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Our own slots bound the pool, so that waiting for one and connecting are told apart.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=self._keepalive),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_AUTOMATIC_HEADERS,
                trust_env=False,
            )
        return self._session

    def _tls_for(self, scheme: str) -> ssl.SSLContext | bool:
        if scheme != "https":
            return True
        if self._tls is None:
            self._tls = httpx.create_ssl_context()
        return self._tls


class _AnswerStream(httpx.AsyncByteStream):
    """The body of one answer; closing it gives the slot back, and the connection unless something is unread."""

    def __init__(self, answer: aiohttp.ClientResponse, request: httpx.Request, slots: asyncio.Semaphore) -> None:
        self._answer = answer
        self._request = request
        self._slots: asyncio.Semaphore | None = slots

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._answer.content.readany()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _as_httpx(error, self._request) from error
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        if self._slots is None:
            return
        slots, self._slots = self._slots, None
        # aiohttp has returned a connection that was read to its end already; one that was not must never be used again.
        self._answer.close()
        slots.release()


class _TimedBody(BytesPayload):
    """A large body whose writing ends with a bare `TimeoutError` if the supplier does not take it in time."""

    def __init__(self, content: bytes, limit: float | None) -> None:
        super().__init__(content)
        self._limit = limit

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        async with asyncio.timeout(self._limit):
            await super().write_with_length(writer, content_length)
            await writer.drain()


async def _body(request: httpx.Request, write: float | None) -> bytes | BytesPayload:
    content = await request.aread()
    return content if len(content) <= AT_ONCE else _TimedBody(content, write)


@lru_cache(maxsize=64)
def _target(url: str) -> URL:
    return URL(url, encoded=True)


@lru_cache(maxsize=64)
def _client_timeout(connect: float | None, read: float | None) -> aiohttp.ClientTimeout:
    # ``connect`` bounds the name look-up too, which ``sock_connect`` does not.
    return aiohttp.ClientTimeout(total=None, connect=connect, sock_connect=connect, sock_read=read)


def _as_httpx(error: Exception, request: httpx.Request) -> httpx.TransportError:
    """Turn aiohttp's exception into httpx's, as the table on top says."""
    kind = next(ours for theirs, ours in _KINDS if isinstance(error, theirs))
    if isinstance(error, aiohttp.ClientConnectorSSLError) and _cut_short(error.os_error):
        kind = httpx.ConnectError
    return kind(str(error) or type(error).__name__, request=request)


def _cut_short(error: OSError) -> bool:
    """Whether the peer broke the handshake off, which may pass, rather than answered what never can be TLS."""
    return isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
