"""Sends a message on within the broker: round through a retry queue, or into a dead-letter queue.

Each is published with a confirm and ``mandatory``; only then may the delivery be acked. While the broker refuses or is
away the courier keeps trying, within what a delivery may be held for; after that the delivery is left to the broker.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from consumer.domain import delivery as headers
from consumer.domain.delivery import Delivery, Settlement
from consumer.domain.history import Entry, extended, to_text
from consumer.observability.logging import get_logger
from publishers.confirms import Outgoing, PublishError
from rabbitmq.connection import CHANNEL_ERRORS
from rabbitmq.topology import retry_queue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pamqp.common import FieldValue

    from consumer.domain.letters import ErrorNote
    from publishers.confirms import ConfirmedPublisher

log = get_logger(__name__)

# Set by the broker for its own purposes, or written anew by us: never carried over to the next hop.
# CC and BCC: the broker routes by them too (RabbitMQ, "Sender-selected Distribution"): the publisher would choose.
_NOT_CARRIED = frozenset({headers.DELIVERY_COUNT, "x-death", "CC", "BCC"})
_NOT_CARRIED_PREFIXES = ("x-first-death-", "x-last-death-", "x-acquired-")

_OURS = "x-relay-"
_ROOM = 60_000
"""Characters of a publisher's own headers that are carried: a frame holds 128 kB, and ours have to fit beside them."""
_TRIES = 8
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0


class Courier:
    """Publishes retries, snoozes and dead letters for one lane.

    Args:
        lane: the lane's queue name; what comes back from a retry queue is routed by it.
        publisher: confirmed publisher on its own connection.
        repair: declares the topology again, for a queue that somebody deleted.
    """

    def __init__(self, lane: str, publisher: ConfirmedPublisher, repair: Callable[[], Awaitable[None]]) -> None:
        self._lane = lane
        self._publisher = publisher
        self._repair = repair

    async def retry(self, delivery: Delivery, failed: Entry, *, delay: timedelta, attempt: int) -> Settlement:
        """Send ``delivery`` round as ``attempt`` after ``delay``, its history extended by the one that ``failed``."""
        extra = {headers.ATTEMPT: attempt, headers.HISTORY: to_text(extended(delivery.history, failed))}
        return await self._send(self._round(delivery, delay, extra))

    async def snooze(self, delivery: Delivery, *, delay: timedelta) -> Settlement:
        """Send ``delivery`` round with its attempt unchanged, its own wait counted."""
        waited = (delivery.snoozed + delay) // timedelta(milliseconds=1)
        return await self._send(
            self._round(delivery, delay, {headers.ATTEMPT: delivery.attempt, headers.SNOOZED: waited})
        )

    async def sit_out(self, delivery: Delivery, *, delay: timedelta) -> Settlement:
        """Send ``delivery`` round while its lane rests: neither an attempt nor a wait of its own."""
        return await self._send(self._round(delivery, delay, {headers.ATTEMPT: delivery.attempt}))

    async def dead_letter(self, delivery: Delivery, note: ErrorNote, failed: Entry) -> Settlement:
        """Park ``delivery`` in the lane's dead-letter queue, with why; ``failed`` is its last attempt."""
        extra = {
            headers.ATTEMPT: delivery.attempt,
            headers.HISTORY: to_text(extended(delivery.history, failed)),
            headers.LANE: self._lane,
            headers.ERROR: note.to_header(),
        }
        return await self._send(self._copy(delivery, exchange="", routing_key=f"{self._lane}.dlq", extra=extra))

    async def _try_repair(self) -> None:
        try:
            await self._repair()
        except CHANNEL_ERRORS as error:
            log.warning("topology not declared again", lane=self._lane, error=error)

    def _round(self, delivery: Delivery, delay: timedelta, extra: dict[str, Any]) -> Outgoing:
        return self._copy(delivery, exchange=retry_queue(delay), routing_key=self._lane, extra=extra)

    def _copy(self, delivery: Delivery, *, exchange: str, routing_key: str, extra: dict[str, Any]) -> Outgoing:
        carried = {
            name: value
            for name, value in delivery.headers.items()
            if name not in _NOT_CARRIED and not name.startswith(_NOT_CARRIED_PREFIXES)
        }
        carried = _fitting(carried)
        carried[headers.ROUTING_KEY] = delivery.event_routing_key
        carried[headers.FIRST_SEEN] = delivery.first_seen.isoformat()
        carried.update(extra)
        return Outgoing(
            exchange=exchange,
            routing_key=routing_key,
            body=delivery.body,
            message_id=delivery.message_id,
            content_type=delivery.content_type or "application/octet-stream",
            headers=carried,
            type=None,
            mandatory=True,
        )

    async def _send(self, message: Outgoing) -> Settlement:
        pause = _FIRST_PAUSE
        for _ in range(_TRIES):
            try:
                await self._publisher.publish(message)
            except PublishError as error:
                log.warning(
                    "message could not be sent on; trying again",
                    lane=self._lane,
                    exchange=message.exchange,
                    routing_key=message.routing_key,
                    error=type(error).__name__,
                    pause=pause,
                )
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                await self._try_repair()
            else:
                return Settlement.ACK
        return Settlement.LEAVE


def _fitting(carried: dict[str, FieldValue]) -> dict[str, FieldValue]:
    """Return the headers that can be sent on: all of them, or ours alone where the publisher's take too much room."""
    theirs = sum(len(name) + len(str(value)) for name, value in carried.items() if not name.startswith(_OURS))
    if theirs <= _ROOM:
        return carried
    log.warning("a message's own headers are too large to be sent on with it; they are left out", size=theirs)
    return {name: value for name, value in carried.items() if name.startswith(_OURS)}
