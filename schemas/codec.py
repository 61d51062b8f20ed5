"""From a message's body to a typed event and back.

`decode` sits on the hot path: it lets pydantic's core read the bytes straight into the model of the type that the
routing key names, and looks closer only when that fails. Whatever the bytes, it raises `InvalidEvent` and nothing else.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from pydantic import BaseModel, ValidationError

from schemas.diagnosis import diagnose
from schemas.envelope import CONTENT_TYPE, OPTIONAL_ATTRIBUTES, Event, event_model
from schemas.faults import BODY, FieldError, InvalidEvent, described, field_errors, shown
from schemas.registry import ALL, OUTBOUND

if TYPE_CHECKING:
    from typing import Any

__all__ = ["CONTENT_TYPE", "Event", "FieldError", "InvalidEvent", "decode", "encode", "new_event"]

MAX_EVENT_BYTES = 262_144
"""Default of `RELAY_MAX_EVENT_BYTES`."""

_TYPE = re.compile(rb'"type"\s*:\s*"([a-z_.]{1,64})"')
_KEY_END = re.compile(rb'"\s*:')
_GAPS = (b" :", b"\t:", b"\n:", b"\r:")
_MODEL = type(BaseModel)


def decode(body: bytes, *, routing_key: str | None = None, max_bytes: int = MAX_EVENT_BYTES) -> Event:
    """Read an event.

    Args:
        body: a message's body, whatever it holds.
        routing_key: the key that it was first published with; the event's `type` must equal it. None: not compared.
        max_bytes: a longer body is refused unread.

    Raises:
        InvalidEvent: the body is no event of the contract; names each field, what was expected and what came.
    """
    if len(body) > max_bytes:
        raise InvalidEvent([FieldError(BODY, f"at most {max_bytes} bytes", f"{len(body)} bytes")])
    type_ = routing_key if routing_key is not None else _first_type(body)
    if type_ in ALL:
        try:
            event = event_model(type_).__pydantic_validator__.validate_json(body)
        except ValidationError:
            return diagnose(body, routing_key)
        if _no_key_twice(body, event):
            return event  # type: ignore[no-any-return]  # the core validator is untyped
    return diagnose(body, routing_key)


def encode(event: Event) -> bytes:
    """Write an event as CloudEvents structured JSON, UTF-8.

    Attributes that are not set are left out. In a result's data null is written ("null while unknown"), in an event's
    it is left out.
    """
    if event.type not in OUTBOUND:
        return event.__pydantic_serializer__.to_json(event, by_alias=True, exclude_none=True)
    values = event.__dict__
    unset = {name for name in OPTIONAL_ATTRIBUTES if values[name] is None}
    return event.__pydantic_serializer__.to_json(event, by_alias=True, exclude=unset)


def new_event(
    type_: str,
    data: BaseModel,
    *,
    source: str,
    subject: str | None = None,
    id_: str | None = None,
    time: datetime | None = None,
    correlationid: str | None = None,
    causationid: str | None = None,
    traceparent: str | None = None,
) -> Event:
    """Make an event of a type that the contract knows.

    Args:
        type_: event type, also the routing key to publish with.
        data: the model that the registry names for the type.
        source: URI reference of the publisher.
        subject: what it is about; None: the data's `so_id`, else its `product_code`, if it has one.
        id_: None: a new UUID. Give one that can be made again if the event may be sent again.
        time: with a zone; None: now.
        correlationid: id of the event that began the matter.
        causationid: id of the event that led to this one.
        traceparent: W3C trace context.

    Raises:
        InvalidEvent: the type is unknown, the data is not of that type, or an attribute breaks the contract.
    """
    if type_ not in ALL:
        raise InvalidEvent([FieldError("type", "a type of the contract (EVENTS)", shown("type", type_))])
    if not isinstance(data, ALL[type_]):
        raise InvalidEvent([FieldError("data", f"a {ALL[type_].__name__}", described(data))], type_=type_)
    if subject is None:
        subject = getattr(data, "so_id", None) or getattr(data, "product_code", None)
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": id_ if id_ is not None else str(uuid4()),
        "source": source,
        "type": type_,
        "subject": subject,
        "time": time if time is not None else datetime.now(UTC),
        "datacontenttype": "application/json",
        "correlationid": correlationid,
        "causationid": causationid,
        "traceparent": traceparent,
        "data": data,
    }
    try:
        return event_model(type_).model_validate(attributes)
    except ValidationError as error:
        raise InvalidEvent(field_errors(error), type_=type_) from error


def _first_type(body: bytes) -> str | None:
    found = _TYPE.search(body)
    return found.group(1).decode("ascii") if found else None


def _no_key_twice(body: bytes, event: Event) -> bool:
    """Tell whether the body certainly names no key twice in one object.

    Each key ends in a quote and a colon; text may hold the two as well, so more of them than keys kept proves nothing.
    """
    if any(gap in body for gap in _GAPS):
        return len(_KEY_END.findall(body)) <= _keys(event)
    return body.count(b'":') <= _keys(event)


def _keys(record: BaseModel) -> int:
    """Count the keys of the JSON object that a model was read from."""
    count = len(record.__pydantic_fields_set__)
    for value in record.__dict__.values():
        # By metaclass: isinstance asks an abstract base class for each value, which takes longer than the rest of this.
        if type(type(value)) is _MODEL:
            count += _keys(value)
        elif type(value) is tuple and value and type(type(value[0])) is _MODEL:
            count += sum(map(_keys, value))
    return count
