"""One queue's consumer: fetches, hands deliveries on, tells the broker how they ended, comes back after every loss.

A *session* is one channel with one consumer. Deliveries belong to the session that brought them: when the channel is
gone their acks are dropped, for the broker delivers them again. Work in flight is not cancelled with a lost session;
it commits its outcome, and the redelivery is then a duplicate.

Plain connections under our own supervision rather than aio-pika's robust ones: those bring consumers back behind our
back, which a pause, a trial and a drain must be able to decide on.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from aiormq.exceptions import ChannelNotFoundEntity

from consumer.domain.delivery import Delivery, Settlement
from consumer.observability.logging import get_logger
from consumer.runtime.acks import AckLedger
from consumer.runtime.pauses import Fetching
from rabbitmq.connection import CHANNEL_ERRORS, own_cancels_only

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from datetime import timedelta

    from aiormq.abc import AbstractChannel, DeliveredMessage

    from consumer.runtime.broker import Broker
    from consumer.runtime.pauses import PauseBoard
    from publishers.supervision import Link

log = get_logger(__name__)

_AFTER_A_LOSS = 0.5
_LOOK_EVERY = 15.0
_GLANCE = 1.0
"""Seconds between two looks at whether a channel that waits for its last deliveries is still there."""


class Subscriber:
    """Consumes one queue until told to stop.

    Args:
        queue: its name.
        broker: the process's consuming connection, shared by all subscribers.
        prefetch: deliveries in hand at most; this is also the concurrency.
        handle: takes a delivery to its end. It must not raise: what it raises is a defect, is logged as such, and
            leaves the delivery to the broker. pauses: where to look before fetching. resources: what the queue's work
            needs (suppliers, database).
    """

    def __init__(
        self,
        queue: str,
        *,
        broker: Broker,
        prefetch: int,
        handle: Callable[[Delivery], Awaitable[Settlement]],
        pauses: PauseBoard,
        resources: frozenset[str],
    ) -> None:
        self.queue = queue
        self._broker = broker
        self._prefetch = prefetch
        self._handle = handle
        self._pauses = pauses
        self._resources = resources
        self._stopping = asyncio.Event()
        self._consuming = False
        self._in_flight: set[asyncio.Task[None]] = set()
        self._session: _Session | None = None

    @property
    def consuming(self) -> bool:
        """Is the broker sending us deliveries, as far as we know."""
        return self._consuming

    @property
    def resting(self) -> bool:
        """Is it not consuming on purpose."""
        return self._pauses.fetching(self._resources) is Fetching.PAUSED

    @property
    def in_flight(self) -> int:
        """Deliveries in hand."""
        return len(self._in_flight)

    def stop(self) -> None:
        """Stop fetching; what is in flight goes on."""
        self._stopping.set()

    async def run(self) -> None:
        """Consume until `stop`; returns once fetching has ended, with work perhaps still in flight (see `drained`)."""
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while not self._stopping.is_set():
                await self._one_session(stopping)
        finally:
            stopping.cancel()

    async def drained(self, within: timedelta) -> int:
        """Wait for what is in flight; cancel what takes longer than ``within`` and return how many those were."""
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=within.total_seconds())
        left = list(self._in_flight)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if self._session is not None:
            await self._session.close_when_settled()
        return len(left)

    async def _one_session(self, stopping: asyncio.Task[bool]) -> None:
        mode = self._pauses.fetching(self._resources)
        if mode is Fetching.PAUSED:
            await _first_of(stopping, self._pauses.until_other_than(mode, self._resources))
            return
        link = await _first_of(stopping, self._broker.link())
        if link is None:
            return
        session = self._session = _Session(self.queue, cast("Link", link), self._spawn)
        try:
            await session.open(1 if mode is Fetching.TRIAL else self._prefetch)
            self._consuming = True
            await _first_of(
                stopping, self._pauses.until_other_than(mode, self._resources), session.ended(), self._watch(session)
            )
        except CHANNEL_ERRORS as error:
            log.warning("cannot consume; trying again", queue=self.queue, error=type(error).__name__)
            if isinstance(error, ChannelNotFoundEntity):
                await self._broker.repair()
            await _first_of(stopping, asyncio.sleep(_AFTER_A_LOSS))
        finally:
            self._consuming = False
            # Acks still have to go out on this channel, so it is closed only when its deliveries have ended.
            await session.end_fetching()
            if not self._stopping.is_set():
                await session.close_when_settled()
                if session.left:
                    # What was left comes again at once: give whatever is in its way a moment.
                    await _first_of(stopping, asyncio.sleep(_AFTER_A_LOSS))

    async def _watch(self, session: _Session) -> None:
        """Return when the broker no longer knows our consumer although nobody told us."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            if await session.consumers() == 0:
                log.warning("the broker has no consumer on this queue; consuming again", queue=self.queue)
                return

    def _spawn(self, session: _Session, tag: int, delivery: Delivery) -> None:
        task = asyncio.create_task(self._carry(session, tag, delivery))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _carry(self, session: _Session, tag: int, delivery: Delivery) -> None:
        settlement = Settlement.LEAVE
        try:
            settlement = await self._handle(delivery)
        except Exception:  # a fault of the pipeline itself: the broker keeps the message, a person needs the traceback
            log.exception("delivery not carried through", queue=self.queue)
        finally:
            await session.settle(tag, settlement)


class _Session:
    """One channel with one consumer."""

    def __init__(self, queue: str, link: Link, spawn: Callable[[_Session, int, Delivery], None]) -> None:
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
        transport = self._link.connection.transport
        if transport is None:
            raise ConnectionError("the connection closed before a channel could be opened on it")
        with own_cancels_only():
            self._channel = await transport.connection.channel(publisher_confirms=False)
            self._channel.closing.add_done_callback(self._closed)
            self._channel.on_consumer_cancel_callbacks.add(lambda _: self._over.set())
            await self._channel.basic_qos(prefetch_count=prefetch)
            consumed = await self._channel.basic_consume(self._queue, self._on_delivery)
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
            await _first_of(self._settled.wait(), asyncio.sleep(_GLANCE))
        if self._flushing is not None:
            await self._flushing
        self._closing = True
        try:
            with own_cancels_only():
                await self._channel.close()
        except CHANNEL_ERRORS as error:
            log.debug("channel not closed; it is gone", queue=self._queue, error=type(error).__name__)

    async def _on_delivery(self, message: DeliveredMessage) -> None:
        tag = message.delivery_tag
        if tag is None:
            return
        self._ledger.opened(tag)
        properties = message.header.properties
        self._spawn(
            self,
            tag,
            Delivery(
                queue=self._queue,
                body=message.body,
                routing_key=message.routing_key or "",
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


async def _first_of(*what: asyncio.Task[bool] | Coroutine[object, object, object]) -> object | None:
    """Wait for the first of ``what``; cancel the coroutines that lost. Returns the winner's value, None for a task's.

    Raises:
        Exception: what the winner raised.
    """
    tasks = [entry if isinstance(entry, asyncio.Task) else asyncio.ensure_future(entry) for entry in what]
    ours = [task for task, entry in zip(tasks, what, strict=True) if not isinstance(entry, asyncio.Task)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in ours:
            if not task.done():
                task.cancel()
        await asyncio.gather(*(task for task in ours if not task.done()), return_exceptions=True)
    for task in ours:
        if task.done() and not task.cancelled():
            return task.result()
    return None
