"""One message as the broker delivered it, our headers read, and the ways in which a delivery can end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

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

_MAX_HISTORY = 64
_MOST_MILLISECONDS = 10**12


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
        """The first routing key; ``type`` is compared with it (DESIGN section 3)."""
        return _text(self.headers.get(ROUTING_KEY)) or self.routing_key

    @property
    def attempt(self) -> int:
        """Number of this attempt, 1 for the first. A header that is no number counts as 1: it is not ours."""
        value = self.headers.get(ATTEMPT, 1)
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 1

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
        return seen if seen.tzinfo is not None else seen.replace(tzinfo=UTC)

    @property
    def delivery_count(self) -> int:
        """Returns counted by the quorum queue (``x-delivery-count``), 0 at first."""
        value = self.headers.get(DELIVERY_COUNT, 0)
        return value if isinstance(value, int) else 0

    @property
    def history(self) -> list[dict[str, Any]]:
        """Earlier attempts: a list of {attempt, at, class, code, message}."""
        raw = _text(self.headers.get(HISTORY))
        if raw is None:
            return []
        try:
            entries = json.loads(raw)
        except ValueError:
            return []
        return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def extended_history(
    delivery: Delivery, *, at: datetime, error_class: str, code: str, message: str
) -> list[dict[str, Any]]:
    """Return the history with this attempt's failure appended; the oldest entries give way beyond 64."""
    entry = {
        "attempt": delivery.attempt,
        "at": at.isoformat(),
        "class": error_class,
        "code": code,
        "message": message[:500],
    }
    return [*delivery.history, entry][-_MAX_HISTORY:]


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None
