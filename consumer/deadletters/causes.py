"""Why a message lies in the dead letters: our own note on it, the contract's objection, or the broker's doing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain import delivery as headers
from consumer.domain.errors import ErrorClass
from consumer.domain.letters import ErrorNote, note_of
from consumer.observability.logging import get_logger
from rabbitmq.topology import UNROUTABLE
from schemas.codec import decode
from schemas.faults import FieldError, InvalidEvent
from schemas.registry import INBOUND

if TYPE_CHECKING:
    from consumer.domain.delivery import Delivery
    from schemas.envelope import Event

log = get_logger(__name__)

_REASONS = {
    "delivery_limit": "it was given back more often than its queue allows",
    "expired": "it lay in its queue for longer than it may",
    "maxlen": "its queue was full",
    "rejected": "a consumer turned it down without saying why",
}


def cause(delivery: Delivery, max_bytes: int) -> tuple[ErrorNote, Event | None, InvalidEvent | None]:
    """Return why the message is here, the event if it can be read, and the contract's objection if there is one."""
    try:
        event = decode(delivery.body, routing_key=None, max_bytes=max_bytes)
    except InvalidEvent as error:
        # What others misroute never passed through our hands: no note on it is ours.
        stored = None if delivery.queue == UNROUTABLE else _stored_note(delivery)
        return stored or note_of(error), None, error
    if delivery.queue == UNROUTABLE:
        misrouted = _misrouted(delivery, event.type)
        return note_of(misrouted), event, misrouted
    stored = _stored_note(delivery)
    if stored is None:
        return _by_the_broker(delivery), event, None
    if stored.error_class is ErrorClass.INVALID_EVENT:
        return stored, event, InvalidEvent([FieldError("body", "an event of the contract", stored.message[:100])])
    return stored, event, None


def _stored_note(delivery: Delivery) -> ErrorNote | None:
    text = delivery.headers.get(headers.ERROR)
    if not isinstance(text, str):
        return None
    try:
        return ErrorNote.from_header(text)
    except ValueError:
        # Somebody else wrote it; the letter keeps the headers untouched.
        log.warning("unreadable error note on a dead letter", queue=delivery.queue)
        return None


def _misrouted(delivery: Delivery, type_: str) -> InvalidEvent:
    expected = (
        f"the routing key to equal the type, {type_!r}"
        if type_ in INBOUND
        else f"one of the types that are taken in: {', '.join(sorted(INBOUND))}"
    )
    return InvalidEvent(
        [FieldError("type", expected, f"{type_!r} under routing key {delivery.event_routing_key!r}"[:100])], type_=type_
    )


def _by_the_broker(delivery: Delivery) -> ErrorNote:
    """Name what the broker dead-lettered by itself (RabbitMQ, "Dead Letter Exchanges", ``x-death``)."""
    deaths = delivery.headers.get("x-death")
    first = deaths[0] if isinstance(deaths, list) and deaths else None
    reason = first.get("reason") if isinstance(first, dict) else None
    if not isinstance(reason, str) or reason not in _REASONS:
        reason = "unknown"
    return ErrorNote(
        error_class=ErrorClass.BUG,
        code=f"broker_{reason}",
        message=f"the broker dead-lettered it (reason {reason}): {_REASONS.get(reason, 'it does not say more')}",
    )
