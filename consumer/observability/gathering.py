"""Writing the lines of one turn of the event loop together.

A line by itself costs little; writing it gives the interpreter's lock away. Under load a thread of the database then
takes it, and the loop has to win it back: with two writes for each message, logging took a quarter of what a message
costs. Messages end in groups, since their commits do, so one write for a turn of the loop is one for dozens of lines.

Nothing waits for long: until the loop's next turn, and not at all where there is no loop, from a warning on, or where
the handler says so. What a process that is killed takes along are the other lines of its last turn.
"""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.observability.lines import Line

_CAN_WAIT = frozenset({"debug", "info"})
AT_MOST = 1_000
"""Lines that wait; more than messages can end in one turn."""


class GatheringHandler(logging.Handler):
    """A handler whose lines are put down one by one and written together."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    @abstractmethod
    def put_down(self, line: Line) -> bool:
        """Keep ``line`` for the next `write_out`; returns whether it may wait for that."""

    @abstractmethod
    def write_out(self) -> None:
        """Write what was put down; must not raise."""

    def take(self, line: Line) -> None:
        """Put a line down, and see that it is written; for any thread."""
        self.acquire()
        try:
            may_wait = self.put_down(line) and line.level in _CAN_WAIT
            self._waiting += 1
            if not may_wait or self._waiting >= AT_MOST or not self._written_soon():
                self.flush()
        finally:
            self.release()

    def flush(self) -> None:
        """Write what waits."""
        self.acquire()
        try:
            self._waiting, self._loop = 0, None
            self.write_out()
        finally:
            self.release()

    def close(self) -> None:
        """Write what waits, and end."""
        self.flush()
        super().close()

    def _written_soon(self) -> bool:
        """Have the running loop write it in its next turn; False: there is none."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if self._loop is not loop:
            self._loop = loop
            loop.call_soon(self.flush)
        return True
