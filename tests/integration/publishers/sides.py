"""The two sides of the conformance suite, each with the same few ways to look at it: the fake, and a real broker."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel

from publishers.listening import ResultListener
from publishers.order_system import OrderSystemEvents
from publishers.orders import RelayPublisher
from publishers.reading import ResultReader
from publishers.sequences import SequenceStore
from publishers.testing import FakeRelay
from rabbitmq.topology import RESULTS
from schemas.codec import encode, new_event
from schemas.faults import InvalidEvent
from schemas.results import OrderConfirmed
from tests.integration.publishers.line import drain

SOURCE = "/shop/orders"
Unreadable = Callable[[bytes, InvalidEvent], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came to `relay.events`."""

    routing_key: str
    message_id: str | None
    type: str | None
    content_type: str | None
    body: bytes


class Side(Protocol):
    """One side."""

    @property
    def relay(self) -> OrderSystemEvents:
        """The client."""

    async def arrived(self) -> list[Arrived]:
        """What came since the last look."""

    def listener(
        self,
        types: Sequence[str] = ("#",),
        *,
        sequences: SequenceStore | None = None,
        on_unreadable: Unreadable | None = None,
        attempts: int = 5,
    ) -> ResultReader:
        """A listener, not yet open."""

    async def send(self, body: bytes, routing_key: str) -> None:
        """A message on `relay.results`."""

    async def parked(self) -> list[bytes]:
        """Bodies that the listener put aside."""


class FakeSide:
    """`publishers.testing`."""

    def __init__(self, relay: FakeRelay) -> None:
        self.relay = relay
        self._seen = 0
        self._parked: list[bytes] = []

    async def arrived(self) -> list[Arrived]:
        new, self._seen = self.relay.messages[self._seen :], len(self.relay.messages)
        return [Arrived(m.routing_key, m.message_id, m.type, m.content_type, m.body) for m in new]

    def listener(
        self,
        types: Sequence[str] = ("#",),
        *,
        sequences: SequenceStore | None = None,
        on_unreadable: Unreadable | None = None,
        attempts: int = 5,
    ) -> ResultReader:
        listener = self.relay.listener(types, sequences=sequences, on_unreadable=on_unreadable, attempts=attempts)
        self._parked = listener.parked
        return listener

    async def send(self, body: bytes, routing_key: str) -> None:
        self.relay.deliver(body, routing_key=routing_key)

    async def parked(self) -> list[bytes]:
        return list(self._parked)


class RealSide:
    """A broker."""

    def __init__(self, url: str, relay: RelayPublisher, channel: AbstractChannel) -> None:
        self.relay = relay
        self._url = url
        self._channel = channel

    async def arrived(self) -> list[Arrived]:
        messages = await drain(self._channel, "seen")
        return [Arrived(m.routing_key or "", m.message_id, m.type, m.content_type, m.body) for m in messages]

    def listener(
        self,
        types: Sequence[str] = ("#",),
        *,
        sequences: SequenceStore | None = None,
        on_unreadable: Unreadable | None = None,
        attempts: int = 5,
    ) -> ResultReader:
        return ResultListener(
            self._url,
            queue="shop.results",
            types=types,
            sequences=sequences,
            on_unreadable=on_unreadable,
            attempts=attempts,
            first_pause=0.01,
        )

    async def send(self, body: bytes, routing_key: str) -> None:
        exchange = await self._channel.get_exchange(RESULTS, ensure=False)
        await exchange.publish(
            aio_pika.Message(body, delivery_mode=2, message_id=str(uuid4())), routing_key, mandatory=False
        )

    async def parked(self) -> list[bytes]:
        return [message.body for message in await drain(self._channel, "shop.results.dlq")]


def a_result(so_id: str, sequence: int) -> OrderConfirmed:
    return OrderConfirmed(
        so_id=so_id,
        online_no="1",
        source_system=None,
        version=1,
        state="confirmed",
        sequence=sequence,
        occurred_at=datetime(2026, 1, 31, tzinfo=UTC),
        retail_order_no=None,
        ext_order_no=None,
    )


def encoded(so_id: str, sequence: int, *, id_: str | None = None) -> bytes:
    """A result about an order, as the service sends it."""
    return encode(new_event("order.confirmed", a_result(so_id, sequence), source="/haier-relay", id_=id_))
