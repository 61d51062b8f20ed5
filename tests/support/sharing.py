"""One server for a whole test run, also where several worker processes run the tests.

The process that started pytest keeps the server on a thread of its own, so that tests which need none begin at once,
and writes down how to reach it; workers wait for that file. Without workers, a fixture starts it when it is first asked
for.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from _typeshed import DataclassInstance

LONGEST_START = 700.0
"""Seconds; an image that has to be fetched first is the slowest case."""


class NotHereError(RuntimeError):
    """The machine lacks what the server needs; the text is the reason that skipped tests give."""


@dataclass(slots=True)
class SharedServer:
    """Holds ``async with opened()`` on a thread from :meth:`start` to :meth:`stop`, and its value in a JSON file."""

    opened: Callable[[], AbstractAsyncContextManager[DataclassInstance]]
    file: Path
    """Written once: the value's fields, or ``not_here`` or ``failed`` with the reason."""
    _thread: threading.Thread | None = None
    _ended: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Return at once; the server comes up in the background."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._hold()), name=self.file.stem)
        self._thread.start()

    def stop(self) -> None:
        """Return when the server is gone; a start under way is waited for."""
        if self._thread is None:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    async def _hold(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            async with self.opened() as value:
                self._write(asdict(value))
                await self._ended.wait()
        except NotHereError as error:
            self._write({"not_here": str(error)})
        # Whatever it is, it has to reach the tests that wait for the file, and they show it.
        except Exception as error:  # noqa: BLE001
            self._write({"failed": f"{type(error).__name__}: {error}"})

    def _write(self, content: dict[str, Any]) -> None:
        unfinished = self.file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(content))
        unfinished.rename(self.file)


def shared_value(file: Path) -> dict[str, Any]:
    """Wait for what :class:`SharedServer` writes.

    Raises:
        NotHereError: this machine cannot have the server.
        RuntimeError: it did not start; with the reason.
    """
    deadline = time.monotonic() + LONGEST_START
    while not file.exists():
        if time.monotonic() > deadline:
            raise RuntimeError(f"Nobody wrote {file} within {LONGEST_START:.0f} s")
        time.sleep(0.05)
    content: dict[str, Any] = json.loads(file.read_text())
    if "not_here" in content:
        raise NotHereError(content["not_here"])
    if "failed" in content:
        raise RuntimeError(content["failed"])
    return content
