"""The results listener of an order system: its own durable queue on `relay.results`, read by the rules of `reading`.

async with ResultListener("amqp://shop:…@rabbit:5672/", queue="shop.results", types=["order.#"]) as results:
    async for result in results:
        ...
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from aiormq.exceptions import (
    AMQPError,
    ChannelAccessRefused,
    ChannelInvalidStateError,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)

from publishers.reading import Delivery, ResultReader
from publishers.supervision import Backoff, Link, Supervised
from rabbitmq.connection import is_cancelled
from rabbitmq.topology import RESULTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

    from publishers.reading import Unreadable
    from publishers.sequences import SequenceStore

_log = logging.getLogger("haier_relay.results")

CRASH_LIMIT: Final = 20
"""Deliveries of one message that kills its reader each time, before the broker parks it."""

_PARKED_LIMIT: Final = 1_000_000
"""As on the service's own dead-letter queues (DESIGN 3): never -1, and never none."""


class ListeningRefused(RuntimeError):
    """The broker will not let this listener have its queue; waiting does not help, the text says what does."""


class ResultListener(ResultReader):
    """Listens for results on a durable quorum queue of its own, which keeps collecting while nobody listens.

    Declares `queue` and `<queue>.dlq` (where what cannot be handled goes) and binds the first on `relay.results`.
    Several processes may listen on one queue and share the work; each then needs the same `sequences` store. Comes back
    by itself after every loss of the broker.

    Args:
        amqp_url: the broker; the user needs configure, write and read on the two queues, and read on `relay.results`.
        queue: its name; choose one that says whose it is.
        types: AMQP topic patterns: `*` is one word, `#` any number, so `order.#` is every result about an order.
            A pattern that is left out later stays bound on the broker until somebody unbinds it.
        prefetch: results fetched ahead.
        sequences, on_unreadable, attempts: see `ResultReader`.

    Raises (from `run` and from iterating):
        ListeningRefused: the queue exists with other arguments, or a right is missing.
    """

    def __init__(
        self,
        amqp_url: str,
        *,
        queue: str,
        types: Sequence[str] = ("#",),
        prefetch: int = 50,
        sequences: SequenceStore | None = None,
        on_unreadable: Unreadable | None = None,
        attempts: int = 5,
        first_pause: float = 0.5,
        name: str | None = None,
    ) -> None:
        if not queue or not types:
            raise ValueError("a listener needs the name of its queue and at least one type pattern")
        if attempts > CRASH_LIMIT:
            raise ValueError(f"attempts is {attempts}; the broker parks a message after {CRASH_LIMIT} deliveries")
        supervised = Supervised(amqp_url, name=name or f"listener {queue}")
        super().__init__(
            _QueueSource(supervised, queue, tuple(types), prefetch),
            sequences=sequences,
            on_unreadable=on_unreadable,
            attempts=attempts,
            first_pause=first_pause,
        )


class _Arrived:
    """A delivery of a queue; settling it after its channel is gone does nothing, for the broker delivers it again."""

    __slots__ = ("_message",)

    def __init__(self, message: AbstractIncomingMessage) -> None:
        self._message = message

    @property
    def body(self) -> bytes:
        return self._message.body

    @property
    def message_id(self) -> str | None:
        return self._message.message_id

    async def ack(self) -> None:
        await self._settle(self._message.ack())

    async def again(self) -> None:
        await self._settle(self._message.nack(requeue=True))

    async def park(self) -> None:
        await self._settle(self._message.reject(requeue=False))

    async def _settle(self, verb: Awaitable[None]) -> None:
        try:
            await verb
        except (AMQPError, ChannelInvalidStateError, OSError) as error:
            _log.info("result %s not settled, it will be delivered again: %r", self.message_id, error)
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            _log.info("result %s not settled, it will be delivered again: the connection went", self.message_id)


