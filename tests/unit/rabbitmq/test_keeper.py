"""The keeper leaves nothing behind, however its program ends; the server here is a small one of our own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rabbitmq.keeper import Charge
from rabbitmq.kept import KeptServer, ServerFailed

if TYPE_CHECKING:
    from collections.abc import Callable

# Says who it is, then lives on; `deaf` ones do not mind a polite request.
SERVER = """
import os, signal, sys, time
if "deaf" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", os.getpid(), flush=True)
time.sleep(600)
"""
PROGRAM = """
import asyncio, signal, sys
# Somebody who runs the tests in the background may have had SIGINT ignored for all that is below.
signal.signal(signal.SIGINT, signal.default_int_handler)
from rabbitmq.keeper import Charge
from rabbitmq.kept import KeptServer

async def main():
    async with KeptServer(Charge.from_json(sys.argv[1]), name="it") as server:
        print(server.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def _charge(tmp_path: Path, *words: str, grace: float = 10.0) -> Charge:
    home = tmp_path / "home"
    home.mkdir()
    return Charge(
        argv=(sys.executable, "-c", SERVER, *words),
        env=dict(os.environ),
        log=str(home / "log"),
        grace=grace,
        afterwards=(("touch", str(tmp_path / "cleared")),),
        remove=str(home),
    )


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        if sys.platform != "linux":
            return True
        # In a container nobody may be there to reap an orphan: a zombie holds nothing any more.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def _eventually(condition: Callable[[], bool], within: float = 10.0) -> bool:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _nothing_left(tmp_path: Path) -> bool:
    return (tmp_path / "cleared").exists() and not (tmp_path / "home").exists()


async def test_the_server_lives_as_long_as_the_block_and_leaves_nothing(tmp_path: Path) -> None:
    async with KeptServer(_charge(tmp_path), name="it") as server:
        pid = server.pid
        assert pid is not None
        assert _lives(pid)

    assert not _lives(pid)
    assert _nothing_left(tmp_path)


async def test_an_error_in_the_block_leaves_nothing_either(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ours"):
        async with KeptServer(_charge(tmp_path), name="it"):
            raise ValueError("ours")

    assert _nothing_left(tmp_path)


async def test_a_server_that_does_not_listen_is_killed_after_its_grace(tmp_path: Path) -> None:
    async with KeptServer(_charge(tmp_path, "deaf", grace=0.2), name="it") as server:
        pid = server.pid
        assert pid is not None
        assert await asyncio.to_thread(_eventually, lambda: "up" in server.last_words())

    assert not _lives(pid)


async def test_it_stops_and_starts_again_as_told(tmp_path: Path) -> None:
    async with KeptServer(_charge(tmp_path), name="it") as server:
        first = server.pid
        await server.stop()
        assert server.pid is None
        await server.start()
        second = server.pid
        assert second is not None
        assert second != first
        await server.kill()
        assert not _lives(second)

    assert _nothing_left(tmp_path)


async def test_a_server_that_ends_by_itself_is_noticed_with_its_last_words(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    failing = Charge(argv=("sh", "-c", "echo no room; exit 3"), env=dict(os.environ), log=str(home / "log"))

    async with KeptServer(failing, name="it") as server:
        assert await server.exited() == 3
        assert server.last_words() == "no room"


async def test_a_command_that_does_not_exist_is_said_so(tmp_path: Path) -> None:
    nothing = Charge(argv=("/no/such/server",), env={}, log=str(tmp_path / "log"), remove=str(tmp_path / "home"))

    with pytest.raises(ServerFailed, match="/no/such/server"):
        async with KeptServer(nothing, name="it"):
            pass


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_program_that_is_ended_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    program = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM, _charge(tmp_path).to_json()],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[3],
    )
    with program:
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        program.send_signal(number)
        program.wait(10)

    assert _eventually(lambda: not _lives(pid))
    assert _eventually(lambda: _nothing_left(tmp_path))
