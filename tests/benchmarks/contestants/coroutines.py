"""The unit of work as coroutines do it: one POST, one row."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from tests.benchmarks.contestants.rows import open_rows
from tests.benchmarks.contestants.unit import Envelope, Pushed, Supplier, create

if TYPE_CHECKING:
    from tests.benchmarks.contestants.rows import Rows

Post = Callable[[bytes], Awaitable[bytes]]
"""Send a create and return the answer's body; raises unless the status is 2xx."""
Client = Callable[[AsyncExitStack, Supplier], Awaitable[Post]]


class Pushing:
    """Pushes orders by ``post`` and notes them."""

    def __init__(self, post: Post, rows: Rows) -> None:
        self._post = post
        self._rows = rows

    @classmethod
    async def open(cls, stack: AsyncExitStack, client: Client) -> Pushing:
        return cls(await client(stack, Supplier.from_environment()), await open_rows(stack))

    async def push(self, paid: Envelope) -> bytes:
        """Push, note, and return the result's body."""
        pushed = Pushed.read(paid, await self._post(create(paid.data)))
        await self._rows.add(pushed.row())
        return pushed.result()


def told_to_stop() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
