"""Publishing that knows its outcome: every message is confirmed by the broker, or the caller learns what came of it.

Many messages travel at once (`publish_many`, or many tasks calling `publish`) while each keeps its own outcome. The
connection is the publisher's own, since RabbitMQ throttles publishing connections and a subscriber's acks must not
wait behind that, and it comes back by itself.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from publishers.framing import ChannelLost, ConfirmChannel, Ticket
from publishers.outgoing import BrokerAway, Outgoing, PublishError, Refused, Unconfirmed, Unroutable
from publishers.slots import Slots
from publishers.supervision import Backoff, Supervised

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

__all__ = ["BrokerAway", "ConfirmedPublisher", "Outgoing", "PublishError", "Refused", "Unconfirmed", "Unroutable"]

_CHUNK: Final = 128
"""Messages in one write: large enough that its fixed cost vanishes, small enough that neighbours get their turn."""

_CHUNK_BYTES: Final = 262_144

_CLOSED: Final = "the publisher is closed"

_BREATH: Final = 0.05
"""Seconds until a channel that was lost while being opened is tried again."""


class ConfirmedPublisher:
    """Publishes persistent messages with confirms over a connection of its own.

    Args:
        url: AMQP URL.
        name: the connection's name, as the broker shows it.
        max_in_flight: messages sent and not yet confirmed, over all callers; who comes later waits.
        wait_for_broker: seconds that a message waits for a connection (or for a blocked one to take messages again)
            before it is `BrokerAway`; None waits for ever.
        confirm_timeout: seconds without one confirm on a connection that is not blocked; then it is given up and
            what was in flight is `Unconfirmed`.
        backoff: pauses between attempts to connect.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        max_in_flight: int = 1000,
        wait_for_broker: float | None = 30,
        confirm_timeout: float = 60,
        backoff: Backoff | None = None,
    ) -> None:
        if max_in_flight < 1:
            raise ValueError(f"max_in_flight is {max_in_flight}; at least 1 message must be allowed in flight")
        self._supervised = Supervised(url, name=name, backoff=backoff)
        self._slots = Slots(max_in_flight)
        self._wait = wait_for_broker
        self._confirm_timeout = confirm_timeout
        self._channels: dict[str, ConfirmChannel] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self._gathered: list[Ticket] = []
        self._flusher: asyncio.Task[None] | None = None
        self._watchdog: asyncio.Task[None] | None = None
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._state = "new"

    @property
    def in_flight(self) -> int:
        """Messages sent and not yet confirmed."""
        return self._slots.taken

    @property
    def is_connected(self) -> bool:
        """Is there a live connection right now."""
        return self._supervised.is_up

    async def start(self) -> None:
        """Begin to connect; does not wait for the broker, the first publish does."""
        self._supervised.start()
        self._watchdog = asyncio.create_task(self._watch(), name="publisher: unanswered confirms")
        self._state = "open"

    async def close(self, within: float = 10) -> None:
        """Take nothing new, wait up to `within` seconds for what is under way, close the connection."""
        self._state = "closed"
        try:
            async with asyncio.timeout(within):
                await self._idle.wait()
        except TimeoutError:
            # What is left learns of it by `Unconfirmed` or `BrokerAway` when the connection goes.
            pass
        finally:
            if self._watchdog is not None:
                self._watchdog.cancel()
            await self._supervised.close()
            await self._idle.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def publish(self, message: Outgoing) -> None:
        """Publish one message; returns when the broker has taken it over.

        Calls made at the same time by many tasks travel together. Cancelled, the message may arrive all the same.

        Raises:
            Unroutable, Refused, Unconfirmed, BrokerAway: see `publishers.outgoing`.
        """
        if self._state == "closed":
            raise BrokerAway(_CLOSED, message)
        with self._under_way():
            ticket = Ticket(message, asyncio.get_running_loop())
            self._gathered.append(ticket)
            if self._flusher is None:
                self._flusher = asyncio.create_task(self._flush(), name="publisher: gathered messages")
            outcome = await ticket.settled
        if outcome is not None:
            raise outcome

    async def publish_many(self, messages: Sequence[Outgoing]) -> list[PublishError | None]:
        """Publish all, await their confirms together; one outcome for each, in the order given (None: confirmed).

        Messages of one exchange reach the broker in their order, but for those that are sent again after an error.
        """
        if self._state == "closed":
            return [BrokerAway(_CLOSED, message) for message in messages]
        loop = asyncio.get_running_loop()
        with self._under_way():
            tickets = [Ticket(message, loop) for message in messages]
            await self._dispatch(tickets)
            pending = [ticket.settled for ticket in tickets if not ticket.settled.done()]
            if pending:
                await asyncio.wait(pending)
        return [ticket.settled.result() for ticket in tickets]

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        """Count the call, so that `close` can wait for it."""
        if self._state == "new":
            raise RuntimeError("the publisher is not started: use `async with`, or await start() first")
        self._calls += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    async def _flush(self) -> None:
        try:
            while self._gathered:
                tickets, self._gathered = self._gathered, []
                await self._dispatch(tickets)
        finally:
            self._flusher = None

    async def _dispatch(self, tickets: Sequence[Ticket]) -> None:
        """Put all on the wire, or settle those that cannot be; exchange by exchange, in order."""
        exchanges: dict[str, list[Ticket]] = {}
        for ticket in tickets:
            exchanges.setdefault(ticket.message.exchange, []).append(ticket)
        try:
            for exchange, mine in exchanges.items():
                await self._send(exchange, mine)
        except Exception as fault:  # noqa: BLE001 - a fault of ours must reach those who wait for these messages
            for ticket in tickets:
                if not ticket.settled.done() and not ticket.tag:
                    ticket.settled.set_exception(fault)
                    # Read once, so that a caller who has gone is no line of "never retrieved" in the log.
                    ticket.settled.exception()

    async def _send(self, exchange: str, tickets: list[Ticket]) -> None:
        position = 0
        progress = 0.0
        loop = asyncio.get_running_loop()
        while position < len(tickets):
            waited = loop.time() - max(progress, tickets[position].since)
            try:
                channel = await self._channel(exchange, None if self._wait is None else max(0.0, self._wait - waited))
            except _Away as away:
                for ticket in tickets[position:]:
                    ticket.settle(BrokerAway(str(away), ticket.message))
                return
            except ChannelLost:
                await asyncio.sleep(_BREATH)
                continue
            earlier = channel.busy(tickets[position])
            if earlier is not None:
                await asyncio.wait([earlier.settled])
                continue
            chunk = _next_chunk(channel, tickets, position)
            got = await self._slots.take(len(chunk))
            try:
                await channel.send(chunk[:got])
            except BaseException as error:
                self._slots.give(got)
                if not isinstance(error, ChannelLost):
                    raise
                continue
            position += got
            await channel.drained()
            progress = loop.time()

    async def _channel(self, exchange: str, within: float | None) -> ConfirmChannel:
        """The exchange's channel on the live connection; `_Away` when there is none in time."""
        link = await self._supervised.link(within)
        if link is None:
            failure = self._supervised.failure
            if self._state == "closed":
                raise _Away(_CLOSED)
            raise _Away(str(failure) if failure else f"no connection to RabbitMQ at {self._supervised.address}")
        if not await link.taking(within):
            if not link.is_up:
                raise ChannelLost("lost while it was blocked")
            raise _Away("the broker takes no messages (memory or disk alarm): look at its log, free memory or disk")
        async with self._opening.setdefault(exchange, asyncio.Lock()):
            channel = self._channels.get(exchange)
            if channel is None or not channel.is_open or channel.link is not link:
                channel = self._channels[exchange] = await ConfirmChannel.open(link, settled=self._slots.give)
            return channel

    async def _watch(self) -> None:
        """Give a connection up on which nothing was answered for a whole time-out, unless the broker blocks it."""
        while True:
            before = self._slots.given if self.in_flight else -1
            await asyncio.sleep(self._confirm_timeout)
            if self._slots.given != before:
                continue
            for link in {channel.link for channel in self._channels.values()}:
                if link.is_up and await link.taking(0):
                    await link.drop(f"no confirm within {self._confirm_timeout:g} s")


class _Away(Exception):
    """No connection that takes messages; the text says why."""


def _next_chunk(channel: ConfirmChannel, tickets: Sequence[Ticket], start: int) -> list[Ticket]:
    """The longest run from `start` that may go in one write: no mandatory id twice, and none still in flight."""
    chunk: list[Ticket] = []
    ids: set[str] = set()
    size = 0
    for ticket in tickets[start : start + _CHUNK]:
        size += len(ticket.message.body)
        if chunk and (size > _CHUNK_BYTES or ticket.message_id in ids or channel.busy(ticket) is not None):
            break
        chunk.append(ticket)
        if ticket.message.mandatory:
            ids.add(ticket.message_id)
    return chunk
