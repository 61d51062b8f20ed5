"""How results are read, wherever they come from: decode, drop what is no news, hand over, ack; or try again, or park.

The rules stand here once, over a source of deliveries, so that a real queue and a fake one cannot differ in them.

    what came                         what happens
    not readable                      `on_unreadable`, then acked; without a hook, or if that fails: parked
    not newer by `sequence`           acked
    seen before (by its id)           acked
    handler returned                  sequence remembered, acked
    handler failed                    delivered again after a pause, `attempts` times in all, then parked

Parked is the queue's own dead-letter queue: nothing is lost, and nothing circles for ever.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Protocol, Self

from publishers.sequences import RecentSequences, SequenceStore, is_news
from schemas.codec import decode
from schemas.faults import InvalidEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from types import TracebackType

    from schemas.envelope import Event

    Handler = Callable[[Event], Awaitable[None]]
    Unreadable = Callable[[bytes, InvalidEvent], Awaitable[None] | None]

_log = logging.getLogger("haier_relay.results")

MAX_RESULT_BYTES: Final = 16 * 1024 * 1024
"""Results can be longer than events: an order's shipments with all their traces."""

_RECENT_IDS: Final = 10_000


class Delivery(Protocol):
    """One message from the source; exactly one of its three verbs is called."""

    @property
    def body(self) -> bytes:
        """As it came."""

    @property
    def message_id(self) -> str | None:
        """AMQP `message_id`, for logs."""

    async def ack(self) -> None:
        """Done with it."""

    async def again(self) -> None:
        """Have it delivered once more."""

    async def park(self) -> None:
        """Put it aside for a person."""


class DeliverySource(Protocol):
    """Where deliveries come from; comes back by itself after a loss."""

    @property
    def is_fetching(self) -> bool:
        """Whether messages can come in right now."""

    async def start(self) -> None:
        """Begin to fetch."""

    async def take(self) -> Delivery:
        """The next one, whenever it comes."""

    async def close(self) -> None:
        """Stop; what was taken and not settled is delivered again."""


