"""Why an event cannot be read: the slow, thorough look that `decode` takes only when the fast one failed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from pydantic import TypeAdapter, ValidationError

from schemas.envelope import Event, event_model
from schemas.faults import BODY, MISSING, FieldError, InvalidEvent, described, field_errors, field_name, shown
from schemas.primitives import EventId, Sentence, Source
from schemas.registry import ALL

if TYPE_CHECKING:
    from collections.abc import Iterator

_READABLE = "a JSON object in UTF-8: one CloudEvent"


@dataclass(frozen=True, slots=True)
class _Twice:
    """Stands where a key came twice in one object: readers would disagree on which one counts."""


@dataclass(frozen=True, slots=True)
class _Identity:
    event_id: str | None = None
    source: str | None = None
    type: str | None = None
    subject: str | None = None


_NOBODY = _Identity()
_ID: TypeAdapter[str] = TypeAdapter(EventId)
_SOURCE: TypeAdapter[str] = TypeAdapter(Source)
_SUBJECT: TypeAdapter[str] = TypeAdapter(Sentence)


def diagnose(body: bytes, routing_key: str | None) -> Event:
    """Find out what is wrong with a body, or return the event if nothing is.

    Raises:
        InvalidEvent: with all faults that can be told.
    """
    document = _read(body)
    identity = _Identity(
        _usable(_ID, document.get("id")),
        _usable(_SOURCE, document.get("source")),
        _usable(_ID, document.get("type")),
        _usable(_SUBJECT, document.get("subject")),
    )
    for fault in _faults_of_text(document, ()):
        _refuse([fault], identity)
    type_ = _known_type(document, routing_key, identity)
    try:
        return event_model(type_).model_validate_json(body)
    except ValidationError as error:
        _refuse(list(field_errors(error)), identity)


def _read(body: bytes) -> dict[str, object]:
    if not body:
        _refuse([FieldError(BODY, _READABLE, "nothing: 0 bytes")])
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        _refuse([FieldError(BODY, _READABLE, f"a byte that is not UTF-8 at position {error.start}")])
    except json.JSONDecodeError as error:
        _refuse([FieldError(BODY, _READABLE, f"broken JSON at line {error.lineno}, column {error.colno}")])
    except RecursionError:
        _refuse([FieldError(BODY, _READABLE, f"{len(body)} bytes of JSON nested too deep")])
    except ValueError:
        # Python refuses to make a number of more than 4,300 digits.
        _refuse([FieldError(BODY, _READABLE, f"{len(body)} bytes with a number too long to read")])
    if not isinstance(document, dict):
        _refuse([FieldError(BODY, _READABLE, described(document))])
    return document


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        found[key] = _Twice() if key in found else value
    return found


def _usable(kind: TypeAdapter[str], value: object) -> str | None:
    """Return what can serve as a key or a label, None for everything else."""
    try:
        return kind.validate_python(value)
    except ValidationError:
        return None


def _faults_of_text(value: object, path: tuple[object, ...]) -> Iterator[FieldError]:
    """Walk a document for what JSON can write but nobody can store: a key twice, half a character."""
    if isinstance(value, _Twice):
        yield FieldError(field_name(path), "each field once", "the field twice")
    elif isinstance(value, str):
        if _has_half_character(value):
            yield FieldError(field_name(path), "text in Unicode", "text with a lone surrogate")
    elif isinstance(value, dict):
        for key, inner in value.items():
            if _has_half_character(key):
                yield FieldError(field_name([*path, "?"]), "names of fields in Unicode", "a lone surrogate")
            yield from _faults_of_text(inner, (*path, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _faults_of_text(inner, (*path, position))


def _has_half_character(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _known_type(document: dict[str, object], routing_key: str | None, identity: _Identity) -> str:
    if "type" not in document:
        _refuse([FieldError("type", _expected_type(routing_key), MISSING)], identity)
    type_ = document["type"]
    wrong = not isinstance(type_, str) or type_ not in ALL or (routing_key is not None and type_ != routing_key)
    if wrong or not isinstance(type_, str):
        _refuse([FieldError("type", _expected_type(routing_key), shown("type", type_))], identity)
    return type_


def _expected_type(routing_key: str | None) -> str:
    if routing_key is None:
        return "a type of the contract, such as order.paid"
    if routing_key not in ALL:
        return f"a type of the contract, and equal to the routing key {shown('type', routing_key)}"
    return f"the routing key, {shown('type', routing_key)}"


def _refuse(errors: list[FieldError], identity: _Identity = _NOBODY) -> NoReturn:
    raise InvalidEvent(
        errors, event_id=identity.event_id, source=identity.source, type_=identity.type, subject=identity.subject
    )
