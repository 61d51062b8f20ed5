"""Exceptions for the log: of which type, where it happened, and what it says if its type may speak.

Local variables are never read, and the lines of source are left out: file and line lead there.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.observability.redaction import type_name

if TYPE_CHECKING:
    from types import TracebackType

    from consumer.observability.redaction import Plain, Redactor

_MOST_FRAMES = 25
_MOST_CAUSES = 5
_MOST_MEMBERS = 5
_ROOT = Path(__file__).resolve().parents[2]


def describe(error: BaseException, redactor: Redactor, *, causes: int = _MOST_CAUSES) -> dict[str, Plain]:
    """Return type, message, frames (innermost last), and the same of what it was raised from.

    A chain is followed ``causes`` deep, so that one that bites its own tail ends too.
    """
    described: dict[str, Plain] = {
        "type": type_name(error),
        "message": redactor.message(error),
        "frames": list(_frames(error.__traceback__)),
    }
    if isinstance(error, BaseExceptionGroup) and causes:
        members = error.exceptions[:_MOST_MEMBERS]
        described["members"] = [describe(one, redactor, causes=causes - 1) for one in members]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and causes:
        described["cause"] = describe(cause, redactor, causes=causes - 1)
    return described


def _frames(trace: TracebackType | None) -> list[str]:
    frames = [
        f"{_place(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}" for frame, line in traceback.walk_tb(trace)
    ]
    if len(frames) <= _MOST_FRAMES:
        return frames
    half = _MOST_FRAMES // 2
    return [*frames[:half], f"… {len(frames) - 2 * half} frames", *frames[-half:]]


def _place(filename: str) -> str:
    _, found, inside = filename.rpartition("/site-packages/")
    if found:
        return inside
    path = Path(filename)
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else filename
