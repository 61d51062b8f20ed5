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
    return _WRITERS[type(value)](value).encode()


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise TypeError(f"{value} has no place in a supplier's JSON")
    return format(value, "f")


def _object(value: Mapping[str, object]) -> str:
    return "{" + ",".join([f"{_name(name)}:{_WRITERS[type(item)](item)}" for name, item in value.items()]) + "}"


def _array(value: Sequence[object]) -> str:
    return "[" + ",".join([_WRITERS[type(item)](item) for item in value]) + "]"


class _Writers(dict[type, "Callable[[Any], str]"]):
    def __missing__(self, kind: type) -> Callable[[Any], str]:
        raise TypeError(f"a {kind.__name__} has no place in a supplier's JSON")


# By exact type: asked one after the other, what a value is took longer than writing it.
_WRITERS: Final = _Writers(
    {
        str: encode_basestring,
        bool: {True: "true", False: "false"}.__getitem__,
        NoneType: lambda _: "null",
        int: str,
        Decimal: _decimal,
        dict: _object,
        list: _array,
        tuple: _array,
    }
)
