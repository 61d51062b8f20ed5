"""What the benchmark does at the broker: lay the backlog out, count from outside, read the results back."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiormq.exceptions import ChannelNotFoundEntity

from publishers.confirms import ConfirmedPublisher
from rabbitmq.connection import connect
from rabbitmq.declaring import apply
from rabbitmq.topology import RESULTS, Topology

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage

    from publishers.outgoing import Outgoing

COUNTED: Final = "relay.benchmark.results"
"""Takes the results in `_RESULTS`. A quorum queue like all of ours."""

_RESULTS: Final = ("order.push.succeeded", "product.changed", "price.changed", "stock.changed")
"""The one that every contestant publishes for an order, and those of a catalogue."""

_READING: Final = 60
"""Seconds to read all results back."""


class BrokerInUse(RuntimeError):
    """The broker that was named holds messages or consumers of a relay; emptying its queues would lose them."""


@dataclass(frozen=True, slots=True)
class BrokerSide:
    """The benchmark's own connection."""

    url: str
    version: str
    _connection: AbstractConnection
    _channel: AbstractChannel
    _queues: tuple[str, ...]

    async def fill(self, backlog: Iterable[Sequence[Outgoing]]) -> None:
        """Empty all queues, then publish a backlog, confirmed."""
        await self.empty()
        async with ConfirmedPublisher(self.url, name="relay benchmark: backlog") as publisher:
            for chunk in backlog:
                for error in await publisher.publish_many(chunk):
                    if error is not None:
                        raise error

    async def empty(self) -> None:
        """Empty all queues."""
        for queue in (*self._queues, COUNTED):
            await (await self._channel.get_queue(queue, ensure=False)).purge()

    async def ready(self, queue: str) -> int:
        """Messages in ``queue`` that no consumer holds."""
        return (await self._channel.declare_queue(queue, passive=True)).declaration_result.message_count or 0

    async def consumers(self, queue: str) -> int:
        """Who takes from ``queue``."""
        return (await self._channel.declare_queue(queue, passive=True)).declaration_result.consumer_count or 0

    async def publish(self, event: Outgoing) -> None:
        """Publish one event, confirmed."""
        async with ConfirmedPublisher(self.url, name="relay benchmark: request") as publisher:
            [error] = await publisher.publish_many([event])
            if error is not None:
                raise error

    @asynccontextmanager
    async def hearing(self, told: Callable[[str], None]) -> AsyncIterator[None]:
        """Tell the order of each result as soon as it comes, for the length of the block."""
        queue = await self._channel.get_queue(COUNTED, ensure=False)

        async def take(message: AbstractIncomingMessage) -> None:
            told(str(json.loads(message.body)["subject"]))

        tag = await queue.consume(take, no_ack=True)
        try:
            yield
        finally:
            await queue.cancel(tag)

    async def subjects(self) -> list[str]:
        """Take all results from `COUNTED`; the order of each, in the order in which they came."""
        expected = await self.ready(COUNTED)
        found: list[str] = []
        complete = asyncio.Event()

        def take(subject: str) -> None:
            found.append(subject)
            if len(found) >= expected:
                complete.set()

        if expected:
            async with self.hearing(take):
                await asyncio.wait_for(complete.wait(), _READING)
        return found


@asynccontextmanager
async def broker_side(url: str) -> AsyncIterator[BrokerSide]:
    """Connect, declare the topology and a queue that counts results.

    Raises:
        BrokerInUse: some queue of ours there is not empty, or has a consumer.
    """
    topology = Topology.build()
    queues = tuple(queue.name for queue in topology.queues)
    connection = await connect(url, name="relay benchmark")
    async with connection:
        await _refuse_if_in_use(connection, queues)
        await apply(connection, topology)
        channel = await connection.channel()
        counted = await channel.declare_queue(COUNTED, durable=True, arguments={"x-queue-type": "quorum"})
        for type_ in _RESULTS:
            await counted.bind(RESULTS, type_)
        transport = connection.transport
        told = transport.connection.server_properties.get("version") if transport is not None else None
        version = told.decode() if isinstance(told, bytes) else str(told)
        side = BrokerSide(url, version, connection, channel, queues)
        try:
            yield side
        finally:
            await side.empty()
            await counted.delete(if_unused=False, if_empty=False)


async def _refuse_if_in_use(connection: AbstractConnection, queues: tuple[str, ...]) -> None:
    for queue in queues:
        async with connection.channel() as channel:
            try:
                found = (await channel.declare_queue(queue, passive=True)).declaration_result
            except ChannelNotFoundEntity:
                continue
        if found.message_count or found.consumer_count:
            raise BrokerInUse(
                f"Queue {queue} holds {found.message_count} messages and has {found.consumer_count} consumers. The "
                "benchmark empties all queues of the relay: point RELAY_AMQP_URL at another broker or an empty virtual "
                "host, or leave it unset for a broker of its own."
            )
