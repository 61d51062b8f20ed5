"""Who may run beside whom within one process: one at a time for each order, and alone for a message under suspicion."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from consumer.domain.errors import Snoozed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager


LONGEST_WAIT: Final = 120.0
"""Seconds that a delivery is held while it waits for its turn: with two calls at their longest after that, still less
than the five minutes for which one may be held at all (DESIGN section 6)."""


class Turns:
    """One at a time for each key; different keys go in parallel. Keys that nobody uses take no memory.

    The database's lease holds between processes. This keeps deliveries of one process from fighting each other for it.

    Args:
        longest_wait: seconds.
    """

    def __init__(self, *, longest_wait: float = LONGEST_WAIT) -> None:
        self._longest_wait = longest_wait
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    def turn(self, key: str) -> AbstractAsyncContextManager[None]:
        """Hold ``key`` for the length of the block; first come, first served.

        Raises:
            Snoozed: those before it take too long; it comes round again.
        """
        return _Turn(self, key)

    async def begin(self, key: str) -> None:
        """Take ``key``; raises as `turn`."""
        lock, users = self._locks.get(key, (None, 0))
        if lock is None:
            lock = asyncio.Lock()
        self._locks[key] = (lock, users + 1)
        try:
            if lock.locked():
                await self._wait_for(lock)
            else:
                await lock.acquire()
        except BaseException:
            self._leave(key)
            raise

    def end(self, key: str) -> None:
        """Give ``key`` to the next one."""
        self._locks[key][0].release()
        self._leave(key)

    def _leave(self, key: str) -> None:
        lock, users = self._locks[key]
        if users == 1:
            del self._locks[key]
        else:
            self._locks[key] = (lock, users - 1)

    async def _wait_for(self, lock: asyncio.Lock) -> None:
        try:
            async with asyncio.timeout(self._longest_wait):
                await lock.acquire()
        except TimeoutError as error:
            what = f"others of the same order have been worked on for {self._longest_wait:g} s; it comes round again"
            raise Snoozed(what, code="turn_taken") from error


class _Turn:
    # A class, as is `_Together`: a generator's context costs three times as much, for every event.
    __slots__ = ("_key", "_turns")

    def __init__(self, turns: Turns, key: str) -> None:
        self._turns = turns
        self._key = key

    async def __aenter__(self) -> None:
        await self._turns.begin(self._key)

    async def __aexit__(self, *_: object) -> None:
        self._turns.end(self._key)


class Solitude:
    """Many run together, or one runs alone.

    A message that kills its process takes with it all that was in flight; a suspect therefore runs while nothing else
    does (DESIGN section 3, "a delivery with ``x-delivery-count`` ≥ 3 runs alone").
    """

    def __init__(self) -> None:
        self._running = 0
        self._suspects = 0
        self._alone = asyncio.Lock()
        self._changed = asyncio.Condition()

    def together(self) -> AbstractAsyncContextManager[None]:
        """Run beside others, but not while a suspect runs or waits to."""
        return _Together(self)

    async def enter(self) -> None:
        """Begin to run beside others, once no suspect is there."""
        if self._suspects:
            async with self._changed:
                await self._changed.wait_for(lambda: self._suspects == 0)
        self._running += 1

    async def leave(self) -> None:
        """End what `enter` began."""
        self._running -= 1
        if self._suspects and self._running == 0:
            await self._tell()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Wait until nothing else runs, then run alone."""
        self._suspects += 1
        try:
            async with self._alone:
                async with self._changed:
                    await self._changed.wait_for(lambda: self._running == 0)
                yield
        finally:
            self._suspects -= 1
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


class _Together:
    __slots__ = ("_solitude",)

    def __init__(self, solitude: Solitude) -> None:
        self._solitude = solitude

    async def __aenter__(self) -> None:
        await self._solitude.enter()

    async def __aexit__(self, *_: object) -> None:
        await self._solitude.leave()
