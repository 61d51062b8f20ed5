"""One message as the broker delivered it, our headers read, and the ways in which a delivery can end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from consumer.domain import history

if TYPE_CHECKING:
    from collections.abc import Mapping

ATTEMPT = "x-relay-attempt"
ROUTING_KEY = "x-relay-routing-key"
HISTORY = "x-relay-history"
FIRST_SEEN = "x-relay-first-seen"
SNOOZED = "x-relay-snoozed"
LANE = "x-relay-lane"
ERROR = "x-relay-error"
REPLAY = "x-relay-replay"
DELIVERY_COUNT = "x-delivery-count"

_MOST_MILLISECONDS = 10**12
_LONGEST_ID = 128
_MOST_ATTEMPTS = 1000
_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
_CLOCKS_APART = timedelta(days=1)


class Settlement(StrEnum):
    """How a delivery ends for the broker."""

    ACK = "ack"
    """Its fate is durable elsewhere (our database, or another queue that confirmed it)."""
    REQUEUE = "requeue"
    """Only for dead-letter queues, whose delivery limit allows it."""
    LEAVE = "leave"
    """Nothing durable happened: leave it to the broker, which delivers it again."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery without its receipt.

    Attributes:
        queue: the queue that it came from.
        body: untouched bytes.
        routing_key: as delivered; after a delayed retry this is the lane's name.
        headers: untouched.
        message_id: AMQP ``message_id``.
        content_type: AMQP ``content_type``.
        received_at: when we got it (aware, UTC).
    """

    queue: str
    body: bytes
    routing_key: str
    headers: Mapping[str, Any]
    message_id: str | None
    content_type: str | None
    received_at: datetime

    @property
    def event_routing_key(self) -> str:
        """The first routing key; ``type`` is compared with it (DESIGN section 3).

        Our header is believed only on what came back through a retry queue, under the lane's name: the broker's rights
        hold for the routing key that it sees, and a publisher must not be able to say that it was another.
        """
        first = _text(self.headers.get(ROUTING_KEY)) if self.routing_key == self.queue else None
        return first or self.routing_key

    @property
    def readable_message_id(self) -> str | None:
        """The AMQP ``message_id``, where it is fit to be shown and to be a key: printable, at most 128 characters."""
        given = self.message_id or ""
        return given if given.strip() and given.isprintable() and len(given) <= _LONGEST_ID else None

    @property
    def attempt(self) -> int:
        """Number of this attempt, 1 for the first. A header that cannot be ours counts as 1."""
        value = self.headers.get(ATTEMPT, 1)
        usable = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MOST_ATTEMPTS
        return value if usable else 1

    @property
    def snoozed(self) -> timedelta:
        """How long the event has been snoozed in all (header ``x-relay-snoozed``, milliseconds)."""
        value = self.headers.get(SNOOZED, 0)
        usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_MILLISECONDS
        return timedelta(milliseconds=value) if usable else timedelta(0)

    @property
    def first_seen(self) -> datetime:
        """When the service first had this event in hand."""
        stamp = _text(self.headers.get(FIRST_SEEN))
        if stamp is None:
            return self.received_at
        try:
            seen = datetime.fromisoformat(stamp)
        except ValueError:
            return self.received_at
        if seen.tzinfo is None:
            seen = seen.replace(tzinfo=UTC)
        # What cannot be ours is not believed; it might not even be a time that a database can hold.
        return seen if _OLDEST <= seen <= self.received_at + _CLOCKS_APART else self.received_at

    @property
    def replay(self) -> str | None:
        """The replay that it says it comes from (header ``x-relay-replay``); believed where the books know of it."""
        given = _text(self.headers.get(REPLAY))
        return given if given and given.isprintable() and len(given) <= _LONGEST_ID else None

    @property
    def delivery_count(self) -> int:
        """Returns counted by the quorum queue (``x-delivery-count``), 0 at first."""
        value = self.headers.get(DELIVERY_COUNT, 0)
        return value if isinstance(value, int) else 0

    @property
    def history(self) -> list[dict[str, Any]]:
        """Earlier attempts (`consumer.domain.history`)."""
        text = _text(self.headers.get(HISTORY))
        return [] if text is None else history.read(text)


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None
