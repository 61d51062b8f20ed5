"""A dead letter's event as a person has changed it: a new event that says what it comes from. Pure functions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from schemas.codec import decode
from schemas.faults import BODY, FieldError, InvalidEvent
from schemas.personal import mask_document

if TYPE_CHECKING:
    from consumer.domain.writes import Letter
    from schemas.envelope import Event

_OURS: Final = frozenset({"id", "correlationid", "causationid"})
"""Attributes that the new event gets from us."""
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Edited:
    """An event that was made from a letter's.

    Attributes:
        event: as it will be read.
        body: as it will be sent.
    """

    event: Event
    body: bytes


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is another; a personal value reads ``***``, one that is not there None."""

    field: str
    before: str | None
    after: str | None


def merged(target: Any, patch: Any) -> Any:
    """Return a JSON value with a merge patch applied (RFC 7396): null takes a member out, a list is replaced whole."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def edited(letter: Letter, document: Any, *, event_id: str, max_bytes: int) -> Edited:
    """Return the new event: under an id of its own, caused by the letter's, answering whom that answered.

    Args:
        letter: whose event it replaces.
        document: what the person has made of it, as JSON gives it.
        event_id: of the new event.
        max_bytes: the largest body that is taken in.

    Raises:
        InvalidEvent: it breaks the contract; nothing of it can be sent.
    """
    if not isinstance(document, dict):
        raise InvalidEvent([FieldError(BODY, "a JSON object: the event", type(document).__name__)])
    before = document.get("id") or letter.event_id
    links = {"causationid": before, "correlationid": document.get("correlationid") or before}
    body = json.dumps({**document, **links, "id": event_id}, ensure_ascii=False, separators=(",", ":")).encode()
    return Edited(decode(body, routing_key=None, max_bytes=max_bytes), body)


def differences(before: Any, after: Any, field: str = "") -> list[Difference]:
    """Return which fields of two JSON documents differ, apart from those that every new event has anew.

    Args:
        before: what was; any JSON value.
        after: what is now.
        field: where both stand, dotted; empty: they are the whole event.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        names = [*before, *(name for name in after if name not in before)]
        return [
            one
            for name in names
            if field or name not in _OURS
            for one in differences(before.get(name, _ABSENT), after.get(name, _ABSENT), _below(field, name))
        ]
    if isinstance(before, list) and isinstance(after, list):
        places = range(max(len(before), len(after)))
        pairs = [(_at(before, place), _at(after, place), _below(field, str(place))) for place in places]
        return [one for old, new, where in pairs for one in differences(old, new, where)]
    # 1, 1.0 and true are equal to Python, and not to whoever reads the event.
    if _told(before) == _told(after):
        return []
    return [Difference(field or BODY, _shown(field, before), _shown(field, after))]


def _below(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name


def _at(values: list[Any], place: int) -> Any:
    return values[place] if place < len(values) else _ABSENT


def _told(value: Any) -> str | None:
    return None if value is _ABSENT else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _shown(field: str, value: Any) -> str | None:
    return None if value is _ABSENT else _told(mask_document(value, field))
