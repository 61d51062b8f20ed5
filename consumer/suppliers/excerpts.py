"""What of a supplier's answer an error may show: its shape and harmless values, no customer's data, no secret."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.suppliers.operation import JSON

LONGEST: Final = 300
"""Characters of an excerpt."""

_WITHIN: Final = 3
"""Entries shown of each list or object, and levels of nesting."""

_PERSONAL_KEY = re.compile(
    r"name|mobile|phone|tel|address|addr|consignee|receiver|contact|remark|province|city|area|town|token|secret|pass|auth",
    re.IGNORECASE,
)
_HARMLESS = re.compile(r"[A-Za-z0-9 ._:/-]{0,24}")
"""Short codes and numbers. A name or an address of a customer in China is not written in these."""
_LONG_NUMBER = re.compile(r"[0-9]{7,}")
"""Could be a telephone or an identity card."""


def excerpt(value: JSON) -> str:
    """Describe ``value``: keys and types always, a scalar only if it cannot be personal (``***`` instead)."""
    text = _shown(value, "", 0)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def keys_only(value: JSON) -> str:
    """Describe the shape of an answer that may hold a token."""
    if isinstance(value, dict):
        return "an object with the keys " + (", ".join(sorted(map(_key, value))[:10]) or "(none)")
    return _kind(value)


def _shown(value: JSON, key: str, depth: int) -> str:
    match value:
        case dict():
            return _object(value, depth)
        case list():
            return _array(value, key, depth)
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case _:
            return _scalar(value, key)


def _object(value: Mapping[str, JSON], depth: int) -> str:
    if depth >= _WITHIN:
        return "{…}"
    inner = [f'"{_key(name)}": {_shown(item, name, depth + 1)}' for name, item in islice(value.items(), _WITHIN * 3)]
    return "{" + ", ".join(inner) + (", …" if len(value) > len(inner) else "") + "}"


def _array(value: list[JSON], key: str, depth: int) -> str:
    if depth >= _WITHIN:
        return "[…]"
    inner = [_shown(item, key, depth + 1) for item in value[:_WITHIN]]
    return "[" + ", ".join(inner) + (f", … {len(value)} in all" if len(value) > len(inner) else "") + "]"


def _scalar(value: object, key: str) -> str:
    text = str(value)
    if _PERSONAL_KEY.search(key) or not _HARMLESS.fullmatch(text) or _LONG_NUMBER.search(text):
        return "***"
    return f'"{text}"' if isinstance(value, str) else text


def _key(name: str) -> str:
    # A key may be personal too where an answer maps names to something.
    return name if _HARMLESS.fullmatch(name) and not _LONG_NUMBER.search(name) else "***"


def _kind(value: JSON) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | Decimal():
            return "a number"
        case str():
            return "a text"
        case _:
            return "a list"
