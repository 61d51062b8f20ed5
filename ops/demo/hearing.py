"""The demo's own ear on ``relay.results``: every delivery, also those that an order system would drop as repeated."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ops.demo.evidence import Received, ended_by
from rabbitmq.connection import connect
from rabbitmq.topology import RESULTS
from schemas.codec import decode
from schemas.faults import InvalidEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aio_pika.abc import AbstractIncomingMessage


class Ear:
    """Takes results and lets others wait for them."""

    def __init__(self) -> None:
        self.received = Received()
        self._ended: set[str] = set()
        self._news = asyncio.Condition()
        self._last = time.monotonic()

    async def take(self, message: AbstractIncomingMessage) -> None:
        """Note one delivery."""
        try:
            result = decode(message.body)
        except InvalidEvent as error:
            self.received.unreadable.append(str(error))
            return
        self._last = time.monotonic()
        event_id = ended_by(result)
        if self.received.take(result) and event_id is not None:
            async with self._news:
                self._ended.add(event_id)
                self._news.notify_all()

    async def has_ended(self, event_id: str) -> None:
        """Wait until the event of this id has its result."""
        async with self._news:
            await self._news.wait_for(lambda: event_id in self._ended)

    @property
    def silence(self) -> float:
        """Seconds since the last delivery."""
        return time.monotonic() - self._last


@asynccontextmanager
async def listening(amqp_url: str) -> AsyncIterator[Ear]:
    """An ear on a queue of its own, which is gone with its connection."""
    ear = Ear()
    connection = await connect(amqp_url, name="relay demo: results")
    async with connection, connection.channel() as channel:
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(RESULTS, "#")
        await queue.consume(ear.take, no_ack=True)
        yield ear
