"""Lists of goods read entry by entry: one that is not of the promised shape harms none of the others.

A list with entries of which none can be read is another matter: then the supplier has changed its format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from consumer.domain.looks import Unreadable
from consumer.suppliers.fields import as_text
from consumer.suppliers.operation import Misshapen
from schemas.primitives import Name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from consumer.suppliers.operation import JSON

T = TypeVar("T")

LOST_CHARACTER: Final = "\ufffd"
"""Stands for what no text can hold (`consumer.suppliers.answers.parsed`): several codes become one by it."""

_NAME: Final[TypeAdapter[str]] = TypeAdapter(Name)


@dataclass(frozen=True, slots=True)
class Entries(Generic[T]):
    """What a list held.

    Attributes:
        found: in the list's order.
        unreadable: the others, in the list's order.
        fault: of the first one that is unreadable.
    """

    found: list[T]
    unreadable: list[Unreadable]
    fault: Misshapen | None


def entries(value: JSON, read: Callable[[JSON], T]) -> Entries[T]:
    """Read a list.

    Args:
        value: what should be one.
        read: reads an entry, or raises `ValidationError` or `Misshapen` with the place within the entry.

    Raises:
        Misshapen: it is no list, or no entry of it can be read.
    """
    if not isinstance(value, list):
        raise Misshapen("", "a list")
    told = entries_from(value, read, first=0)
    if told.fault is not None and not told.found:
        raise told.fault
    return told


def entries_from(some: Iterable[JSON], read: Callable[[JSON], T], *, first: int) -> Entries[T]:
    """Read some entries of a list, of which the first has the number ``first``."""
    found: list[T] = []
    unreadable: list[Unreadable] = []
    first_fault: Misshapen | None = None
    for place, entry in enumerate(some, first):
        try:
            found.append(read(_an_object(entry)))
        except (ValidationError, Misshapen) as error:
            fault = _fault(error, place)
            first_fault = first_fault or fault
            unreadable.append(Unreadable(_code(entry), str(fault)))
    return Entries(found, unreadable, first_fault)


def _an_object(entry: JSON) -> JSON:
    if not isinstance(entry, dict):
        raise Misshapen("", "an object")
    return entry


def _code(entry: JSON) -> str:
    """Return the entry's code; empty where it has none, or none that a result can name."""
    try:
        code = _NAME.validate_python(as_text(entry.get("productCode")) if isinstance(entry, dict) else None)
    except ValidationError:
        return ""
    return "" if LOST_CHARACTER in code else code


def _fault(error: ValidationError | Misshapen, place: int) -> Misshapen:
    """Return the first fault of an entry as one of the list; no message of a fault names the value."""
    if isinstance(error, Misshapen):
        return Misshapen(f"{place}.{error.where}" if error.where else str(place), error.expected)
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    expected = "a value" if first["type"] == "missing" else first["msg"]
    for words in ("Value error, ", "expected ", "Input should be "):
        expected = expected.removeprefix(words)
    return Misshapen(".".join(map(str, (place, *first["loc"]))), expected)
