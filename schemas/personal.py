"""Which fields of an event are personal data, and how they are hidden from logs, errors and readers.

Fields are dotted paths into the event as it travels (`data.consignee.name`, list positions as numbers or `*`). Whatever
lies below a personal field is personal too, so that a value of the wrong shape does not leak.
"""

from __future__ import annotations

MASK = "***"

PERSONAL_FIELDS: tuple[str, ...] = (
    "data.consignee",
    "data.remark",
    "data.shipments.*.traces.*.text",
    "data.shipments.*.photos.*.url",
)
"""Where the contract has personal data: the consignee, free words for the delivery, couriers' words, photos."""

PERSONAL_NAMES: frozenset[str] = frozenset(
    {
        "consignee",
        "name",
        "mobile",
        "phone",
        "tel",
        "telephone",
        "address",
        "detail_address",
        "remark",
        "province",
        "city",
        "area",
        "town",
    }
    | {"consignee_name", "consignee_mobile", "consigneename", "consigneemobile", "detailaddress"}
)
"""Names that are personal wherever they stand: a publisher's mistake puts a mobile beside the consignee, not in it."""

_PATTERNS = tuple(tuple(pattern.split(".")) for pattern in PERSONAL_FIELDS)


def is_personal(field: str) -> bool:
    """Tell whether a dotted field, or one above it, is personal data."""
    parts = field.split(".")
    if any(part.lower() in PERSONAL_NAMES for part in parts):
        return True
    return any(_matches(pattern, parts) for pattern in _PATTERNS)


def mask(value: object) -> str:
    """Return what is shown instead of a personal value; that a value is there or not may be seen.

    Args:
        value: any JSON value.
    """
    return "null" if value is None else MASK


def mask_document(document: object, field: str = "") -> object:
    """Return a copy of a JSON document in which every personal value reads ``***``; names of fields stay.

    Args:
        document: an event (or its part at ``field``) as JSON gives it: dict, list, str, int, float, bool or None.
        field: where ``document`` stands in the event, dotted; empty: it is the whole event.
    """
    if isinstance(document, dict):
        return {key: mask_document(value, f"{field}.{key}" if field else str(key)) for key, value in document.items()}
    if isinstance(document, list):
        return [mask_document(value, f"{field}.{position}") for position, value in enumerate(document)]
    if document is not None and is_personal(field):
        return MASK
    return document


def _matches(pattern: tuple[str, ...], parts: list[str]) -> bool:
    return len(parts) >= len(pattern) and all(
        wanted in ("*", part) for wanted, part in zip(pattern, parts, strict=False)
    )
