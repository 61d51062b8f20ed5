"""The program's end of the pipe to :mod:`rabbitmq.keeper`: a server that lives no longer than its ``async with``."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rabbitmq import keeper

if TYPE_CHECKING:
    from types import TracebackType


class ServerFailed(RuntimeError):
    """A server did not start, or ended by itself; the text holds its last log lines."""


class KeptServer:
    """One server in the care of a keeper process; started and cleared away by ``async with``.

    Leaving the block closes the pipe, whatever the reason was, and waits for the keeper to finish. Where the program is
    killed instead, the kernel closes the pipe and the keeper finishes alone.
    """

    def __init__(self, charge: keeper.Charge, *, name: str) -> None:
        self._charge = charge
        self._name = name
        self._keeper: asyncio.subprocess.Process | None = None
        self._pid: int | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the server, while it runs as far as we were told."""
        return self._pid

    @property
    def log(self) -> Path:
        """Where the server's own words go."""
        return Path(self._charge.log)

    async def __aenter__(self) -> Self:
        self._keeper = await asyncio.create_subprocess_exec(
            sys.executable,
            "-IS",
            keeper.__file__,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            await self._send(self._charge.to_json())
            await self.start()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._close()

    async def start(self) -> None:
        """Start the server, also again after :meth:`stop` or :meth:`kill`; raises :class:`ServerFailed`."""
        if self._pid is not None:
            return
        await self._send("start")
        while True:
            word, _, rest = (await self._heard()).partition(" ")
            if word == "started":
                self._pid = int(rest)
                return
            if word == "failed":
                raise ServerFailed(f"{self._name} could not be started: {rest}")

    async def stop(self) -> None:
        """End the server politely and keep its data; returns when it is gone."""
        await self._end("stop")

    async def kill(self) -> None:
        """End the server with SIGKILL, as a power cut would; returns when it is gone."""
        await self._end("kill")

    async def exited(self) -> int:
        """Wait until the server ends by itself; its exit code."""
        while True:
            word, _, rest = (await self._heard()).partition(" ")
            if word == "exited":
                self._pid = None
                return int(rest)

    def last_words(self, lines: int = 15) -> str:
        """The end of the server's log."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            return f"(no log: {error})"
        return "\n".join(text.rstrip().splitlines()[-lines:])

    async def _end(self, order: str) -> None:
        if self._pid is None:
            return
        await self._send(order)
        await self.exited()

    async def _send(self, line: str) -> None:
        assert self._keeper is not None  # noqa: S101 - inside ``async with`` there is one
        assert self._keeper.stdin is not None  # noqa: S101 - it was started with a pipe
        self._keeper.stdin.write(line.encode() + b"\n")
        await self._keeper.stdin.drain()

    async def _heard(self) -> str:
        assert self._keeper is not None  # noqa: S101 - inside ``async with`` there is one
        assert self._keeper.stdout is not None  # noqa: S101 - it was started with a pipe
        line = await self._keeper.stdout.readline()
        if not line:
            raise ServerFailed(f"{self._name}: the process that looked after it is gone. Was it killed by hand?")
        return line.decode().strip()

    async def _close(self) -> None:
        if self._keeper is None:
            return
        assert self._keeper.stdin is not None  # noqa: S101 - it was started with a pipe
        assert self._keeper.stdout is not None  # noqa: S101 - it was started with a pipe
        self._keeper.stdin.close()
        # A keeper that is gone already has closed its end.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await self._keeper.stdin.wait_closed()
        # Read to the end: a keeper that blocks on a full pipe would never come to clear up.
        await self._keeper.stdout.read()
        await self._keeper.wait()
        self._keeper = None
        self._pid = None
