"""A log line as a value, and its two looks: JSON for files and programs, text for people at a terminal."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic_core import PydanticSerializationError, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from consumer.observability.redaction import Plain

STREAMS = ("auth", "api", "sync", "error")
"""The four streams (DESIGN section 10); each has its file, and each line is in exactly one."""

_BARE = re.compile(r"[\w.:/+-]+")
"""A text that needs no quotes for people: it cannot be mistaken for the next pair, nor play tricks on a terminal."""

_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is fit to be written: all values are redacted.

    Attributes:
        time: when, in seconds since the epoch.
        level: ``debug`` … ``critical``.
        stream: one of `STREAMS`.
        logger: the name of the module that speaks.
        message: fixed words of the programmer.
        fields: the rest.
        exception: from `consumer.observability.tracebacks.describe`, or None.
    """

    time: float
    level: str
    stream: str
    logger: str
    message: str
    fields: Mapping[str, Plain]
    exception: Mapping[str, Plain] | None = None


def as_json(line: Line) -> bytes:
    """Return the line as one line of JSON in UTF-8, with its line feed; time in UTC."""
    record: dict[str, object] = {
        "time": _utc(line.time),
        "level": line.level,
        "stream": line.stream,
        "logger": line.logger,
        "message": line.message,
    }
    if line.exception is not None:
        record["exception"] = line.exception
    for key, value in line.fields.items():
        record.setdefault(key, value)  # what the line is must not be overwritten by what it is about
    try:
        return to_json(record) + b"\n"
    except PydanticSerializationError:
        # A lone surrogate (from somebody's broken input) cannot be encoded: escaped, so that no line is lost over it.
        return _to_json(record).encode("utf-8", "backslashreplace") + b"\n"


def as_text(line: Line, *, timezone: tzinfo | None, colours: bool) -> str:
    """Return the line for a person, with time in ``timezone``; an exception follows on lines of its own."""
    level = f"{line.level:<8}"
    if colours:
        level = f"\x1b[{_COLOURS[line.level]}m{level}\x1b[0m"
    clock = _clock(int(line.time), timezone)
    pairs = "".join(f"  {key}={_shown(value)}" for key, value in line.fields.items())
    text = f"{clock} {level} {_printable(line.message)}{pairs}\n"
    return text if line.exception is None else text + _exception_text(line.exception, "  ")


def _utc(time: float) -> str:
    second = int(time)
    return f"{_utc_second(second)}.{int((time - second) * 1000):03}Z"


# Many lines are written in the same second, and the calendar is the dearest part of a line.
@functools.lru_cache(maxsize=4)
def _utc_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@functools.lru_cache(maxsize=4)
def _clock(second: int, timezone: tzinfo | None) -> str:
    return datetime.fromtimestamp(second, timezone).strftime("%H:%M:%S")


def _shown(value: Plain) -> str:
    if isinstance(value, str):
        return value if _BARE.fullmatch(value) else _printable(_to_json(value))
    return str(value) if isinstance(value, int | float) else _printable(_to_json(value))


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _exception_text(exception: Mapping[str, Plain], indent: str) -> str:
    frames = exception.get("frames")
    text = (
        "".join(f"{indent}  {frame}\n" for frame in frames if isinstance(frame, str))
        if isinstance(frames, list)
        else ""
    )
    text = f"{indent}{exception['type']}: {_printable(str(exception['message']))}\n{text}"
    members = exception.get("members")
    for member in members if isinstance(members, list) else ():
        if isinstance(member, dict):
            text += f"{indent}one of them:\n{_exception_text(member, indent + '  ')}"
    cause = exception.get("cause")
    if isinstance(cause, dict):
        text += f"{indent}because of:\n{_exception_text(cause, indent)}"
    return text
