"""From an order system's keyword arguments to a checked event, before anything is sent; pure.

Two rules are ours. A value that breaks the contract is told with the words of `schemas` and without the library's error
behind it, for that one quotes what was given: name, telephone number, address. And an event whose id the caller chose
carries no time of its own making, so that building it again gives the same body: the service takes the same id with
another body for a mistake (EVENTS, envelope).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from schemas.codec import MAX_EVENT_BYTES, encode, new_event
from schemas.faults import FieldError, InvalidEvent, field_errors, shown
from schemas.registry import INBOUND

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from schemas.envelope import Event

SENDABLE: Final = frozenset(type_ for type_ in INBOUND if not type_.startswith("supplier.callback."))
"""What an order system may send; callbacks are the callback receiver's (EVENTS, "In")."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a caller may say about the envelope."""

    event_id: str | None = None
    time: datetime | None = None
    correlationid: str | None = None
    traceparent: str | None = None


def make_event(
    type_: str,
    values: Mapping[str, object],
    *,
    source: str,
    attributes: Attributes,
) -> Event:
    """Check the values and make the event; what is None counts as left out.

    Raises:
        InvalidEvent: names each field at fault, such as `data.items.0.quantity`.
    """
    check_sendable(type_)
    given = {name: value for name, value in values.items() if value is not None}
    try:
        data = INBOUND[type_].model_validate(given)
    except ValidationError as error:
        faults = field_errors(error, under="data")
        raise InvalidEvent(faults, event_id=attributes.event_id, source=source, type_=type_) from None
    event = new_event(
        type_,
        data,
        source=source,
        id_=attributes.event_id,
        time=attributes.time,
        correlationid=attributes.correlationid,
        traceparent=attributes.traceparent,
    )
    if attributes.event_id is not None and attributes.time is None:
        return event.model_copy(update={"time": None})
    return event


def check_sendable(type_: str) -> None:
    """Refuse a type here and now.

    With an alternate exchange behind `relay.events` the broker never returns a message, so nobody else would tell the
    publisher in time (DESIGN 3).

    Raises:
        InvalidEvent: field `type`.
    """
    if type_ not in SENDABLE:
        expected = f"one of {', '.join(sorted(SENDABLE))}"
        raise InvalidEvent([FieldError("type", expected, shown("type", type_))], type_=type_)


def sendable_body(event: Event) -> bytes:
    """The bytes that an event travels as.

    Raises:
        InvalidEvent: a type that an order system does not send, or longer than the service reads.
    """
    check_sendable(event.type)
    body = encode(event)
    if len(body) <= MAX_EVENT_BYTES:
        return body
    raise InvalidEvent(
        [FieldError("body", f"at most {MAX_EVENT_BYTES} bytes", f"{len(body)} bytes")],
        event_id=event.id,
        source=event.source,
        type_=event.type,
        subject=event.subject,
    )
