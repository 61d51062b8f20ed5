"""The port that the sandbox listens on: shut, connects are refused and open connections gone, until it opens again.

While it is shut a socket that does not listen keeps the port, so that no other program gets it meanwhile and the same
address answers again afterwards.
"""

import asyncio
import errno
import math
import socket
import time
from collections.abc import Coroutine

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

RELEASE_TIMEOUT = 2.0
# Whoever asks for an outage over HTTP gets an answer first.
SHORTEST_NOTICE = 0.05


class Outage(BaseModel):
    """A while without anyone at the port, the sandbox's own endpoints included. Both in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: float = Field(default=0, ge=0, le=86_400, description="from the start, or from when it was asked for")
    seconds: float = Field(gt=0, le=86_400)


class Door:
    """One listening port; what opens and shuts it waits for its turn."""

    def __init__(self, runner: web.ServerRunner) -> None:
        self._runner = runner
        self._site: web.BaseSite | None = None
        self._kept: socket.socket | None = None
        self._lock = asyncio.Lock()
        self._until = 0.0
        self._plans: set[asyncio.Task[None]] = set()

    @property
    def is_shut(self) -> bool:
        """Whether connects are refused now."""
        return self._kept is not None

    async def first_open(self, host: str, port: int) -> tuple[str, int]:
        """Listen; port 0 takes a free one. Returns where. Raises :class:`OSError`."""
        self._site = web.TCPSite(self._runner, host, port)
        await self._site.start()
        found_host, found_port = self._runner.addresses[0][:2]
        return str(found_host), int(found_port)

    async def shut(self, seconds: float | None = None) -> None:
        """Refuse connects and drop those that stand, for ``seconds``, or until :meth:`open`."""
        async with self._lock:
            self._until = max(self._until, math.inf if seconds is None else time.monotonic() + seconds)
            if self._site is not None:
                address = self._runner.addresses[0]
                await self._site.stop()
                self._site = None
                self._kept = await _bound(address)
            await self._drop_connections()
        if seconds is not None:
            self._start(self._reopen(seconds))

    async def open(self) -> None:
        """Answer at the same address again; an outage that still has time to go ends."""
        async with self._lock:
            self._until = 0.0
            if self._kept is not None:
                self._site = web.SockSite(self._runner, self._kept)
                await self._site.start()
                self._kept = None

    def plan(self, outage: Outage) -> None:
        """Have an outage come by itself."""
        self._start(self._outage(outage))

    async def close(self) -> None:
        """Drop all plans; the port is free once the runner is cleaned up."""
        for task in self._plans:
            task.cancel()
        await asyncio.gather(*self._plans, return_exceptions=True)
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    async def _drop_connections(self) -> None:
        server = self._runner.server
        if server is None:
            return
        for connection in server.connections:
            connection.force_close()
        deadline = time.monotonic() + RELEASE_TIMEOUT
        # Closing takes some turns of the loop, and a call in flight has to be ended first.
        while server.connections and time.monotonic() < deadline:  # noqa: ASYNC110  (aiohttp tells nobody of the last one)
            await asyncio.sleep(0)

    async def _outage(self, outage: Outage) -> None:
        await asyncio.sleep(max(outage.after, SHORTEST_NOTICE))
        await self.shut(outage.seconds)

    async def _reopen(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        # A longer outage may have begun meanwhile.
        if time.monotonic() >= self._until:
            await self.open()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._plans.add(task)
        task.add_done_callback(self._plans.discard)


async def _bound(address: tuple[str, int]) -> socket.socket:
    """A socket that holds the port without listening: who connects is refused."""
    host, port = address[:2]
    kept = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    deadline = time.monotonic() + RELEASE_TIMEOUT
    while True:
        try:
            kept.bind((host, port))
        except OSError as error:
            # The loop lets go of a listening socket in one of its next turns, not at once.
            if error.errno == errno.EADDRINUSE and time.monotonic() < deadline:
                await asyncio.sleep(0.001)
                continue
            kept.close()
            raise
        return kept
