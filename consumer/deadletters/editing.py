"""A dead letter's event as a person has changed it: a new event that says what it comes from. Pure functions."""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from schemas.codec import decode
from schemas.faults import BODY, FieldError, InvalidEvent
from schemas.personal import mask_document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.domain.writes import Letter
    from schemas.envelope import Event

_OURS: Final = frozenset({"id", "correlationid", "causationid"})
"""Attributes that the new event gets from us."""
_ABSENT: Final = object()
DEEPEST: Final = 100
"""Levels of nesting; the contract's events have six."""
_TOO_DEEP: Final = f"it is nested deeper than {DEEPEST} levels"


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


def parsed(text: str | bytes) -> Any:
    """Return a JSON document that is flat enough to be compared and masked.

    Args:
        text: JSON; bytes in UTF-8.

    Raises:
        ValueError: it is none, or nested deeper than `DEEPEST`; says which, without quoting it.
    """
    try:
        # An editor may have put a byte order mark in front.
        document = json.loads(text.removeprefix(codecs.BOM_UTF8) if isinstance(text, bytes) else text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"broken JSON at line {error.lineno}, column {error.colno}") from None
    layer: list[Any] = [document]
    for _ in range(DEEPEST):
        layer = [inner for one in layer for inner in _inside(one)]
        if not layer:
            return document
    raise ValueError(_TOO_DEEP)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


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
    before = letter.event_id or document.get("id")
    links = {"causationid": before, "correlationid": document.get("correlationid") or before}
    text = json.dumps({**document, **links, "id": event_id}, ensure_ascii=False, separators=(",", ":"))
    try:
        body = text.encode()
    except UnicodeEncodeError:
        raise InvalidEvent([FieldError(BODY, "characters of Unicode", "half of a surrogate pair")]) from None
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
