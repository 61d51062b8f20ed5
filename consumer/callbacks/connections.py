"""What a caller may take up before it has sent a request: uvicorn itself waits for one as long as the caller likes.

How large a body may be is the app's affair. Besides, an answer leaves in
one piece: uvicorn writes head and body apart, and each write is a system call that wakes the caller up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

REQUEST_WITHIN: Final = 10.0
"""Seconds from the connection, or from the answer before, until the whole of a request is there."""
LARGEST_HEAD: Final = 16_384
"""Bytes that may come without a head being over."""
MOST_CONNECTIONS: Final = 800
"""Below the 1,024 open files that most systems give a process."""


class _InOnePiece:
    """A transport that writes at the end of the event loop's turn what was written during it."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []
        self.is_closing = transport.is_closing
        self.get_extra_info = transport.get_extra_info
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._pieces:
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._transport.write(data)


class BoundedConnection(HttpToolsProtocol):
    """A connection that is closed unless it sends a whole request in time, and with a head of a bounded size.

    Its answers go out in one write each.
    """

    _since = 0.0
    _head: int | None = 0
    _requests = 0
    _look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        """Take a new connection."""
        super().connection_made(_InOnePiece(transport, self.loop))  # type: ignore[arg-type]  # all that uvicorn uses
        self._since = self.loop.time()
        self._look = self.loop.call_later(REQUEST_WITHIN, self._look_at_it)

    def data_received(self, data: bytes) -> None:
        """Take what has come; a head that does not end is a caller to be rid of."""
        before = self._requests
        super().data_received(data)
        if self._head is not None and self._requests == before:
            self._head += len(data)
            if self._head > LARGEST_HEAD:
                self.send_400_response("The head of the request is too large.")

    def on_headers_complete(self) -> None:
        """Begin with the body."""
        self._head = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for the next head."""
        self._head = 0
        self._requests += 1
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        if self._look is not None:
            self._look.cancel()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._since = self.loop.time()
        super().on_response_complete()

    def _look_at_it(self) -> None:
        # One timer for each connection, set anew when it runs out: not two for each request.
        left = self._since + REQUEST_WITHIN - self.loop.time()
        if left <= 0 and self._owes_a_request:
            self.transport.close()
            return
        self._look = self.loop.call_later(left if left > 0 else REQUEST_WITHIN, self._look_at_it)

    @property
    def _owes_a_request(self) -> bool:
        """Whether it is the caller that we wait for; a request that is whole has limits of its own."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body