class _QueueSource:
    """Fetches from the queue, session after session; a session is one channel with one consumer."""

    def __init__(self, supervised: Supervised, queue: str, types: tuple[str, ...], prefetch: int) -> None:
        self._supervised = supervised
        self._queue = queue
        self._types = types
        self._prefetch = prefetch
        self._backoff = Backoff()
        # Of one session each: with a new channel comes a new one, and what was fetched over the old one is forgotten.
        self._fetched: deque[AbstractIncomingMessage] = deque()
        self._news = asyncio.Event()
        self._consuming = False
        self._task: asyncio.Task[None] | None = None

    @property
    def is_fetching(self) -> bool:
        """Whether there is a consumer on the broker right now."""
        return self._consuming

    async def start(self) -> None:
        """Begin to connect and fetch; does not wait for the broker."""
        self._supervised.start()
        if self._task is None:
            self._task = asyncio.create_task(self._keep(), name=f"listener {self._queue}")
            self._task.add_done_callback(lambda _: self._news.set())

    async def take(self) -> Delivery:
        """The next message; raises what ended the fetching for good."""
        if self._task is None:
            raise RuntimeError("the listener is not open: use `async with`")
        while not self._fetched:
            if self._task.done():
                await self._task
                raise ListeningRefused("the listener is closed")
            self._news.clear()
            await self._news.wait()
        return _Arrived(self._fetched.popleft())

    async def close(self) -> None:
        """Stop fetching and close the connection."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._supervised.close()

    async def _keep(self) -> None:
        failures = 0
        while True:
            link = await self._supervised.link(None)
            if link is None:
                raise ListeningRefused("the connection was closed for good")
            try:
                await self._session(link)
                failures = 0
            except ChannelNotFoundEntity as error:
                failures += 1
                _log.warning("listener %s waits: %s. `relay topology apply` makes the exchange", self._queue, error)
            except (ChannelPreconditionFailed, ChannelLockedResource) as error:
                raise ListeningRefused(
                    f"queue {self._queue!r} or {self._queue + '.dlq'!r} exists with other arguments ({error}). "
                    "Choose another name, or empty and delete the queue: it is made anew."
                ) from error
            except ChannelAccessRefused as error:
                raise ListeningRefused(
                    f"the broker's user lacks a right ({error}). A listener needs configure, write and read on "
                    f"{self._queue!r} and {self._queue + '.dlq'!r}, and read on {RESULTS!r}."
                ) from error
            except (AMQPError, OSError, RuntimeError) as error:
                # RuntimeError: aiormq's word for a channel or connection that closed meanwhile.
                failures += 1
                _log.warning("listener %s starts over: %r", self._queue, error)
            except asyncio.CancelledError:
                if is_cancelled():
                    raise
                failures += 1
            if failures:
                await asyncio.sleep(self._backoff.pause(failures, random.random()))  # noqa: S311 - jitter, no secret

    async def _session(self, link: Link) -> None:
        """Declare, consume, and return when the channel, the consumer or the connection is gone."""
        channel = link.connection.channel(publisher_confirms=False)
        await channel.initialize()
        try:
            await channel.set_qos(prefetch_count=self._prefetch)
            queue = await self._declared(channel)
            gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            underlay = await channel.get_underlay_channel()
            underlay.on_consumer_cancel_callbacks.add(lambda _: _tell(gone, "the broker cancelled the consumer"))
            underlay.closing.add_done_callback(lambda _: _tell(gone, "the channel closed"))
            link.lost.add_done_callback(lambda lost: _tell(gone, lost.result()))
            await queue.consume(self._into(deque()))
            self._consuming = True
            _log.info("listener %s: listening for %s", self._queue, ", ".join(self._types))
            _log.info("listener %s: %s; starting over", self._queue, await gone)
        finally:
            self._consuming = False
            self._fetched = deque()
            if not channel.is_closed:
                await channel.close()

    async def _declared(self, channel: AbstractChannel) -> AbstractQueue:
        parked = f"{self._queue}.dlq"
        await channel.declare_queue(
            parked, durable=True, arguments={"x-queue-type": "quorum", "x-delivery-limit": _PARKED_LIMIT}
        )
        queue = await channel.declare_queue(
            self._queue,
            durable=True,
            arguments={
                "x-queue-type": "quorum",
                "x-delivery-limit": CRASH_LIMIT,
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": parked,
                "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish",
            },
        )
        for pattern in self._types:
            await queue.bind(RESULTS, pattern)
        return queue

    def _into(
        self, fetched: deque[AbstractIncomingMessage]
    ) -> Callable[[AbstractIncomingMessage], Coroutine[Any, Any, None]]:
        self._fetched = fetched

        async def fetch(message: AbstractIncomingMessage) -> None:
            fetched.append(message)
            self._news.set()

        return fetch


def _tell(gone: asyncio.Future[str], reason: str) -> None:
    if not gone.done():
        gone.set_result(reason)
