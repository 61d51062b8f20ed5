"""The process's consuming connection: kept open, and the topology declared on it before anybody consumes.

Declared anew on every connection: a broker that came back without its data gets its shape back, and on one that has it
all this changes nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiormq.exceptions import ChannelNotFoundEntity

from consumer.observability.logging import get_logger
from publishers.supervision import Link, Supervised
from rabbitmq.connection import CHANNEL_ERRORS, own_cancels_only
from rabbitmq.declaring import TopologyConflict, TopologyRefused, apply, check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbitmq.topology import Topology

log = get_logger(__name__)

_BREATH = 1.0


class Broker:
    """A supervised connection on whose links the topology holds.

    Args:
        url: AMQP URL.
        name: the connection's name, as the broker shows it.
        topology: what has to exist.
    """

    def __init__(self, url: str, *, name: str, topology: Topology) -> None:
        self._connection = Supervised(url, name=name)
        self._topology = topology
        self._prepared: Link | None = None
        self._preparing = asyncio.Lock()

    @property
    def is_up(self) -> bool:
        """Is there a live connection."""
        return self._connection.is_up

    def start(self) -> None:
        """Begin to connect; does not wait for the broker."""
        self._connection.start()

    async def close(self) -> None:
        """Close the connection; what is unacked is delivered again to somebody."""
        await self._connection.close()

    async def link(self) -> Link:
        """Return the live connection with the topology declared on it; waits as long as it takes.

        Raises:
            TopologyConflict: a queue of our name has another shape; a person has to decide.
            TopologyRefused: the broker's user may not declare.
        """
        while True:
            link = await self._connection.link(None)
            if link is None:
                raise ConnectionError("the connection to RabbitMQ was closed by ourselves")
            async with self._preparing:
                if self._prepared is link or await self._declare(link):
                    return link
            await asyncio.sleep(_BREATH)

    async def repair(self) -> None:
        """Declare the topology again, for something that was deleted while we were connected."""
        self._prepared = None
        link = await self._connection.link(_BREATH)
        if link is not None:
            async with self._preparing:
                await self._declare(link)

    async def depths(self, queues: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Return messages and consumers of each of ``queues`` by passive declares; one that is missing is left out."""
        link = await self.link()
        transport = link.connection.transport
        if transport is None:
            raise ConnectionError("the connection closed before the queues could be asked for")
        found = {}
        with own_cancels_only():
            for queue in queues:
                channel = await transport.connection.channel(publisher_confirms=False)
                try:
                    declared = await channel.queue_declare(queue, passive=True)
                except ChannelNotFoundEntity:
                    # The broker has closed this channel over it.
                    continue
                found[queue] = (declared.message_count or 0, declared.consumer_count or 0)
                await channel.close()
        return found

    async def _apply_or_check(self, link: Link) -> None:
        with own_cancels_only():
            try:
                await apply(link.connection, self._topology)
            except TopologyRefused:
                # A user that may only read and write is enough where somebody else has declared it all.
                if await check(link.connection, self._topology):
                    raise

    async def _declare(self, link: Link) -> bool:
        try:
            await self._apply_or_check(link)
        except (TopologyConflict, TopologyRefused):
            raise
        except CHANNEL_ERRORS as error:
            log.warning("topology not declared; trying again", error=type(error).__name__)
            return False
        self._prepared = link
        return True
