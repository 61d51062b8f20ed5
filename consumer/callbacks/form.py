"""From the body of a POST to its parameters (WHATWG URL, application/x-www-form-urlencoded). Pure.

Stricter than a browser's form has to be: each name once and none that is no name, so that nobody can move the borders
within a text that was signed without them.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

LARGEST: Final = 65_536
"""Bytes of a body; a callback has some hundred, one with the quantities of a hundred products some ten thousand."""
MOST_PARAMETERS: Final = 20
NEEDED: Final = frozenset({"AppKey", "Data", "Method", "Sign", "TimeStamp"})

_TYPE: Final = re.compile(
    r'\s*application/x-www-form-urlencoded\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?;?\s*', re.ASCII | re.IGNORECASE
)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)


class NotAForm(ValueError):
    """The body is no form of a callback; the text says why without quoting it."""


def is_form(content_type: str) -> bool:
    """Tell whether a ``Content-Type`` is that of a form in UTF-8."""
    return _TYPE.fullmatch(content_type) is not None


def parameters(body: bytes) -> dict[str, str]:
    """Return the parameters of a form, values as they were written.

    Raises:
        NotAForm: not UTF-8, a name twice, a name that is none, too many, or one of `NEEDED` missing or blank.
    """
    fields = [field for field in body.split(b"&") if field]
    if len(fields) > MOST_PARAMETERS:
        raise NotAForm(f"more than {MOST_PARAMETERS} parameters")
    found: dict[str, str] = {}
    for field in fields:
        raw_name, _, raw_value = field.partition(b"=")
        try:
            name, value = _decoded(raw_name), _decoded(raw_value)
        except UnicodeDecodeError:
            raise NotAForm("not UTF-8") from None  # the chained error would quote the body
        if _NAME.fullmatch(name) is None:
            raise NotAForm("the name of a parameter is not one to sixty-four letters, digits and underscores")
        if name in found:
            raise NotAForm("a parameter comes twice")
        found[name] = value
    if missing := sorted(name for name in NEEDED if not found.get(name, "").strip()):
        raise NotAForm(f"without {', '.join(missing)}")
    return found


def _decoded(raw: bytes) -> str:
    plain = raw.replace(b"+", b" ")
    return (unquote_to_bytes(plain) if b"%" in plain else plain).decode()
