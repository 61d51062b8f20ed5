"""What of a body may be shown: its shape and harmless values, no customer's data, no secret.

Two measures: an error shows of an answer what cannot be personal by its look (`excerpt`); the trace of every call,
which also has the bodies that we send, shows only what stands under a key that is known to be harmless (`traced`).
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.suppliers.operation import JSON

LONGEST: Final = 300
"""Characters of an excerpt."""

_MASK: Final = "***"

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


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LARGEST_TRACED: Final = 64 * 1024
"""Bytes of a body that are looked into; a list of every product must not hold up the loop for a line of the log."""
_TRACED: Final = _words("""
    achieveUserOrderCut cancelTime code countyCode createTime cutTime deliveryInstall deliveryRecordCode discountAmount
    distributionTime governmentOrder hour imageType installTime invoicePrice isGift isSales isTranfer itemQty
    logisticsCode orderCode orderNo payerAccountBalance priceType productCode productCodes productModel rebateMoney
    retailOrderNo retailPrice actualPrice saleGroupCode searchType secCode sellerCode soId source sourceSystem
    statusCode stock stockRebatePolicy success supplierCode supplyPrice totalAmt totalQty uploadTime warehouseGrade
""")
"""Keys whose values are goods, order numbers, amounts, times or codes (SUPPLIERS). One that is missing costs a ``***``;
one too many could cost a customer's privacy."""


def excerpt(value: JSON) -> str:
    """Describe ``value``: keys and types always, a scalar only if it cannot be personal (``***`` instead)."""
    text = _shown(value, "", 0)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def keys_only(value: JSON) -> str:
    """Describe the shape of an answer that may hold a token."""
    if isinstance(value, dict):
        return "an object with the keys " + (", ".join(sorted(map(_key, value))[:10]) or "(none)")
    return _kind(value)


def traced(body: bytes) -> str:
    """Describe a body for the log: the shape of its JSON, and the values of keys that are known to be harmless."""
    if not body:
        return "nothing"
    if len(body) > _LARGEST_TRACED:
        return f"{len(body)} bytes, too many to be shown"
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return f"{len(body)} bytes that are not JSON"
    return excerpt(_opened(value, harmless=False))


def _opened(value: JSON, *, harmless: bool) -> JSON:
    """Return ``value`` with every scalar masked that does not stand under a harmless key."""
    match value:
        case dict():
            return {key: _opened(inner, harmless=key in _TRACED) for key, inner in value.items()}
        case list():
            return [_opened(inner, harmless=harmless) for inner in value]
        case None | bool():
            return value
        case _:
            return value if harmless else _MASK


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
        return _MASK
    return f'"{text}"' if isinstance(value, str) else text


def _key(name: str) -> str:
    # A key may be personal too where an answer maps names to something.
    return name if _HARMLESS.fullmatch(name) and not _LONG_NUMBER.search(name) else _MASK


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
