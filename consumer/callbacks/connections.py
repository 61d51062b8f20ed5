"""What a caller may take up before it has sent a request: uvicorn itself waits for a head as long as the caller likes.

Heads of at most 16 kB are h11's own limit; how long a body may take is the app's affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

HEAD_WITHIN: Final = 10.0
"""Seconds from the connection, or from the answer before, until a request's head is there."""
MOST_CONNECTIONS: Final = 800
"""Below the 1,024 open files that most systems give a process."""


class BoundedConnection(H11Protocol):
    """A connection that is closed unless it sends a request in time."""

    _head_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        """Take a new connection."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        if self._head_due is not None:
            self._head_due.cancel()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._wait_for_head()

    def _wait_for_head(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
        self._head_due = self.loop.call_later(HEAD_WITHIN, self._give_up)

    def _give_up(self) -> None:
        # A request that is under way has limits of its own, and its answer sets this clock anew.
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
