"""An answer that is too long for the memory: kept in a file while it arrives, read from there piece by piece.

All work on it is done in a thread of its own, a little at a time: the event loop waits for no disk, and for the
interpreter, which the thread shares with it, never long.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import islice
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Final, TypeVar

from consumer.suppliers.json_stream import LongList

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from consumer.suppliers.operation import JSON

R = TypeVar("R")

BLOCK: Final = 256 * 1024
"""Bytes that are written at once."""
BEGINNING: Final = 500
"""Entries by which a list is judged."""
AT_ONCE: Final = 100
"""Entries that are only parsed at once: less than a millisecond."""


class Spool:
    """The body of one call's answer, in a file that has no name and goes with its last user; an `Intake`.

    Attributes:
        size: bytes of the answer so far.
        count: entries of its list, once `end` has found it whole.
    """

    def __init__(self) -> None:
        # One thread: what was begun before a cancelled call gave up is over before the file is closed.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._file = TemporaryFile()  # noqa: SIM115 -- `close` closes it, in the thread
        self._pending: list[bytes] = []
        self._waiting = 0
        self.size = 0
        self.count = 0

    async def begin(self) -> None:
        """Forget what an earlier try has brought."""
        self._pending.clear()
        self._waiting = self.size = self.count = 0
        await self.run(self._empty)

    async def take(self, block: bytes) -> None:
        """Keep the next piece of the body.

        Raises:
            OSError: there is no room for it.
        """
        self._pending.append(block)
        self.size += len(block)
        self._waiting += len(block)
        if self._waiting >= BLOCK:
            await self._write()

    async def end(self) -> JSON:
        """Return the body's value, of its list the first `BEGINNING` entries.

        Raises:
            Misshapen: it has two lists, or something long that is none.
            ValueError: it is no JSON document, or not a whole one.
            OSError: there is no room for it.
        """
        await self._write()
        document = await self.run(self._from_the_start)
        entries = iter(document)
        beginning = await self.run(lambda: list(islice(entries, BEGINNING)))
        count = len(beginning)
        while more := await self.run(lambda: sum(1 for _ in islice(entries, AT_ONCE))):
            count += more
        self.count = count
        return document.with_list(beginning)

    async def entries(self) -> Iterator[JSON]:
        """Return the list's entries from the first, to be asked for within `run`; one such reading at a time."""
        return iter(await self.run(self._from_the_start))

    async def run(self, work: Callable[[], R]) -> R:
        """Do ``work`` in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Give the file up, after what the thread is about; the loop does not wait for it."""
        self._thread.submit(self._file.close)
        self._thread.shutdown(wait=False)

    async def _write(self) -> None:
        blocks, self._pending, self._waiting = self._pending, [], 0
        await self.run(lambda: self._file.writelines(blocks))

    def _empty(self) -> None:
        self._file.seek(0)
        self._file.truncate()

    def _from_the_start(self) -> LongList:
        self._file.seek(0)
        return LongList(self._file)


@asynccontextmanager
async def spooled() -> AsyncIterator[Spool]:
    """Have a spool for one call, its tries, and the reading of what it brought."""
    spool = Spool()
    try:
        yield spool
    finally:
        spool.close()
