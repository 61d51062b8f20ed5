"""JSON with exact decimals: money goes out as a JSON number written digit by digit, never by way of a binary float.

`json` writes no `Decimal`, and pydantic writes it as a string; SUPPLIERS says of each field that is a string, and
money is none.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

JSON_HEADERS: Final = (
    (b"Content-Type", b"application/json; charset=utf-8"),
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"identity"),
)
"""Of every call whose body is from `encode`; without ``Authorization``."""

_text = json.JSONEncoder(ensure_ascii=False).encode
_name = lru_cache(maxsize=256)(_text)
"""The names of fields are the same in each call."""


def encode(value: object) -> bytes:
    """Return ``value`` (mappings, sequences, texts, whole numbers, decimals, booleans, None) as compact UTF-8 JSON.

    Raises:
        TypeError: there is something else in it, a float above all.
    """
    return _encoded(value).encode()


def _encoded(value: object) -> str:
    match value:
        case str():
            return _text(value)
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case int():
            return str(value)
        case Decimal() if value.is_finite():
            return format(value, "f")
        case dict():
            return _object(value)
        case list() | tuple():
            return _array(value)
        case _:
            raise TypeError(f"a {type(value).__name__} has no place in a supplier's JSON")


def _object(value: Mapping[str, object]) -> str:
    return "{" + ",".join([f"{_name(name)}:{_encoded(item)}" for name, item in value.items()]) + "}"


def _array(value: Sequence[object]) -> str:
    return "[" + ",".join(map(_encoded, value)) + "]"
