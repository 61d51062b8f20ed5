"""What an event that breaks the contract is told: which field, what was expected, what came; personal data masked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.personal import is_personal, mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

MAX_INPUT = 100
"""Characters of what came that are shown (EVENTS, `event.rejected`)."""
MAX_FIELD = 200
MAX_ERRORS = 20
"""A list with ten thousand faults is told the first twenty."""
BODY = "body"
"""The field that is named when the body as a whole cannot be read."""
MISSING = "nothing (the field is missing)"

_EXPECTED = {
    "missing": "a value: the field is required",
    "extra_forbidden": "no field of this name: the contract does not know it",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "tuple_type": "a list",
    "list_type": "a list",
    "string_type": "text",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of an event.

    Attributes:
        field: dotted path from the envelope, such as ``data.items.0.quantity``; ``body`` for the whole.
        expected: what the contract asks for, for a person.
        input: what came, at most 100 characters; ``***`` for personal data.
    """

    field: str
    expected: str
    input: str


class InvalidEvent(ValueError):  # it says what the event is, as in `except InvalidEvent`
    """An event breaks the contract (error class `invalid_event`): never to be retried, always to be answered.

    Attributes:
        errors: the faults, at least one, at most twenty.
        event_id: CloudEvents `id`, if it could be read and is usable as a key.
        source: CloudEvents `source`, likewise.
        type: CloudEvents `type`, likewise.
        subject: CloudEvents `subject`, likewise.
    """

    def __init__(
        self,
        errors: Sequence[FieldError],
        *,
        event_id: str | None = None,
        source: str | None = None,
        type_: str | None = None,
        subject: str | None = None,
    ) -> None:
        self.errors = tuple(errors)
        self.event_id = event_id
        self.source = source
        self.type = type_
        self.subject = subject
        first = self.errors[0]
        more = f" (and {len(self.errors) - 1} more)" if len(self.errors) > 1 else ""
        super().__init__(f"{first.field}: expected {first.expected}; got {first.input}{more}")


def field_errors(error: ValidationError, *, under: str = "") -> tuple[FieldError, ...]:
    """Translate what pydantic found into our words.

    Args:
        error: from validating an event, or a part of it.
        under: the part's dotted path in the event, such as ``data``; empty for a whole event.
    """
    found = error.errors(include_url=False)
    return tuple(_field_error(details, under) for details in found[:MAX_ERRORS])


def _field_error(details: ErrorDetails, under: str) -> FieldError:
    context = details.get("ctx", {})
    parts = [*([under] if under else []), *map(str, details["loc"])]
    if details["type"] == "contract_rule":
        field = field_name([*parts, *str(context["field"]).split(".")])
        return FieldError(field, str(context["expected"]), shown(field, context["came"], quoted=False))
    if details["type"] == "json_invalid":
        return FieldError(BODY, "JSON that can be read", str(context.get("error", "broken JSON"))[:MAX_INPUT])
    field = field_name(parts)
    if details["type"] == "missing":
        return FieldError(field, _EXPECTED["missing"], MISSING)
    if details["type"] == "extra_forbidden":
        # Nobody knows what an unknown field holds: it may be personal.
        return FieldError(field, _EXPECTED["extra_forbidden"], described(details["input"]))
    return FieldError(field, _expectation(details), shown(field, details["input"]))


def _expectation(details: ErrorDetails) -> str:
    context = details.get("ctx", {})
    kind = details["type"]
    if kind == "contract":
        return str(context["expected"])
    if kind == "literal_error":
        return str(context["expected"]).replace("'", '"')
    if kind == "too_short":
        return f"a list with at least {context['min_length']} entry"
    if kind == "too_long":
        return f"a list with at most {context['max_length']} entries"
    return _EXPECTED.get(kind, details["msg"])


def field_name(parts: Sequence[object]) -> str:
    """Write a path dotted; a publisher's strange names are made printable and kept short."""
    name = ".".join(_printable(str(part)[:64]) for part in parts)
    return name[:MAX_FIELD] or BODY


def _printable(part: str) -> str:
    return "".join("?" if c.isspace() or not c.isprintable() else c for c in part) or "?"


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""JSON escapes only a part of them, and a result may hold none (EVENTS, text)."""


def shown(field: str, value: object, *, quoted: bool = True) -> str:
    """Show what came as JSON, at most 100 characters: ``***`` if it is personal, only the shape of a list or object."""
    if is_personal(field):
        return mask(value)
    if isinstance(value, (dict, list, tuple)):
        return described(value)
    try:
        text = json.dumps(value, ensure_ascii=False) if quoted else str(value)
    except (TypeError, ValueError):
        return described(value)
    text = _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text if len(text) <= MAX_INPUT else f"{text[: MAX_INPUT - 1]}…"


def described(value: object) -> str:
    """Say of what kind a value is, without a word of it."""
    kind = "a number"
    match value:
        case None:
            kind = "null"
        case bool():
            kind = "true or false"
        case str():
            kind = f"text of {len(value)} characters"
        case dict():
            kind = f"an object with {len(value)} fields"
        case list() | tuple():
            kind = f"a list of {len(value)}"
        case _ if not isinstance(value, (int, float)):
            kind = f"a {type(value).__name__}"
    return kind
