"""A contestant's processes, from start to stop, seen from outside."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks.usage import Usage, usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.benchmarks.field import Contestant

ROOT: Final = Path(__file__).resolve().parents[2]
_STOPPING: Final = 45.0


class RoundFailed(RuntimeError):
    """A contestant lost, doubled or did not finish something: its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Processes at work."""

    name: str
    processes: tuple[asyncio.subprocess.Process, ...]

    def usage(self) -> Usage:
        """CPU time of all, memory of the largest.

        Raises:
            RoundFailed: one has ended.
        """
        each = [_alive(self.name, process) for process in self.processes]
        return Usage(
            cpu_seconds=sum(one.cpu_seconds for one in each),
            rss_mb=max(one.rss_mb for one in each),
            peak_rss_mb=max(one.peak_rss_mb for one in each),
        )


@asynccontextmanager
async def working(
    contestant: Contestant, directory: Path, environment: Mapping[str, str], processes: int = 1
) -> AsyncIterator[Crew]:
    """Run ``processes`` of ``contestant`` for the length of the block, on the cores of this thread.

    Args:
        contestant: what runs.
        directory: where each process has its logs.
        environment: what they are told, beside what this process was, settings of the service left out.
        processes: how many.

    Raises:
        RoundFailed: one ended badly or did not stop; with its last words.
    """
    rooms = [directory / f"process-{number}" for number in range(processes)]
    for room in rooms:
        room.mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        crew = [await stack.enter_async_context(_process(contestant, room, environment)) for room in rooms]
        yield Crew(contestant.name, tuple(crew))
        for process in crew:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)


@asynccontextmanager
async def _process(
    contestant: Contestant, directory: Path, environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    log = directory / "output.log"
    # Nothing of the caller's own set-up: settings of the service would make two machines' figures differ.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RELAY_", "HAIER_", "YLH_"))}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", contestant.module,
            cwd=ROOT, env={**kept, **environment, "RELAY_LOG_DIR": str(directory / "logs")},
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
        code = await asyncio.wait_for(process.wait(), _STOPPING)
    except TimeoutError as error:
        raise RoundFailed(
            f"{contestant.name} did not stop within {_STOPPING:.0f} s of SIGTERM. Its last words:\n{_tail(log)}"
        ) from error
    except RoundFailed as error:
        raise RoundFailed(f"{error}\nIts last words:\n{_tail(log)}") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code != 0:
        raise RoundFailed(f"{contestant.name} ended with exit code {code}. Its last words:\n{_tail(log)}")


def _alive(name: str, process: asyncio.subprocess.Process) -> Usage:
    try:
        if process.returncode is None:
            return usage(process.pid)
    except ProcessLookupError as error:
        raise RoundFailed(f"{name} ended before the work was done") from error
    raise RoundFailed(f"{name} ended with exit code {process.returncode} before the work was done")


def _tail(log: Path, lines: int = 25) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
