"""Where a callback goes before anybody is told "success": to the broker with a confirm, else to the outbox.

The broker is asked first, for a bounded time. While it is known to be away nobody waits for it: the callback goes into
the outbox table at once, from where `relay consume` sends it: only with both away it is refused, for nobody knows
whether YLH sends again. A message whose confirm came too late may be there twice: under one id, in the same bytes,
which the inbox takes for one.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from consumer.callbacks.reading import SOURCE
from consumer.domain.errors import RelayError
from consumer.domain.writes import InboxKey, OutboxMessage, UnitOfWork
from consumer.observability.logging import get_logger
from publishers.outgoing import Outgoing, PublishError
from rabbitmq.topology import EVENTS

if TYPE_CHECKING:
    from consumer.callbacks.reading import Read
    from consumer.domain.writes import InboxEntry

log = get_logger(__name__)

BROKER_WITHIN: Final = 1.0
"""Seconds for a confirm; a quorum queue takes some milliseconds."""
BOOKS_WITHIN: Final = 5.0
"""Seconds for a commit."""
REST: Final = 1.0
"""Seconds for which nobody waits for a broker that has just let one wait in vain."""
RUN: Final = "received"
"""``run`` in the key of outbox rows. Under the event's own key a duplicate of the event would send the event again."""


class Publisher(Protocol):
    """What publishes with a confirm (`publishers.confirms.ConfirmedPublisher`)."""

    @property
    def is_connected(self) -> bool:
        """Is there a live connection right now."""
        ...

    async def publish(self, message: Outgoing) -> None:
        """Return once the broker has taken ``message`` over; raise a `PublishError` if it has not."""
        ...


class Books(Protocol):
    """What the receiver needs of our state."""

    async def commit(self, unit: UnitOfWork) -> None:
        """Commit ``unit`` whole, durable on return."""
        ...

    async def inbox(self, key: InboxKey) -> InboxEntry | None:
        """Return how an event ended, or None."""
        ...


class Way(StrEnum):
    """Where a callback is durable now."""

    BROKER = "taken"
    OUTBOX = "stored"


class NotTaken(Exception):
    """Neither the broker nor the database has it."""


class Taking:
    """Makes callbacks durable.

    Args:
        publisher: with a connection of its own.
        books: our state.
    """

    def __init__(self, publisher: Publisher, books: Books) -> None:
        self._publisher = publisher
        self._books = books
        self._rests_until = 0.0

    async def take(self, event: Read) -> Way:
        """Return where ``event`` is durable.

        Raises:
            NotTaken: it is nowhere for certain.
        """
        if await self._published(event):
            return Way.BROKER
        await self._stored(event)
        return Way.OUTBOX

    async def _published(self, event: Read) -> bool:
        clock = asyncio.get_running_loop().time
        if not self._publisher.is_connected or clock() < self._rests_until:
            return False
        message = Outgoing(
            exchange=EVENTS, routing_key=event.type, body=event.body, message_id=event.id, type=event.type
        )
        try:
            async with asyncio.timeout(BROKER_WITHIN):
                await self._publisher.publish(message)
        except (PublishError, TimeoutError) as error:
            if clock() >= self._rests_until:
                # Once for each rest, not for each callback.
                log.warning("the broker did not confirm a callback: it goes to the outbox", error=error)
            self._rests_until = clock() + REST
            return False
        return True

    async def _stored(self, event: Read) -> None:
        row = OutboxMessage(
            id=event.id,
            key=InboxKey(SOURCE, event.id, RUN),
            exchange=EVENTS,
            routing_key=event.type,
            body=event.body,
            mandatory=True,
            created_at=datetime.now(UTC),
        )
        await committed(self._books, UnitOfWork((row,)))


async def committed(books: Books, unit: UnitOfWork) -> None:
    """Commit ``unit`` within `BOOKS_WITHIN`.

    Raises:
        NotTaken: the database did not say that it holds.
    """
    try:
        async with asyncio.timeout(BOOKS_WITHIN):
            await books.commit(unit)
    except (RelayError, TimeoutError) as error:
        log.warning("a callback could not be stored: YLH is told to send it again", error=error)
        raise NotTaken from error
