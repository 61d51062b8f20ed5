"""`relay callbacks` as a process, as it runs in life."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.ylh_forms import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

RELAY = str(Path(sys.executable).with_name("relay"))
_READY_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class Receiver:
    """A running receiver."""

    url: str
    """Where callbacks are posted to."""
    health_url: str
    process: asyncio.subprocess.Process
    log: Path

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        return await self.process.wait()


@asynccontextmanager
async def receiver_process(directory: Path, environment: Mapping[str, str]) -> AsyncIterator[Receiver]:
    """A receiver that takes callbacks; killed at the end if it still runs.

    Args:
        directory: for its log.
        environment: at least RELAY_AMQP_URL and RELAY_DATABASE_URL.
    """
    health = _free_port()
    log = directory / "callbacks.log"
    ours = ("RELAY_", "YLH_", "HAIER_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    given = {
        **ACCOUNT,
        "RELAY_CALLBACK_PORT": "0",
        "RELAY_CALLBACK_HEALTH_PORT": str(health),
        "RELAY_LOG_DIR": "off",
        **environment,
    }
    with log.open("wb") as lines:
        process = await asyncio.create_subprocess_exec(
            RELAY, "callbacks", env={**inherited, **given}, cwd=directory, stderr=lines, stdout=lines
        )
    try:
        url = await _url(process, log)
        yield Receiver(url, f"http://127.0.0.1:{health}", process, log)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _url(process: asyncio.subprocess.Process, log: Path) -> str:
    for _ in range(int(_READY_WITHIN / 0.05)):
        said = _said(log)
        found = re.search(r"Ready: taking callbacks on (\S+);", said)
        if found:
            return found[1]
        assert process.returncode is None, said
        await asyncio.sleep(0.05)
    raise AssertionError(f"the receiver did not become ready: {_said(log)}")


def _said(log: Path) -> str:
    return log.read_text(encoding="utf-8")
