"""JSON with exact decimals: money goes out as a JSON number written digit by digit, never by way of a binary float.

`json` writes no `Decimal`, and pydantic writes it as a string; SUPPLIERS says of each field that is a string, and
money is none.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring
from types import NoneType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

JSON_HEADERS: Final = (
    (b"Content-Type", b"application/json; charset=utf-8"),
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"identity"),
)
"""Of every call whose body is from `encode`; without ``Authorization``."""

_name = lru_cache(maxsize=256)(encode_basestring)
"""The names of fields are the same in each call."""


def encode(value: object) -> bytes:
    """Return ``value`` (mappings, sequences, texts, whole numbers, decimals, booleans, None) as compact UTF-8 JSON.

    Raises:
        TypeError: there is something else in it, a float above all.
    """
    return _encoded(value).encode()


def _encoded(value: object) -> str:
    write = _WRITERS.get(type(value))
    if write is None:
        raise TypeError(f"a {type(value).__name__} has no place in a supplier's JSON")
    return write(value)


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise TypeError(f"{value} has no place in a supplier's JSON")
    return format(value, "f")


def _object(value: Mapping[str, object]) -> str:
    return "{" + ",".join([f"{_name(name)}:{_encoded(item)}" for name, item in value.items()]) + "}"


def _array(value: Sequence[object]) -> str:
    return "[" + ",".join(map(_encoded, value)) + "]"


# By exact type: asked one after the other, what a value is took longer than writing it.
_WRITERS: Final[Mapping[type, Callable[[Any], str]]] = {
    str: encode_basestring,
    bool: {True: "true", False: "false"}.__getitem__,
    NoneType: lambda _: "null",
    int: str,
    Decimal: _decimal,
    dict: _object,
    list: _array,
    tuple: _array,
}
