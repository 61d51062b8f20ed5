"""One AMQP channel in confirm mode, written to in whole batches: the publishers' only file that knows aiormq's insides.

`Exchange.publish` costs 200 µs of CPU a message and `basic_publish` 150 (a task, two locks, a time-out and two
registered futures for each); marshalling a batch into one write and matching the confirms here costs 30 to 50, and 60
when single calls are gathered. On a service that has one core and some 800 µs for a whole event that is worth a file.
Three attributes of aiormq's channel are used that its abstract class does not list: `confirmations` (delivery tag →
what to tell), `message_id_delivery_tag` (by which a return finds its tag) and `write_queue`. `ConfirmChannel.open` says
so when a later aiormq has them no more.

Matching. Confirms come by delivery tag, returns by message id, and a return always comes before the confirm of the
same message. So a `mandatory` message whose id is still in flight must wait (`busy`): with two of one id under way
the first one's return would be booked on the second, and the first, gone from the world, would count as confirmed.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Final, cast

from aiormq.abc import ChannelFrame, DeliveredMessage
from aiormq.channel import Channel as UnderlayChannel
from aiormq.exceptions import AMQPError, ChannelAccessRefused, ChannelNotFoundEntity
from pamqp.commands import Basic
from pamqp.frame import marshal

from publishers.frames import content_body, content_header
from publishers.outgoing import Outgoing, PublishError, Refused, Unconfirmed, Unroutable
from rabbitmq.connection import is_cancelled
from schemas.identity import unreadable_key

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping, Sequence

    from aio_pika.abc import AbstractChannel

    from publishers.supervision import Link

_INSIDES: Final = ("confirmations", "message_id_delivery_tag", "write_queue", "max_content_size")

_DRAIN_EVERY: Final = 65_536

_HEADS: Final = 256
"""Routing keys whose publish frame is kept ready; retry queues and event types are a few dozen."""


class ChannelLost(Exception):
    """The channel is gone and nothing of the batch was sent."""


def message_id_of(message: Outgoing) -> str:
    """The id under which it travels: its own, else the SHA-256 of its body in hex (DESIGN 5)."""
    return unreadable_key(message.message_id, message.body)


class Ticket:
    """One message on its way and the future that tells its fate.

    aiormq gets it in the place of the future that it would have made itself, hence the future's method names.
    """

    __slots__ = ("_channel", "_over", "message", "message_id", "settled", "since", "tag")

    def __init__(self, message: Outgoing, loop: asyncio.AbstractEventLoop) -> None:
        self.message = message
        self.message_id = message_id_of(message)
        self.settled: asyncio.Future[PublishError | None] = loop.create_future()
        """Resolves and never fails; None is "confirmed". Whoever waits may cancel it: the message travels on."""
        self.since = loop.time()
        self.tag = 0
        self._over = False
        self._channel: ConfirmChannel | None = None

    def sent(self, channel: ConfirmChannel, tag: int) -> None:
        """It is on the wire, as number `tag` of that channel."""
        self._channel = channel
        self.tag = tag

    def settle(self, outcome: PublishError | None) -> None:
        """Its fate is known; later news of it changes nothing."""
        if self._over:
            return
        self._over = True
        if not self.settled.done():
            self.settled.set_result(outcome)
        if self._channel is not None:
            self._channel.forget(self)

    def done(self) -> bool:
        """Is its fate known."""
        return self._over

    def cancelled(self) -> bool:
        """Never: who gives up waiting does not call the message back."""
        return False

    def set_result(self, answer: object) -> None:
        """The broker confirmed it, or (with the message itself as the answer) returned it."""
        if isinstance(answer, DeliveredMessage):
            reason = getattr(answer.delivery, "reply_text", None) or "returned"
            self.settle(Unroutable(f"no queue takes it ({reason})", self.message))
        else:
            self.settle(None)

    def set_exception(self, error: BaseException) -> None:
        """The broker answered with a nack."""
        self.settle(Refused(f"the broker refused it ({error})", self.message))


class ConfirmChannel:
    """One channel for one exchange, so that a missing exchange or right closes nobody else's channel."""

    def __init__(
        self, link: Link, channel: AbstractChannel, underlay: UnderlayChannel, settled: Callable[[], None]
    ) -> None:
        self.link = link
        self._loop = asyncio.get_running_loop()
        self._channel = channel
        self._underlay = underlay
        self._confirmations = cast("MutableMapping[int, Ticket]", underlay.confirmations)
        self._settled = settled
        self._tag = 0
        self._in_flight: dict[int, Ticket] = {}
        self._mandatory: dict[str, Ticket] = {}
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._heads: dict[tuple[str, bool], bytes] = {}
        self._undrained = 0
        underlay.closing.add_done_callback(self._on_closing)
        # The link knows of a loss at once; closing its channels may take as long as the socket hangs.
        link.lost.add_done_callback(self._on_lost)

    @classmethod
    async def open(cls, link: Link, *, settled: Callable[[], None], within: float = 10) -> ConfirmChannel:
        """Open it on a live link.

        Args:
            link: the connection.
            settled: called once for each message of `send` when its fate is known.
            within: seconds.

        Raises:
            ChannelLost: the connection went meanwhile, or the broker did not answer.
        """
        try:
            channel = link.connection.channel(publisher_confirms=True, on_return_raises=False)
            async with asyncio.timeout(within):
                await channel.initialize()
            underlay = await channel.get_underlay_channel()
        except (AMQPError, OSError, RuntimeError) as error:
            # RuntimeError: aiormq's word for "the connection or channel is closed by now".
            raise ChannelLost(f"no channel: {error!r}") from error
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            raise ChannelLost("no channel: the connection went meanwhile") from error
        if not isinstance(underlay, UnderlayChannel) or not all(hasattr(underlay, name) for name in _INSIDES):
            raise TypeError(
                "this aiormq has another channel than 7.2: publishers/framing.py has to be brought up to it"
            )
        return cls(link, channel, underlay, settled)

    @property
    def is_open(self) -> bool:
        """False from the moment of its closing on."""
        return not self._closed.done()

    def busy(self, ticket: Ticket) -> Ticket | None:
        """The earlier mandatory message of the same id whose fate is still awaited, if there is one."""
        return self._mandatory.get(ticket.message_id) if ticket.message.mandatory else None

    async def send(self, batch: Sequence[Ticket]) -> None:
        """Put the batch on the wire in order; each ticket is settled when its fate is known.

        No two mandatory messages of one id may be in it, nor one that is `busy`. Where this is cancelled or fails,
        nothing of it was sent.

        Raises:
            ChannelLost: nothing of it was sent.
        """
        prepared = [self._prepared(ticket.message, ticket.message_id) for ticket in batch]
        queue = self._underlay.write_queue
        while self.is_open and queue.full():
            await self._or_closed(asyncio.ensure_future(queue.join()))
        if not self.is_open:
            raise ChannelLost("the channel closed before anything was sent")
        # From here to put_nowait nothing awaits: delivery tags count what the broker reads, in its order.
        payload = bytearray()
        for ticket, ready in zip(batch, prepared, strict=True):
            if isinstance(ready, PublishError):
                ticket.settle(ready)
                self._settled()
            else:
                payload += ready
                self._register(ticket)
        if payload:
            queue.put_nowait(ChannelFrame(bytes(payload), should_close=False))
            self._undrained += len(payload)

    async def drained(self) -> None:
        """Wait while the socket takes no more (TCP back-pressure); looks every 64 kB and returns at once else."""
        if self._undrained < _DRAIN_EVERY or not self.is_open or self._underlay.write_queue.full():
            return
        self._undrained = 0
        drained: asyncio.Future[None] = self._loop.create_future()
        self._underlay.write_queue.put_nowait(ChannelFrame(b"", should_close=False, drain_future=drained))
        await self._or_closed(drained)

    async def close(self) -> None:
        """Close the channel; what is in flight becomes `Unconfirmed`."""
        if self.is_open:
            await self._channel.close()

    def forget(self, ticket: Ticket) -> None:
        """Take a settled message off the books."""
        if self._in_flight.pop(ticket.tag, None) is None:
            return
        if self._mandatory.get(ticket.message_id) is ticket:
            del self._mandatory[ticket.message_id]
            self._underlay.message_id_delivery_tag.pop(ticket.message_id, None)
        self._settled()

    def _register(self, ticket: Ticket) -> None:
        self._tag += 1
        ticket.sent(self, self._tag)
        self._in_flight[self._tag] = self._confirmations[self._tag] = ticket
        if ticket.message.mandatory:
            self._mandatory[ticket.message_id] = ticket
            self._underlay.message_id_delivery_tag[ticket.message_id] = self._tag

    def _prepared(self, message: Outgoing, message_id: str) -> bytes | PublishError:
        number = self._underlay.number
        size = self._underlay.max_content_size
        body = message.body
        try:
            head = self._head(message)
            header = content_header(
                number,
                len(body),
                content_type=message.content_type,
                headers=message.headers,
                message_id=message_id,
                type_=message.type,
            )
        except (ValueError, TypeError, struct.error) as error:
            # pamqp's words for a short string over 255 bytes, a header value that AMQP has no type for, …
            return Refused(f"it cannot be written as AMQP ({error})", message)
        if len(header) > size:
            # A header cannot be split over frames: sent all the same, it would cost every neighbour the connection.
            return Refused(f"its headers take {len(header)} bytes, the broker takes {size}", message)
        return b"".join((head, header, *content_body(number, body, size)))

    def _head(self, message: Outgoing) -> bytes:
        key = (message.routing_key, message.mandatory)
        head = self._heads.get(key)
        if head is None:
            frame = Basic.Publish(
                exchange=message.exchange, routing_key=message.routing_key, mandatory=message.mandatory
            )
            head = marshal(frame, self._underlay.number)
            if len(self._heads) < _HEADS:
                self._heads[key] = head
        return head

    async def _or_closed(self, what: asyncio.Future[None]) -> None:
        try:
            await asyncio.wait({what, self._closed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            what.cancel()

    def _on_closing(self, closing: asyncio.Future[object]) -> None:
        self._end(None if closing.cancelled() else closing.exception())

    def _on_lost(self, lost: asyncio.Future[str]) -> None:
        self._end(ConnectionError(lost.result()))

    def _end(self, error: BaseException | None) -> None:
        if not self._closed.done():
            self._closed.set_result(None)
        for ticket in list(self._in_flight.values()):
            ticket.settle(_fate(error, ticket.message))


def _fate(error: BaseException | None, message: Outgoing) -> PublishError:
    """What the closing of its channel means for a message in flight.

    RabbitMQ closes the channel for a missing exchange or a missing right and names what it was about, so that those
    it names are refused and their neighbours merely unconfirmed.
    """
    text = str(error)
    if isinstance(error, ChannelNotFoundEntity) and f"'{message.exchange}'" in text:
        return Refused(f"the exchange does not exist ({text}); `relay topology apply` makes it", message)
    if isinstance(error, ChannelAccessRefused):
        about_topic = "access to topic" in text
        if not about_topic or f"'{message.routing_key}'" in text:
            hint = "`relay topology show --permissions` prints the rights that each user needs"
            return Refused(f"the broker's user may not publish this ({text}); {hint}", message)
    cause = text if error is not None and text else "the channel closed"
    return Unconfirmed(f"the line broke before the broker confirmed it ({cause}): it may have arrived", message)
