"""Exceptions for the log: where it happened and of which type, but not what the message says.

A message is written by whoever raised it and often quotes the input: pydantic shows the field's value, SQLAlchemy the
statement's parameters, json the text. So only two kinds speak: the operating system's own errors, and the types that
the caller vouches for (our own, whose messages hold no customer's data by contract). Local variables are never read.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.observability.redaction import REDACTED, Plain, Redactor

if TYPE_CHECKING:
    from types import TracebackType

_MOST_FRAMES = 25
_MOST_CAUSES = 5
_MOST_MEMBERS = 5
_LONGEST_MESSAGE = 500
_OF_THE_SYSTEM = frozenset({"builtins", "socket", "ssl"})
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Describer:
    """Turns an exception into what may be written.

    Attributes:
        redactor: runs over the messages that are written.
        speaking: types of exception whose message is written.
    """

    redactor: Redactor
    speaking: tuple[type[BaseException], ...] = ()

    def message(self, error: BaseException) -> str:
        """Return the message of ``error``, or `REDACTED` if its type may not speak."""
        if not (isinstance(error, self.speaking) or _of_the_system(error)):
            return REDACTED
        return self.redactor.text(str(error))[:_LONGEST_MESSAGE]

    def describe(self, error: BaseException, *, causes: int = _MOST_CAUSES) -> dict[str, Plain]:
        """Return type, message, frames (innermost last), and the same of what it was raised from."""
        described: dict[str, Plain] = {
            "type": type_name(error),
            "message": self.message(error),
            "frames": list(_frames(error.__traceback__)),
        }
        if isinstance(error, BaseExceptionGroup) and causes:
            described["members"] = [self.describe(one, causes=causes - 1) for one in error.exceptions[:_MOST_MEMBERS]]
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is not None and causes:
            described["cause"] = self.describe(cause, causes=causes - 1)
        return described


def type_name(error: BaseException) -> str:
    """Return the type's name with its module, without ``builtins``."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _of_the_system(error: BaseException) -> bool:
    # By module, because a library may derive from OSError and put a whole answer into the message.
    return isinstance(error, OSError) and type(error).__module__ in _OF_THE_SYSTEM


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
