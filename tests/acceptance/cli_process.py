"""`relay` as a process, as a shell starts it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

RELAY = str(Path(sys.executable).with_name("relay"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its JSON document."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Its NDJSON."""
        return [json.loads(line) for line in self.out.splitlines()]


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with our settings from ``given`` alone."""
    ours = ("RELAY_", "YLH_", "HAIER_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | dict(given)


@asynccontextmanager
async def started(
    *arguments: str, given: Mapping[str, str], directory: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command under way; killed at the end of the block if it still runs."""
    process = await asyncio.create_subprocess_exec(
        RELAY,
        *arguments,
        env=environment(given),
        cwd=directory,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def relay(*arguments: str, given: Mapping[str, str], directory: Path, stdin: bytes = b"") -> Answer:
    """Run a command to its end."""
    async with started(*arguments, given=given, directory=directory) as process:
        out, err = await process.communicate(stdin)
        return Answer(process.returncode or 0, out.decode(), err.decode())


async def said(stream: asyncio.StreamReader | None, words: str, *, within: float = 20) -> list[str]:
    """Read lines until one holds ``words``; returns all that were read."""
    assert stream is not None
    lines: list[str] = []
    deadline = time.monotonic() + within
    while True:
        async with asyncio.timeout(max(0, deadline - time.monotonic())):
            line = (await stream.readline()).decode()
        assert line, f"it ended without {words!r}: {lines[-20:]}"
        lines.append(line)
        if words in line:
            return lines
