"""A bound on messages in flight: slots are taken some at a time and given back one by one as confirms come in."""

from __future__ import annotations

import asyncio
from collections import deque


class Slots:
    """How many more messages may be in flight; first come, first served."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._size = free
        self.given = 0
        """How many were given back so far."""

    @property
    def taken(self) -> int:
        """How many are in use."""
        return self._size - self._free

    async def take(self, wanted: int) -> int:
        """Wait for at least one; returns how many were got, at most `wanted`."""
        woken = False
        while self._free == 0 or (self._waiting and not woken):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                # Its turn may have come at this very moment: the next one must not wait for it.
                turn.cancel()
                if self._free:
                    self._wake()
                raise
            woken = True
        got = min(self._free, wanted)
        self._free -= got
        if self._free:
            self._wake()
        return got

    def give(self, count: int = 1) -> None:
        """Give some back."""
        self._free += count
        self.given += count
        self._wake()

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
