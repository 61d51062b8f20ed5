"""An answer that is too long for the memory: kept in a file while it arrives, read from there piece by piece.

All work on it is done in a thread of its own, a block at a time, so that the event loop waits for no disk and never
long for the interpreter.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Final, TypeVar

from consumer.suppliers.answers import BYTE_ORDER_MARK
from consumer.suppliers.json_stream import Outline, entries
from consumer.suppliers.operation import Said

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from consumer.suppliers.operation import JSON

R = TypeVar("R")

BLOCK: Final = 64 * 1024
"""Bytes that are worked on at once: some 3 ms, for which the loop may have to wait."""
BEGINNING: Final = 500
"""Entries by which a list is judged."""


class Spool:
    """The body of one call's answer, in a file that has no name and goes with its last user; an `Intake`.

    Attributes:
        size: bytes of the answer so far.
    """

    def __init__(self) -> None:
        # One thread: what was begun before a cancelled call gave up is over before the file is closed.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._file = TemporaryFile()  # noqa: SIM115 -- `close` closes it, in the thread
        self._pending = bytearray()
        self._outline = Outline()
        self._where: str | None = None
        self.size = 0

    @property
    def count(self) -> int:
        """Entries of the list."""
        return self._outline.count

    async def begin(self) -> None:
        """Forget what an earlier try has brought."""
        self._pending.clear()
        self._outline, self._where, self.size = Outline(), None, 0
        await self.run(self._emptied)

    async def take(self, block: bytes) -> None:
        """Keep the next piece of the body.

        Raises:
            OSError: there is no room for it.
        """
        self.size += len(block)
        self._pending += block
        while len(self._pending) >= BLOCK:
            await self._flush()

    async def end(self) -> Said | None:
        """Return the first `BEGINNING` entries of the list; None: the answer is no list and no success with one.

        Raises:
            ValueError: it is no JSON document, or not a whole one.
            OSError: there is no room for it.
        """
        while self._pending:
            await self._flush()
        self._where = await self.run(self._outline.end)
        if self._where is None:
            return None
        beginning = await self.run(lambda: list(islice(self.entries(), BEGINNING)))
        return Said(beginning, enveloped=self._outline.enveloped)

    async def whole(self) -> bytes:
        """Return the body: for what turned out not to be a list."""
        return await self.run(self._read)

    def entries(self) -> Iterator[JSON]:
        """Yield the list's entries; only within `run`, and one such iterator at a time.

        Raises:
            ValueError: there is no list.
        """
        if self._where is None:
            raise ValueError("the answer is not here, or holds no list")
        self._file.seek(0)
        return entries(self._file, self._where)

    async def run(self, work: Callable[[], R]) -> R:
        """Do ``work`` in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Give the file up, after what the thread is about; the loop does not wait for it."""
        self._thread.submit(self._file.close)
        self._thread.shutdown(wait=False)

    async def _flush(self) -> None:
        block = bytes(self._pending[:BLOCK])
        del self._pending[:BLOCK]
        await self.run(partial(self._keep, block))

    def _emptied(self) -> None:
        self._file.seek(0)
        self._file.truncate()

    def _keep(self, block: bytes) -> None:
        if self._file.tell() == 0:
            block = block.removeprefix(BYTE_ORDER_MARK)
        self._file.write(block)
        self._outline.feed(block)

    def _read(self) -> bytes:
        self._file.seek(0)
        return self._file.read()


@asynccontextmanager
async def spooled() -> AsyncIterator[Spool]:
    """Have a spool for one call, its tries, and the reading of what it brought."""
    spool = Spool()
    try:
        yield spool
    finally:
        spool.close()
