"""What may stand in a log line: an allow-list of keys, and patterns as a second line of defence.

Personal data (a consignee's name, mobile, address) cannot be recognised by its look, so nothing is looked for: a value
is written only if its key is on the list, and whatever else somebody passes is replaced. The patterns then catch what
may ride in an allowed text by mistake: passwords in URLs, tokens, mobile numbers, and the very secrets of this service.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import TypeAlias
from uuid import UUID

Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"
"""What a redacted value is made of: exactly what JSON can say."""

REDACTED = "***"

IDENTIFIERS = frozenset(
    {
        "batch_id",
        "body_sha256",
        "causation_id",
        "config_id",
        "correlation_id",
        "dead_letter_id",
        "event_id",
        "ext_order_no",
        "message_id",
        "online_no",
        "replay_id",
        "result_id",
        "retail_order_no",
        "so_id",
        "sync_log_id",
        "trace_id",
    }
)
"""Keys of identifiers. They are searched for, so a number in them is never taken for a mobile."""

CODE_KEYS = frozenset({"error", "code", "error_code", "supplier_code", "outcome", "state", "step"})
"""Keys meant for a code or the name of a type; a sentence under them, which could quote anything, is replaced."""

ALLOWED_KEYS = (
    IDENTIFIERS
    | CODE_KEYS
    | frozenset(
        {
            "age_s",
            "attempt",
            "attempts",
            "batch",
            "bytes",
            "callbacks",
            "changed",
            "check",
            "closed",
            "codes",
            "concurrency",
            "consumers",
            "count",
            "county_code",
            "cure",
            "database",
            "deadline_s",
            "delay_s",
            "delivery_count",
            "directory",
            "drift",
            "duplicates",
            "duration_ms",
            "duration_s",
            "environment",
            "error_class",
            "exchange",
            "exit_code",
            "expected",
            "failed",
            "failures",
            "field",
            "file",
            "fingerprint",
            "handler",
            "host",
            "immediate",
            "in_flight",
            "interval_s",
            "kind",
            "lane",
            "lanes",
            "level",
            "limit",
            "method",
            "migration",
            "operation",
            "outbox_pending",
            "parked",
            "pending",
            "pid",
            "port",
            "prefetch",
            "probe_in_s",
            "process",
            "processes",
            "product_code",
            "product_codes",
            "published",
            "queue",
            "queues",
            "pause",
            "redelivered",
            "rejected",
            "result_type",
            "results",
            "retry_in_s",
            "returns",
            "revision",
            "routing_key",
            "row_version",
            "rows",
            "seconds",
            "sequence",
            "server",
            "service",
            "setting",
            "settings",
            "signal",
            "since",
            "size",
            "skipped",
            "status",
            "stopped",
            "stream",
            "succeeded",
            "superseded",
            "supplier",
            "suppliers",
            "sync_type",
            "task",
            "timeout_s",
            "topology",
            "total",
            "tries",
            "type",
            "types",
            "unfinished",
            "until",
            "url",
            "version",
            "vhost",
            "worker",
        }
    )
)
"""Keys whose values are written. To add one: it must be impossible that a customer's data ends up under it."""

_CODE = re.compile(r"[\w.:-]{1,80}", re.ASCII)
_DEEPEST = 6
_MOST_ITEMS = 50
_LONGEST_TEXT = 1000
_LONGEST_SEARCHED = 5 * _LONGEST_TEXT  # a megabyte in one field must not hold up the loop
_SHORTEST_SECRET = 6  # a shorter one would tear ordinary words apart; such a password must not be logged anyway
_SMALLEST_PHONE = 10_000_000_000
_LARGEST_INT = 2**63

_KEY = re.compile(r"[a-z_][a-z0-9_]{0,63}", re.ASCII)
_URL_PASSWORD = re.compile(r"(?<=://)[^\s/@]*(?::\S*)?@")
_CREDENTIAL = re.compile(
    r"""(?ix)
    \b(bearer|basic) \s+ [\w.~+/=-]{6,}
    | ["']? (pass(?:word|wd|code)?|pwd|\w*secret\w*|\w*token\w*|authorization|api_?key|app_?key|sign(?:ature)?) ["']?
      \s* [=:] \s* (?:"[^"]*"|'[^']*'|[^\s,;&}]+)
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


@dataclass(frozen=True, slots=True)
class Redactor:
    """Makes values fit to be written.

    Attributes:
        allowed: keys whose values are written.
        secrets: values that are never written, wherever they turn up.
    """

    allowed: frozenset[str] = ALLOWED_KEYS
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    _secret: re.Pattern[str] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        telling = sorted(
            (re.escape(secret) for secret in self.secrets if len(secret) >= _SHORTEST_SECRET), reverse=True
        )
        if telling:
            object.__setattr__(self, "_secret", re.compile("|".join(telling)))

    def fields(self, fields: Mapping[str, object]) -> dict[str, Plain]:
        """Return a line's fields: allowed keys with redacted values, others with `REDACTED` in place of the value.

        A key that does not look like one of ours is data itself and goes altogether.
        """
        clean: dict[str, Plain] = {}
        for key, value in fields.items():
            if key in self.allowed:
                clean[key] = self._under(key, value, depth=0)
            elif isinstance(key, str) and _KEY.fullmatch(key):
                clean[key] = REDACTED
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

    def _under(self, key: str, value: object, *, depth: int) -> Plain:
        plain = self._value(value, phones=key not in IDENTIFIERS, depth=depth)
        if key in CODE_KEYS and isinstance(plain, str) and not _CODE.fullmatch(plain):
            return REDACTED
        return plain

    def _value(self, value: object, *, phones: bool, depth: int) -> Plain:
        if type(value) is str:  # nearly all values are; the rest can take its time
            return self.text(value, phones=phones)
        if isinstance(value, str) and not isinstance(value, Enum):
            return self.text(str(value), phones=phones)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int) and not isinstance(value, Enum):
            return self._number(value, phones=phones)
        if isinstance(value, Mapping | Sequence | AbstractSet) and not isinstance(
            value, bytes | bytearray | memoryview
        ):
            return self._container(value, phones=phones, depth=depth)
        return self._scalar(value, phones=phones, depth=depth)

    def _number(self, value: int, *, phones: bool) -> Plain:
        if -_SMALLEST_PHONE < value < _SMALLEST_PHONE:
            return int(value)
        if not -_LARGEST_INT < value < _LARGEST_INT:
            return "<int>"  # Python refuses to print a very long one, and JSON readers could not read it
        return REDACTED if phones and _PHONE.fullmatch(str(value)) else int(value)

    def _scalar(self, value: object, *, phones: bool, depth: int) -> Plain:
        match value:
            case Enum():
                return self._value(value.value, phones=phones, depth=depth + 1) if depth < _DEEPEST else REDACTED
            case float():
                return float(value) if math.isfinite(value) else str(float(value))
            case datetime() | date():
                return value.isoformat()
            case timedelta():
                return value.total_seconds()
            case Decimal() | UUID() | PurePath():
                return self.text(str(value), phones=phones)
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
