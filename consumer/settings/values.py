"""From the text of a setting to its value; a fault is a `ValueError` that says what is wrong, never the value."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import SecretStr

if TYPE_CHECKING:
    from collections.abc import Collection
    from urllib.parse import SplitResult

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)?", re.ASCII | re.IGNORECASE)
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_LONGEST = timedelta(days=3650)

_SIZE = re.compile(r"(\d+)\s*(B|kB|KiB|MB|MiB)?", re.ASCII | re.IGNORECASE)
_BYTES = {"b": 1, "kb": 1024, "kib": 1024, "mb": 1024**2, "mib": 1024**2}

_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:/\s*(s|m|min|h))?", re.ASCII | re.IGNORECASE)
_PER_SECOND = {"s": 1, "m": 60, "min": 60, "h": 3600}

_AMOUNT = re.compile(r"\d{1,15}(?:\.\d{1,2})?", re.ASCII)

Amount = Decimal

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})

_MOST_PREFETCHED = 65_535  # AMQP's prefetch count is an unsigned short
_FERNET_KEY_BYTES = 32


def duration(text: str) -> timedelta:
    """Read ``200ms``, ``5s``, ``2m``, ``1h``, ``30d``; a bare number is in seconds.

    Raises:
        ValueError: unreadable, zero, below a millisecond, or beyond ten years.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError("is not a duration")
    milliseconds = Decimal(match[1]) * _MILLISECONDS[(match[2] or "s").lower()]
    if milliseconds < 1:
        raise ValueError("is too short")
    if milliseconds > _LONGEST / timedelta(milliseconds=1):
        raise ValueError("is too long")
    if milliseconds != milliseconds.to_integral_value():
        raise ValueError("is finer than a millisecond")
    return timedelta(milliseconds=int(milliseconds))


def duration_or_off(text: str) -> timedelta | None:
    """Read a `duration`, or ``off`` as None.

    Raises:
        ValueError: neither.
    """
    return None if text.strip().lower() == "off" else duration(text)


def amount(text: str) -> Amount:
    """Read an amount of money, e.g. ``5000.00``.

    Raises:
        ValueError: no number, or negative.
    """
    if _AMOUNT.fullmatch(text.strip()) is None:
        raise ValueError("is not an amount of money")
    return Decimal(text.strip())


def retry_delays(text: str) -> tuple[timedelta, ...]:
    """Read the delay ladder, e.g. ``5s,30s,2m,10m,1h``.

    Raises:
        ValueError: empty, a rung is unreadable or over a day, or the rungs do not grow.
    """
    rungs = tuple(duration(part) for part in text.split(","))
    if any(later <= earlier for earlier, later in pairwise(rungs)):
        raise ValueError("does not grow from each delay to the next")
    if rungs[-1] > timedelta(days=1):
        raise ValueError("has a delay of more than a day")
    return rungs


def byte_size(text: str) -> int:
    """Read ``262144``, ``256kB`` or ``1MB``; units count by 1024."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("is not a size")
    return int(match[1]) * _BYTES[(match[2] or "B").lower()]


def rate(text: str) -> float:
    """Read ``100/s``, ``6000/m`` or a bare number a second; returns calls a second."""
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError("is not a rate")
    per_second = float(match[1]) / _PER_SECOND[(match[2] or "s").lower()]
    if not 0 < per_second <= 1_000_000:  # noqa: PLR2004 - an upper bound against slips of the finger, used nowhere else
        raise ValueError("is not between 0 and 1000000 a second")
    return per_second


def switch(text: str) -> bool:
    """Read ``1/true/yes/on`` or ``0/false/no/off``."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("is neither yes nor no")


@dataclass(frozen=True, slots=True)
class Prefetch:
    """How many deliveries a consumer holds at once, by lane (MEASURED: beyond 100 orders get no faster)."""

    orders: int = 100
    callbacks: int = 50
    catalog: int = 4
    logistics: int = 10

    def of(self, lane: str) -> int:
        """Return the prefetch of ``lane``, named with or without its prefix (``relay.orders`` or ``orders``).

        Raises:
            KeyError: there is no such lane.
        """
        name = lane.removeprefix("relay.")
        if name not in _LANES:
            raise KeyError(lane)
        count: int = getattr(self, name)
        return count


_LANES = tuple(field.name for field in fields(Prefetch))


