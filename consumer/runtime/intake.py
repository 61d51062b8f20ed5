"""Deliveries of one channel, handed on where aiormq's connection hands it their frames.

aiormq puts each frame into the channel's queue, has a task of the channel take it out again, put the three frames of a
message together, and start another task to call the consumer: a tenth of what an event costs here. This takes the
channel's queue's place, keeps the frames of deliveries for itself and passes all others through. One attribute is used
that aiormq's abstract class lists without promising it anything: `frames`, into which the connection puts.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiormq.abc import AbstractChannel

    Taker = Callable[[Basic.Deliver, ContentHeader, bytes], None]


class Intake:
    """Stands for the queue of a channel's frames.

    Args:
        channel: open, and without a consumer yet.
        taker: called with each delivery at once, in order; must not raise.

    Raises:
        TypeError: a later aiormq keeps its frames otherwise.
    """

    def __init__(self, channel: AbstractChannel, taker: Taker) -> None:
        frames = getattr(channel, "frames", None)
        if not isinstance(frames, asyncio.Queue):
            raise TypeError("this aiormq keeps frames otherwise than 7.2: consumer/runtime/intake.py has to follow")
        self._frames = frames
        self._taker = taker
        self._method: Basic.Deliver | None = None
        self._header: ContentHeader | None = None
        self._parts: list[bytes] = []
        self._missing = 0
        channel.frames = self  # type: ignore[assignment]  # it has what the connection and the channel call

    async def put(self, item: tuple[int, Any]) -> None:
        """Take the next frame of the channel; content of a message is never mixed with others (AMQP 0-9-1, 4.2.6)."""
        frame = item[1]
        kind = type(frame)
        if kind is Basic.Deliver:
            self._method = frame
        elif self._method is None:
            await self._frames.put(item)
        elif kind is ContentHeader:
            self._header = frame
            self._missing = frame.body_size
            if not self._missing:
                self._complete()
        elif kind is ContentBody:
            self._parts.append(frame.value)
            self._missing -= len(frame.value)
            if self._missing <= 0:
                self._complete()
        else:
            # The broker breaks a message off by closing the channel only.
            self._method = None
            self._parts.clear()
            await self._frames.put(item)

    async def get(self) -> tuple[int, Any]:
        """Return the next frame that is none of a delivery."""
        item: tuple[int, Any] = await self._frames.get()
        return item

    def task_done(self) -> None:
        """As that of the queue."""
        self._frames.task_done()

    def _complete(self) -> None:
        method, header = self._method, self._header
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._method = self._header = None
        self._parts.clear()
        if method is None or header is None:
            raise ValueError("content of a message came without its header")
        self._taker(method, header, body)
