"""Where the bytes come from: a file, or standard input, which may be a pipe that is silent for hours.

A thread of its own waits for standard input, without Python's buffer and its lock: so Ctrl-C ends the command at once.
"""

from __future__ import annotations

import asyncio
import io
import os
import queue
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ops.cli.failing import ExitCode, Failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import BinaryIO

STDIN: Final = "-"
_CHUNK: Final = 65_536


@dataclass(slots=True)
class Source:
    """An input, opened.

    Attributes:
        name: for messages.
        size: in bytes; None where nobody knows.
        read: bytes given out so far.
    """

    name: str
    size: int | None
    _stream: BinaryIO
    read: int = field(default=0)

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, as they come."""
        with self._stream as stream:
            while chunk := stream.read1(_CHUNK) if isinstance(stream, io.BufferedReader) else stream.read(_CHUNK):
                self.read += len(chunk)
                yield chunk

    async def chunks_beside(self) -> AsyncIterator[bytes]:
        """The same, without holding up the event loop while nothing comes."""
        if self.size is not None:
            for chunk in self.chunks():
                yield chunk
            return
        async for chunk in _waited_for(self._stream.fileno()):
            self.read += len(chunk)
            yield chunk


def opened(given: str) -> Source:
    """Open a file, or standard input for ``-``.

    Raises:
        Failure: it cannot be read (usage).
    """
    if given == STDIN:
        return Source("standard input", None, sys.stdin.buffer)
    path = Path(given)
    try:
        # Not a context manager: `chunks` closes it.
        stream = path.open("rb")
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}. Check the path.", ExitCode.USAGE) from error
    return Source(str(path), path.stat().st_size if path.is_file() else None, stream)


async def _waited_for(descriptor: int) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    asked: queue.SimpleQueue[asyncio.Future[bytes]] = queue.SimpleQueue()

    def settle(future: asyncio.Future[bytes], chunk: bytes, error: OSError | None) -> None:
        if future.cancelled():
            return
        if error is None:
            future.set_result(chunk)
        else:
            future.set_exception(error)

    def wait() -> None:
        chunk = b" "
        while chunk:
            future = asked.get()
            error = None
            try:
                chunk = os.read(descriptor, _CHUNK)
            except OSError as caught:
                chunk, error = b"", caught
            if loop.is_closed():
                return
            loop.call_soon_threadsafe(settle, future, chunk, error)

    threading.Thread(target=wait, name="relay: standard input", daemon=True).start()
    while True:
        future: asyncio.Future[bytes] = loop.create_future()
        asked.put(future)
        chunk = await future
        if not chunk:
            return
        yield chunk