class ResultReader:
    """Reads results from a source, as a callback's caller (`run`) or as an async iterator.

    Args:
        source: where deliveries come from.
        sequences: what was handled for each order; None: in memory, the last 100,000 orders.
        on_unreadable: takes what cannot be decoded (say, a type newer than this library) and its fault; returns when
            the message may be forgotten. None: a log line and the dead-letter queue.
        attempts: how often a handler is tried with one result before it is parked.
        first_pause: seconds before a failed result is delivered again; doubles each time, 30 s at most.
    """

    def __init__(
        self,
        source: DeliverySource,
        *,
        sequences: SequenceStore | None = None,
        on_unreadable: Unreadable | None = None,
        attempts: int = 5,
        first_pause: float = 0.5,
    ) -> None:
        if attempts < 1:
            raise ValueError(f"attempts is {attempts}; a handler has to be tried at least once")
        self._source = source
        self._sequences = sequences if sequences is not None else RecentSequences()
        self._on_unreadable = on_unreadable
        self._attempts = attempts
        self._first_pause = first_pause
        self._failures: OrderedDict[str, int] = OrderedDict()
        self._handled: OrderedDict[str, None] = OrderedDict()
        self._resting: set[asyncio.Task[None]] = set()
        self._open: tuple[Delivery, Event] | None = None

    @property
    def is_listening(self) -> bool:
        """Whether results can come in right now; False at first and while the broker is away."""
        return self._source.is_fetching

    async def __aenter__(self) -> Self:
        await self._source.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close. A result still open in an `async for` counts as handled, unless an exception ended the loop."""
        open_, self._open = self._open, None
        try:
            if open_ is not None and error is None:
                await self._succeeded(*open_)
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop reading; whatever was not acked is delivered again, here or to another listener on the queue."""
        for task in self._resting:
            task.cancel()
        await asyncio.gather(*self._resting, return_exceptions=True)
        await self._source.close()

    async def run(self, handler: Handler) -> None:
        """Hand results to `handler`, one after another, until cancelled; each is acked after the handler returned."""
        while True:
            delivery, event = await self._next()
            try:
                await handler(event)
                await self._remember(event)
            except Exception as error:  # noqa: BLE001 - the application's code may raise anything; the result must not be lost
                await self._failed(delivery, event, error)
            else:
                await delivery.ack()

    def __aiter__(self) -> AsyncIterator[Event]:
        """Results one after another; asking for the next one acks the one before."""
        return self

    async def __anext__(self) -> Event:
        open_, self._open = self._open, None
        if open_ is not None:
            await self._succeeded(*open_)
        self._open = await self._next()
        return self._open[1]

    async def _next(self) -> tuple[Delivery, Event]:
        while True:
            delivery = await self._source.take()
            try:
                event = decode(delivery.body, max_bytes=MAX_RESULT_BYTES)
            except InvalidEvent as error:
                await self._unreadable(delivery, error)
                continue
            if event.id not in self._handled and await self._says_something(event):
                return delivery, event
            await delivery.ack()

    async def _says_something(self, event: Event) -> bool:
        order = _order(event)
        return order is None or is_news(order[1], await self._sequences.latest(order[0]))

    async def _succeeded(self, delivery: Delivery, event: Event) -> None:
        await self._remember(event)
        await delivery.ack()

    async def _remember(self, event: Event) -> None:
        order = _order(event)
        if order is not None:
            await self._sequences.remember(*order)
        self._failures.pop(event.id, None)
        self._handled[event.id] = None
        if len(self._handled) > _RECENT_IDS:
            self._handled.popitem(last=False)

    async def _failed(self, delivery: Delivery, event: Event, error: Exception) -> None:
        # Counted here: for the broker a lost connection is a delivery too, and from RabbitMQ 4.3 on a nack is none.
        tried = self._failures.get(event.id, 0) + 1
        if tried >= self._attempts:
            self._failures.pop(event.id, None)
            _log.error(
                "result %s (%s) parked: its handler failed %d times, last with %s",
                event.id,
                event.type,
                tried,
                type(error).__name__,
                exc_info=error,
            )
            await delivery.park()
            return
        self._failures[event.id] = tried
        if len(self._failures) > _RECENT_IDS:
            self._failures.popitem(last=False)
        pause = min(30.0, self._first_pause * 2 ** (tried - 1))
        _log.warning(
            "handler failed with %s on result %s (%s), attempt %d of %d; again in %.1f s",
            type(error).__name__,
            event.id,
            event.type,
            tried,
            self._attempts,
            pause,
            exc_info=error,
        )
        # Rests beside the others: one order's trouble holds up nobody.
        task = asyncio.create_task(_again_after(delivery, pause))
        self._resting.add(task)
        task.add_done_callback(self._resting.discard)

    async def _unreadable(self, delivery: Delivery, error: InvalidEvent) -> None:
        if self._on_unreadable is None:
            _log.error(
                "message %s cannot be read as a result and is parked: %s. A newer service may send what this version "
                "of the library does not know: update it, then move the message back",
                delivery.message_id,
                error,
            )
            await delivery.park()
            return
        try:
            answer = self._on_unreadable(delivery.body, error)
            if inspect.isawaitable(answer):
                await answer
        except Exception:  # noqa: BLE001 - the application's code may raise anything; the message must not be lost
            _log.exception("on_unreadable failed for message %s; it is parked", delivery.message_id)
            await delivery.park()
        else:
            await delivery.ack()


async def _again_after(delivery: Delivery, pause: float) -> None:
    await asyncio.sleep(pause)
    await delivery.again()


def _order(event: Event) -> tuple[str, int] | None:
    so_id = getattr(event.data, "so_id", None)
    sequence = getattr(event.data, "sequence", None)
    return (so_id, sequence) if isinstance(so_id, str) and isinstance(sequence, int) else None
