"""Consuming processes of which one is killed and replaced every few seconds."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.support.relay import killed

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.relay import Relay

PROCESSES = 4
LEASE_MARGIN = "2"
"""Seconds: the lease of one who was killed ends soon."""


class Crew:
    """Four processes, and one log of them all."""

    def __init__(self, relay: Relay, lots: random.Random, log: Path) -> None:
        self._relay = relay
        self._lots = lots
        self._log = log
        self._processes: list[asyncio.subprocess.Process] = []
        self._replacing: asyncio.Task[None] | None = None
        self.kills = 0

    async def start(self) -> None:
        for _ in range(PROCESSES):
            self._processes.append(await self._one())

    async def kill_one(self) -> None:
        """Kill -9 one of them and start another."""
        number = self._lots.randrange(PROCESSES)
        self._assert_alive(self._processes[number])
        await self._replace(number)

    async def kill(self, pid: int) -> None:
        """Kill -9 the one of that number and start another."""
        await self._replace([process.pid for process in self._processes].index(pid))

    async def _replace(self, number: int) -> None:
        # Whoever is cancelled in the midst of it leaves nobody dead in his place: `drain` waits for this.
        self._replacing = asyncio.create_task(self._replaced(number))
        await asyncio.shield(self._replacing)

    async def _replaced(self, number: int) -> None:
        await killed(self._processes[number])
        self._processes[number] = await self._one()
        self.kills += 1

    async def drain(self) -> None:
        """Let them end as they do in life."""
        if self._replacing is not None:
            await self._replacing
        for process in self._processes:
            self._assert_alive(process)
            process.terminate()
        for process in self._processes:
            # Who was only starting has nothing to finish; others may take RELAY_SHUTDOWN_TIMEOUT, and a moment more.
            code = await asyncio.wait_for(process.wait(), 60)
            assert code in {0, -signal.SIGTERM}, f"exit code {code}:\n{self._log.read_text()[-5000:]}"

    async def close(self) -> None:
        if self._replacing is not None:
            await asyncio.wait({self._replacing})
        for process in self._processes:
            if process.returncode is None:
                await killed(process)

    def _assert_alive(self, process: asyncio.subprocess.Process) -> None:
        assert process.returncode is None, f"a process ended by itself:\n{self._log.read_text()[-5000:]}"

    async def _one(self) -> asyncio.subprocess.Process:
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.support.serve",
                env={**os.environ, **self._relay.environment, "LEASE_MARGIN_SECONDS": LEASE_MARGIN},
                stdout=log,
                stderr=log,
            )


@asynccontextmanager
async def crewed(relay: Relay, lots: random.Random, log: Path) -> AsyncIterator[Crew]:
    crew = Crew(relay, lots, log)
    try:
        await crew.start()
        yield crew
    finally:
        await crew.close()
