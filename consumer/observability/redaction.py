"""What may stand in a log line: an allow-list of keys, and patterns as a second line of defence.

Personal data (a consignee's name, mobile, address) cannot be recognised by its look, so nothing is looked for: a value
is written only if its key is on the list, and whatever else somebody passes is replaced. The patterns then catch what
may ride in an allowed text by mistake: passwords in URLs, tokens, mobile numbers, and the very secrets of this service.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import TypeAlias
from uuid import UUID

from consumer.observability.keys import ALLOWED, CODES, IDENTIFIERS

Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"
"""What a redacted value is made of: exactly what JSON can say."""

REDACTED = "***"

_CODE = re.compile(r"[\w.:-]{1,80}", re.ASCII)
_DEEPEST = 6
_MOST_ITEMS = 50
_LONGEST_TEXT = 1000
_LONGEST_KNOWN = 64
_MOST_KNOWN = 1000  # in case somebody puts data under such a key
_LONGEST_SEARCHED = 5 * _LONGEST_TEXT  # a megabyte in one field must not hold up the loop
_SHORTEST_SECRET = 6  # a shorter one would tear ordinary words apart; such a password must not be logged anyway
_SMALLEST_PHONE = 10_000_000_000
_LARGEST_INT = 2**63

_KEY = re.compile(r"[a-z_][a-z0-9_]{0,63}", re.ASCII)
_URL_PASSWORD = re.compile(r"(?<=://)[^\s/@]*(?::\S*)?@")
_CREDENTIAL = re.compile(
    r"""(?ix)
    ["']? (pass(?:word|wd|code)?|pwd|\w*secret\w*|\w*token\w*|authorization|api_?key|app_?key|sign(?:ature)?) ["']?
      \s* [=:] \s* (?:"[^"]*"|'[^']*'|(?:(?:bearer|basic)\s+)?[^\s,;&}]+)
    | \b(bearer|basic) \s+ [\w.~+/=-]{6,}
    """
)
_JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?")
_PHONE = re.compile(
    r"""(?x)
    (?<![\w.]) (?:\+?86[-\s]?)? 1[3-9]\d[-\s]?\d{4}[-\s]?\d{4} (?!\w)
    | (?<![\w.-]) 0\d{2,3}-\d{7,8} (?!\w)
    """
)
# Two cheap looks decide for nearly every text that no pattern can match: is it one word, has it digits like a phone?
_WORD = re.compile(r"(?!eyJ)[\w.-]*", re.ASCII)
_DIGITS = re.compile(r"\d{4}[-\s]?\d{4}|\d-\d{7}")
_SUSPICIOUS = re.compile(
    r"(?i)://|bearer|basic|pass|pwd|secret|token|authoriz|key|sign|eyJ|\d[-\s]?\d{4}[-\s]?\d{4}|\d-\d{7}"
)


_OF_FEW = CODES | {"lane", "type", "queue"}
"""Keys whose values are few and come again in each line: what may be written of them is looked at once."""
_OF_THE_SYSTEM = frozenset({"builtins", "socket", "ssl"})


def type_name(error: BaseException) -> str:
    """Return the name of an exception's type with its module, without ``builtins``."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


@dataclass(frozen=True, slots=True)
class Redactor:
    """Makes values fit to be written.

    Attributes:
        allowed: keys whose values are written.
        secrets: values that are never written, wherever they turn up.
        speaking: types of exception whose message is written; besides them only the system's own errors speak, since
            any other may quote its input (pydantic the value, SQLAlchemy the parameters, json the text).
    """

    allowed: frozenset[str] = ALLOWED
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    speaking: tuple[type[BaseException], ...] = ()
    _secret: re.Pattern[str] | None = field(init=False, repr=False, default=None)
    _known: dict[tuple[str, str], str] = field(init=False, repr=False, default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        self._look_for_secrets()

    def learn(self, secrets: Iterable[str]) -> None:
        """Never write ``secrets`` from now on, besides those known already: of an account that was just taken up."""
        object.__setattr__(self, "secrets", self.secrets | frozenset(secrets))
        self._look_for_secrets()

    def _look_for_secrets(self) -> None:
        telling = sorted(
            (re.escape(secret) for secret in self.secrets if len(secret) >= _SHORTEST_SECRET), reverse=True
        )
        self._known.clear()
        if telling:
            object.__setattr__(self, "_secret", re.compile("|".join(telling)))

    def fields(self, fields: Mapping[str, object]) -> dict[str, Plain]:
        """Return a line's fields: allowed keys with redacted values, others with `REDACTED` in place of the value.

        A key that does not look like one of ours is data itself and goes altogether.
        """
        clean: dict[str, Plain] = {}
        for key, value in fields.items():
            if key in _OF_FEW and type(value) is str:
                clean[key] = self._known.get((key, value)) or self._got_to_know(key, value)
            elif key in self.allowed:
                clean[key] = self._under(key, value, depth=0)
            elif isinstance(key, str) and _KEY.fullmatch(key):
                clean[key] = REDACTED
        return clean

    def _got_to_know(self, key: str, value: str) -> Plain:
        clean = self._under(key, value, depth=0) if key in self.allowed else REDACTED
        if isinstance(clean, str) and len(value) <= _LONGEST_KNOWN and len(self._known) < _MOST_KNOWN:
            self._known[key, value] = clean
        return clean

    def text(self, text: str, *, phones: bool = True) -> str:
        """Return ``text`` without what the patterns know, cut to 1000 characters."""
        text = text[:_LONGEST_SEARCHED]
        if self._secret is not None:
            text = self._secret.sub(REDACTED, text)
        if _WORD.fullmatch(text):
            if phones and _DIGITS.search(text):
                text = _PHONE.sub(REDACTED, text)
        elif _SUSPICIOUS.search(text):
            text = _URL_PASSWORD.sub(f"{REDACTED}@", text)
            text = _CREDENTIAL.sub(REDACTED, text)
            text = _JWT.sub(REDACTED, text)
            if phones:
                text = _PHONE.sub(REDACTED, text)
        return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"

    def message(self, error: BaseException) -> str:
        """Return the message of ``error``, or `REDACTED` if its type may not speak."""
        # The system's errors are known by their module: a library may derive from OSError and quote a whole answer.
        of_the_system = isinstance(error, OSError) and type(error).__module__ in _OF_THE_SYSTEM
        return self.text(str(error)) if of_the_system or isinstance(error, self.speaking) else REDACTED

    def _under(self, key: str, value: object, *, depth: int) -> Plain:
        if key in CODES and isinstance(value, str) and not _CODE.fullmatch(value):
            return REDACTED
        return self._value(value, phones=key not in IDENTIFIERS, depth=depth)

    def _value(self, value: object, *, phones: bool, depth: int) -> Plain:
        if type(value) is str:  # nearly all values are; the rest can take its time
            return self.text(value, phones=phones)
        if isinstance(value, Enum):
            value = value.value
        if isinstance(value, str):
            return self.text(str(value), phones=phones)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return self._number(value, phones=phones)
        if isinstance(value, Mapping | Sequence | AbstractSet) and not isinstance(
            value, bytes | bytearray | memoryview
        ):
            return self._container(value, phones=phones, depth=depth)
        return self._scalar(value, phones=phones)

    def _number(self, value: int, *, phones: bool) -> Plain:
        if -_SMALLEST_PHONE < value < _SMALLEST_PHONE:
            return int(value)
        if not -_LARGEST_INT < value < _LARGEST_INT:
            return "<int>"  # Python refuses to print a very long one, and JSON readers could not read it
        return REDACTED if phones and _PHONE.fullmatch(str(value)) else int(value)

    def _scalar(self, value: object, *, phones: bool) -> Plain:
        match value:
            case float():
                return float(value) if math.isfinite(value) else str(float(value))
            case datetime() | date():
                return value.isoformat()
            case timedelta():
                return value.total_seconds()
            case Decimal() | UUID() | PurePath():
                return self.text(str(value), phones=phones)
            case BaseException():
                return f"{type_name(value)}: {self.message(value)}"
            case _:
                # Its repr might tell anything.
                return f"<{type(value).__name__}>"

    def _container(
        self, value: Mapping[object, object] | Sequence[object] | AbstractSet[object], *, phones: bool, depth: int
    ) -> Plain:
        if depth >= _DEEPEST:
            return REDACTED
        if isinstance(value, Mapping):
            return self._mapping(value, depth=depth)
        items = [
            self._value(item, phones=phones, depth=depth + 1)
            for item, _ in zip(value, range(_MOST_ITEMS), strict=False)
        ]
        if len(value) > _MOST_ITEMS:
            items.append(f"… {len(value) - _MOST_ITEMS} more")
        return items

    def _mapping(self, value: Mapping[object, object], *, depth: int) -> dict[str, Plain]:
        clean: dict[str, Plain] = {}
        hidden = 0
        for key, inner in value.items():
            if isinstance(key, str) and key in self.allowed and len(clean) < _MOST_ITEMS:
                clean[key] = self._under(key, inner, depth=depth + 1)
            else:
                # Inside a value a key may be data too (somebody's name), so not even the key is written.
                hidden += 1
        if hidden:
            clean[REDACTED] = hidden
        return clean
