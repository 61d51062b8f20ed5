"""Holds one server for as long as somebody holds this process's standard input, and leaves nothing of it behind.

A broker started for a demo or a test must be gone afterwards, also when the program that wanted it is interrupted,
fails half-way or is killed with SIGKILL, which no ``finally`` survives. The one thing that the kernel does for a
killed program is to close its pipes. So the server is the child of this small process, not of the program; it waits for
the end of its standard input, and that one event is how a server ends, in good times and in bad: there is no second way
to get wrong. It stands in a session of its own, so Ctrl-C on the terminal reaches neither it nor the server. (Linux can
signal the child of a dead parent by itself, PR_SET_PDEATHSIG; that would leave epmd and the data, and is Linux alone.)

Started as a file by :mod:`rabbitmq.kept` (``python -I keeper.py``), hence the standard library only.

Spoken on the pipes, a line each: in, the :class:`Charge` as JSON, then any of ``start``, ``stop``, ``kill``; out,
``started PID``, ``failed REASON`` and ``exited CODE``.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What to run and how to take it away again; every path absolute."""

    argv: tuple[str, ...]
    env: dict[str, str]
    log: str
    """Takes what the server prints; appended to."""
    stop_signal: int = signal.SIGTERM
    grace: float = 15.0
    """Seconds between ``stop_signal`` and SIGKILL."""
    afterwards: tuple[tuple[str, ...], ...] = ()
    """Commands that clear up what the server itself leaves running, such as Erlang's epmd."""
    remove: str | None = None
    """A directory that goes away at the end."""
    user: str | None = None
    """Run as this user (needs root): some servers refuse to be root."""

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Charge:
        """Read what :meth:`to_json` wrote; raises ``TypeError`` or ``ValueError`` on anything else."""
        fields = json.loads(line)
        fields["argv"] = tuple(fields["argv"])
        fields["afterwards"] = tuple(tuple(command) for command in fields["afterwards"])
        return cls(**fields)


class Keeper:
    """The server's parent: starts, stops, and says when it ended."""

    def __init__(self, charge: Charge) -> None:
        self._charge = charge
        self._server: subprocess.Popen[bytes] | None = None
        self._watch: threading.Thread | None = None

    def start(self) -> None:
        """Start the server unless it runs."""
        if self._server is not None and self._server.poll() is None:
            return
        charge = self._charge
        with Path(charge.log).open("ab") as log:
            try:
                self._server = subprocess.Popen(  # noqa: S603 - the command is ours, and no shell reads it
                    charge.argv,
                    env=charge.env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    user=charge.user,
                    group=None if charge.user is None else pwd.getpwnam(charge.user).pw_gid,
                    extra_groups=None if charge.user is None else [],
                )
            except OSError as error:
                say(f"failed {error}")
                return
        say(f"started {self._server.pid}")
        self._watch = threading.Thread(target=self._wait, args=(self._server,), daemon=True)
        self._watch.start()

    def _wait(self, server: subprocess.Popen[bytes]) -> None:
        say(f"exited {server.wait()}")

    def stop(self, *, at_once: bool = False) -> None:
        """End the server: politely within the grace, then for certain, with all that it started in its session."""
        server, watch = self._server, self._watch
        if server is None or watch is None:
            return
        if server.poll() is None and not at_once:
            server.send_signal(self._charge.stop_signal)
            watch.join(self._charge.grace)
        # Already gone is what we want.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(server.pid, signal.SIGKILL)
        watch.join()

    def clear_up(self) -> None:
        """Leave nothing behind: no process, no directory."""
        self.stop()
        for command in self._charge.afterwards:
            # What is gone already cannot be stopped, and there is nobody left to tell.
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(  # noqa: S603 - the command is ours, and no shell reads it
                    command, env=self._charge.env, check=False, capture_output=True, timeout=30
                )
        if self._charge.remove is not None:
            shutil.rmtree(self._charge.remove, ignore_errors=True)


def say(line: str) -> None:
    """Tell the program; one that has gone does not listen, and that is no reason to stop clearing up."""
    with contextlib.suppress(BrokenPipeError):
        print(line, flush=True)  # noqa: T201 - standard output is this process's protocol


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    """Obey lines until standard input ends, then clear up."""
    # A polite request to end arrives as one more way of reaching the ``finally`` below.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    keeper = Keeper(Charge.from_json(sys.stdin.readline()))
    orders: dict[str, Callable[[], None]] = {
        "start": keeper.start,
        "stop": keeper.stop,
        "kill": lambda: keeper.stop(at_once=True),
    }
    try:
        for line in sys.stdin:
            orders[line.strip()]()
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        keeper.clear_up()


if __name__ == "__main__":
    main()