def prefetch(text: str) -> Prefetch:
    """Read one number for all lanes, or ``orders=100,catalog=10`` (lanes left out keep their defaults)."""
    if "=" not in text:
        return Prefetch(*[_prefetch_count(text)] * len(_LANES))
    counts: dict[str, int] = {}
    for part in text.split(","):
        lane, _, count = part.partition("=")
        name = lane.strip().removeprefix("relay.")
        if name not in _LANES:
            raise ValueError(f"names a lane that does not exist (there are {', '.join(_LANES)})")
        if name in counts:
            raise ValueError(f"names the lane {name} twice")
        counts[name] = _prefetch_count(count)
    return replace(Prefetch(), **counts)


def _prefetch_count(text: str) -> int:
    word = text.strip()
    if not (word.isascii() and word.isdecimal()) or not 1 <= int(word) <= _MOST_PREFETCHED:
        raise ValueError(f"is not a number from 1 to {_MOST_PREFETCHED}")
    return int(word)


@dataclass(frozen=True, slots=True)
class CallbackWindow:
    """How far a callback's ``TimeStamp`` may lie from our clock."""

    back: timedelta = timedelta(hours=72)
    ahead: timedelta = timedelta(minutes=10)


def callback_window(text: str) -> CallbackWindow:
    """Read ``72h,10m``: how far back, how far ahead."""
    back, comma, ahead = text.partition(",")
    if not comma:
        raise ValueError("is not two durations")
    return CallbackWindow(duration(back), duration(ahead))


def fernet_keys(text: str) -> tuple[SecretStr, ...]:
    """Read Fernet keys parted by commas, each 32 bytes in url-safe base64 (cryptography.io, Fernet)."""
    parts = [part.strip() for part in text.split(",")]
    for place, part in enumerate(parts, 1):
        try:
            _check_fernet_key(part)
        except ValueError as error:
            whose = f"has {len(parts)} keys, of which number {place} " if len(parts) > 1 else ""
            raise ValueError(f"{whose}{error}") from None  # the chained error would quote the key
    return tuple(SecretStr(part) for part in parts)


def _check_fernet_key(text: str) -> None:
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not url-safe base64") from None
    if len(raw) != _FERNET_KEY_BYTES:
        raise ValueError(f"is {len(raw)} bytes long instead of {_FERNET_KEY_BYTES}")


def timezone(text: str) -> ZoneInfo:
    """Read a name of the IANA time zone database."""
    try:
        return ZoneInfo(text.strip())
    except (OSError, ValueError, KeyError):  # an unknown name is a KeyError, a directory's name an OSError
        raise ValueError("is not a known time zone") from None


def language(text: str) -> str:
    """Read ``zh`` or ``en``, also as a locale such as ``zh_CN.UTF-8``."""
    word = re.split(r"[._-]", text.strip().lower())[0]
    if word not in {"zh", "en"}:
        raise ValueError("is not a language that we speak")
    return word


def log_directory(text: str) -> Path | None:
    """Read a directory's path; ``off`` is none."""
    return None if text.strip().lower() in _FALSE else Path(text.strip()).expanduser()


def pattern(text: str) -> re.Pattern[str]:
    """Compile a regular expression."""
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression ({error.msg}, at character {error.pos})") from None


def split_url(text: str, schemes: Collection[str]) -> SplitResult:
    """Take ``text`` apart if it is a URL of one of ``schemes`` with a host and, if it names one, a port that exists."""
    parts = _split(text)
    if parts.scheme not in schemes:
        raise ValueError(f"does not begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    if not parts.hostname:
        raise ValueError("names no host")
    return parts


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text.strip())
        _ = parts.port  # is read here because an impossible port shows only on reading
    except ValueError:
        raise ValueError("is not a URL (host or port)") from None  # the chained error would quote the URL
    return parts


def web_url(text: str) -> str:
    """Check the root or endpoint URL of a supplier; a slash at the end goes."""
    parts = split_url(text, ("https", "http"))
    if parts.username is not None or parts.password is not None:
        raise ValueError("has a user name or password in it")
    if parts.query or parts.fragment:
        raise ValueError("has a query or fragment")
    return text.strip().rstrip("/")


def amqp_url(text: str) -> str:
    """Check the broker's URL; the path is the vhost."""
    split_url(text, ("amqp", "amqps"))
    return text.strip()


def http_url(text: str) -> str:
    """Check a URL that may carry credentials or a token."""
    split_url(text, ("https", "http"))
    return text.strip()


def database_url(text: str) -> str:
    """Check that the URL names a driver that we use."""
    url = text.strip()
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"sqlite+aiosqlite", "postgresql+asyncpg"}:
        raise ValueError("is for a database or driver that this service does not use")
    if scheme == "postgresql+asyncpg":
        split_url(url, ("postgresql+asyncpg",))
    elif rest.removeprefix("/").partition("?")[0] in {"", ":memory:"}:
        raise ValueError("is a database in memory, which forgets all at the end (acked has to mean durable)")
    return url
