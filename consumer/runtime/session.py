"""One channel with one consumer: brings deliveries, and tells the broker how each of them ended.

Deliveries belong to the session that brought them: when the channel is gone their acks are dropped, for the broker
delivers them again.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumer.domain.delivery import Delivery, Settlement
from consumer.observability.logging import get_logger
from consumer.runtime.acks import AckLedger
from consumer.runtime.intake import Intake
from consumer.runtime.waiting import first_of
from rabbitmq.connection import CHANNEL_ERRORS, own_cancels_only

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiormq.abc import AbstractChannel, DeliveredMessage
    from pamqp.commands import Basic
    from pamqp.header import ContentHeader

    from publishers.supervision import Link

log = get_logger(__name__)

_GLANCE = 1.0
"""Seconds between two looks at whether a channel that waits for its last deliveries is still there."""


class Session:
    """One channel with one consumer.

    Args:
        queue: its name.
        link: the connection.
        spawn: told about each delivery with its tag; the work must not be done within.
    """

    def __init__(self, queue: str, link: Link, spawn: Callable[[Session, int, Delivery], None]) -> None:
        self._queue = queue
        self._link = link
        self._spawn = spawn
        self._ledger = AckLedger()
        self._left = 0
        self._closing = False
        self._over = asyncio.Event()
        self._settled = asyncio.Event()
        self._channel: AbstractChannel | None = None
        self._consumer_tag: str | None = None
        self._flushing: asyncio.Task[None] | None = None

    @property
    def left(self) -> int:
        """Deliveries that were left to the broker."""
        return self._left

    async def open(self, prefetch: int) -> None:
        """Open the channel and begin to consume, with ``prefetch`` deliveries in hand at most."""
        transport = self._link.connection.transport
        if transport is None:
            raise ConnectionError("the connection closed before a channel could be opened on it")
        with own_cancels_only():
            self._channel = await transport.connection.channel(publisher_confirms=False)
            self._channel.closing.add_done_callback(self._closed)
            self._channel.on_consumer_cancel_callbacks.add(lambda _: self._over.set())
            await self._channel.basic_qos(prefetch_count=prefetch)
            Intake(self._channel, self._on_delivery)
            consumed = await self._channel.basic_consume(self._queue, _not_by_the_library)
        self._consumer_tag = consumed.consumer_tag

    def _closed(self, closing: asyncio.Future[object]) -> None:
        self._over.set()
        error = None if closing.cancelled() else closing.exception()
        if error is not None and not self._closing and not isinstance(error, ConnectionError):
            log.warning("channel closed; its deliveries come again", queue=self._queue, error=error)

    async def ended(self) -> None:
        """Wait until the channel is closed or the broker has cancelled the consumer."""
        await self._over.wait()

    async def consumers(self) -> int:
        """Ask the broker how many consumers the queue has."""
        if self._channel is None:
            return 0
        with own_cancels_only():
            declared = await self._channel.queue_declare(self._queue, passive=True)
        return declared.consumer_count or 0

    async def end_fetching(self) -> None:
        """Cancel the consumer; deliveries in hand can still be acked."""
        if self._channel is None or self._channel.is_closed or self._consumer_tag is None:
            return
        try:
            with own_cancels_only():
                await self._channel.basic_cancel(self._consumer_tag, timeout=5)
        except CHANNEL_ERRORS as error:
            log.debug("consumer not cancelled; its channel is gone", queue=self._queue, error=type(error).__name__)

    async def close_when_settled(self) -> None:
        """Close the channel once nothing of it is open; at once if it is lost already."""
        if self._channel is None:
            return
        while self._ledger.open > self._left and not self._channel.is_closed:
            self._settled.clear()
            await first_of(self._settled.wait(), asyncio.sleep(_GLANCE))
        if self._flushing is not None:
            await self._flushing
        self._closing = True
        try:
            with own_cancels_only():
                await self._channel.close()
        except CHANNEL_ERRORS as error:
            log.debug("channel not closed; it is gone", queue=self._queue, error=type(error).__name__)

    def _on_delivery(self, method: Basic.Deliver, header: ContentHeader, body: bytes) -> None:
        tag = method.delivery_tag
        if tag is None:
            return
        self._ledger.opened(tag)
        properties = header.properties
        self._spawn(
            self,
            tag,
            Delivery(
                queue=self._queue,
                body=body,
                routing_key=method.routing_key or "",
                headers=properties.headers or {},
                message_id=properties.message_id,
                content_type=properties.content_type,
                received_at=datetime.now(UTC),
            ),
        )

    async def settle(self, tag: int, settlement: Settlement) -> None:
        """Tell the broker how a delivery ended; acks of the same turn of the loop share frames."""
        match settlement:
            case Settlement.ACK:
                self._ledger.settled(tag)
                if self._flushing is None:
                    self._flushing = asyncio.create_task(self._flush())
            case Settlement.REQUEUE:
                self._ledger.forgotten(tag)
                await self._return(tag)
            case Settlement.LEAVE:
                # It stays open in the ledger, so that no multiple ack passes it; ending the session gives it back.
                self._left += 1
                self._over.set()
        self._settled.set()

    async def _flush(self) -> None:
        """Send what is settled until nothing is left; one at a time, for an ack must not overtake an earlier one."""
        try:
            # Deliveries that end in the same turn of the loop share frames.
            await asyncio.sleep(0)
            while (frames := self._ledger.take()) and self._channel is not None and not self._channel.is_closed:
                for ack in frames:
                    await self._channel.basic_ack(ack.tag, multiple=ack.multiple, wait=False)
        except CHANNEL_ERRORS as error:
            log.debug("acks not sent; the broker delivers again", queue=self._queue, error=type(error).__name__)
        finally:
            self._flushing = None

    async def _return(self, tag: int) -> None:
        if self._channel is None or self._channel.is_closed:
            return
        try:
            await self._channel.basic_nack(tag, requeue=True, wait=False)
        except CHANNEL_ERRORS as error:
            log.debug("delivery not returned; its channel is gone", queue=self._queue, error=type(error).__name__)


async def _not_by_the_library(message: DeliveredMessage) -> None:
    raise RuntimeError(f"delivery {message.delivery_tag} went past the intake: it stays with the broker")
