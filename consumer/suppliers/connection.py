"""One HTTP/1.1 connection: a request goes out, its answer comes in, and the next one may follow (RFC 9112).

httptools (llhttp, the parser of Node.js) reads the answers; asyncio has the sockets, and TLS. What is here between the
two is the order of things: one exchange at a time, a bound on what waits unread, and whether the connection is good for
more. Whatever goes wrong is one of

    Broken         the connection ended before the answer did (the cause is the system's error, or there is none)
    Unreadable     what came is no answer
    Silence        nothing came for longer than allowed
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Final, cast

import httptools

if TYPE_CHECKING:
    from collections.abc import Sequence

UNREAD: Final = 256 * 1024
"""Bytes of an answer that may wait to be read; beyond, the peer is kept waiting."""
LONGEST_HEAD: Final = 64 * 1024
_FINAL: Final = 200
"""Statuses below are interim (RFC 9110, 15.2): the answer follows."""

Header = tuple[bytes, bytes]


class Broken(ConnectionError):
    """The connection ended before the answer did."""


class Unreadable(ValueError):
    """What came is no answer to this request."""


class Silence(TimeoutError):
    """Nothing came for longer than allowed."""


class Connection(asyncio.Protocol):
    """One connection.

    Attributes:
        idle_since: when its last exchange ended, by the event loop's clock.
    """

    def __init__(self) -> None:
        self.idle_since = 0.0
        self._loop = asyncio.get_running_loop()
        self._wire: asyncio.Transport
        self._parser: httptools.HttpResponseParser
        self._writable: asyncio.Future[None] | None = None
        self._reset()

    def _reset(self) -> None:
        self._asked = False
        self._headers: list[Header] = []
        self._status: int | None = None
        self._arrived = 0
        self._blocks: list[bytes] = []
        self._unread = 0
        self._complete = self._reusable = self._ends_with_connection = False
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._patience = math.inf
        self._heard = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    # ---- what the transport asks ----

    @property
    def usable(self) -> bool:
        """Whether another request may be sent."""
        return not self._asked and not self._wire.is_closing()

    def send(self, request: bytes, patience: float | None) -> None:
        """Send a request, head and body.

        Args:
            request: as it goes out.
            patience: seconds for which the peer may say nothing while the answer is not whole; None: for ever.
        """
        self._asked = True
        self._parser = httptools.HttpResponseParser(self)
        self._patience = math.inf if patience is None else patience
        self._wire.write(request)

    async def written(self) -> None:
        """Wait until the peer has taken the most of what was sent.

        Raises:
            Broken: the connection ended meanwhile.
        """
        while self._writable is not None and self._failure is None:
            await self._writable
        if self._failure is not None:
            raise self._failure

    async def head(self) -> tuple[int, Sequence[Header]]:
        """Wait for the head of the answer; returns status and headers.

        Raises:
            Broken, Unreadable, Silence: there is none.
        """
        while self._status is None:
            await self._news()
        return self._status, self._headers

    async def block(self) -> bytes:
        """Wait for the next piece of the body; empty: that was all.

        Raises:
            Broken, Unreadable, Silence: the body does not end.
        """
        while not self._blocks:
            if self._complete:
                return b""
            await self._news()
        block, self._blocks = b"".join(self._blocks), []
        if self._unread > UNREAD:
            self._wire.resume_reading()
        self._unread = 0
        return block

    def finish(self) -> bool:
        """End the exchange; True: another may follow. A connection that is good for no more is closed."""
        if self._alarm is not None:
            self._alarm.cancel()
        reusable = self._complete and self._reusable and not self._wire.is_closing()
        if not reusable:
            self._wire.abort()
            return False
        self._reset()
        self.idle_since = self._loop.time()
        return True

    def abort(self) -> None:
        """Close it, whatever is under way."""
        self._wire.abort()

    async def _news(self) -> None:
        """Wait until something has come."""
        if self._failure is not None:
            raise self._failure
        if self._patience < math.inf and self._alarm is None:
            self._heard = self._loop.time()
            self._alarm = self._loop.call_later(self._patience, self._listen)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _listen(self) -> None:
        """Fail if nothing came for too long, else look again when it could be."""
        left = self._heard + self._patience - self._loop.time()
        if left > 0:
            self._alarm = self._loop.call_later(left, self._listen)
        elif self._waiter is not None:
            self._fail(Silence(f"nothing came for {self._patience:g} s"))
        else:
            self._alarm = None  # nobody waits: it is we who do not read

    # ---- what the event loop tells ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection over."""
        self._wire = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read on in the answer."""
        if not self._asked:
            # Nobody asked: whatever this is, it must not be taken for the next answer.
            self._wire.abort()
            return
        self._heard = self._loop.time()
        if self._status is None:
            self._arrived += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            unreadable = Unreadable(f"the answer is no HTTP/1.1: {error}")
            unreadable.__cause__ = error
            self._fail(unreadable)
            return
        if self._status is None and self._arrived > LONGEST_HEAD:
            self._fail(Unreadable(f"the head of the answer has more than {LONGEST_HEAD} bytes"))
        elif self._unread > UNREAD:
            self._wire.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note of the end."""
        self.resume_writing()
        if self._alarm is not None:
            self._alarm.cancel()
        if self._complete or not self._asked:
            return
        if self._ends_with_connection and exc is None:
            self._complete = True
            self._wake()
            return
        broken = Broken("the connection ended before the answer did" + (f" ({exc})" if exc else ""))
        broken.__cause__ = exc
        self._fail(broken)

    def pause_writing(self) -> None:
        """Take note that the peer takes nothing more for now."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """Take note that it does again."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # ---- what the parser tells ----

    def on_message_begin(self) -> None:
        """Begin an answer; a second one would be nobody's."""
        if self._complete:
            self._reusable = False
            raise Unreadable("there was one answer too many")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; trailers after the body are of no use."""
        if self._status is None:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Know the status, unless it is an interim one."""
        status = self._parser.get_status_code()
        if status < _FINAL:
            self._headers.clear()
            return
        names = {name.lower() for name, _ in self._headers}
        self._ends_with_connection = names.isdisjoint((b"content-length", b"transfer-encoding"))
        self._status = status

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._blocks.append(body)
        self._unread += len(body)

    def on_message_complete(self) -> None:
        """Know that this was all."""
        if self._status is not None:
            self._complete = True
            self._reusable = self._parser.should_keep_alive()

    # ---- within ----

    def _fail(self, failure: Exception) -> None:
        if self._failure is None:
            self._failure = failure
        self._wire.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
