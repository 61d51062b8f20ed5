"""The attempts that an event has behind it, as they travel in a header and stand in its letter.

Each is {attempt, at, class, code, message, seconds, status, supplier_code, supplier_message}, the last four where they
are known: how long the attempt took, the HTTP status and the supplier's words, masked as everywhere.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from consumer.domain.letters import ErrorNote

MOST: Final = 64
"""Attempts that are kept."""
MOST_BYTES: Final = 48_000
"""Of the header: it has to fit into one frame of 128 kB beside the others. The oldest attempts give way."""
_LONGEST: Final = 500
_FIGURES: Final = {"attempt": (int,), "status": (int,), "seconds": (int, float)}
_TEXTS: Final = frozenset({"at", "class", "code", "message", "supplier_code", "supplier_message"})
_GREATEST: Final = 10**9

Entry = dict[str, Any]


def failed_attempt(number: int, note: ErrorNote, *, at: datetime, seconds: float | None) -> Entry:
    """Return an attempt that has failed.

    Args:
        number: of the attempt, 1 for the first.
        note: why.
        at: when it had failed.
        seconds: how long it took, its immediate repeats included; None: nobody knows.
    """
    entry = {
        "attempt": number,
        "at": at.isoformat(),
        "class": note.error_class.value,
        "code": note.code,
        "message": note.message,
        "seconds": None if seconds is None else round(seconds, 3),
        "status": note.status,
        "supplier_code": note.supplier_code,
        "supplier_message": note.supplier_message,
    }
    return _known({key: value for key, value in entry.items() if value is not None})


def extended(history: Sequence[Entry], entry: Entry) -> list[Entry]:
    """Return ``history`` with one more; the oldest give way where it becomes too long."""
    kept: list[Entry] = []
    room = MOST_BYTES
    for one in reversed([*history, entry][-MOST:]):
        room -= len(to_text([one]).encode())
        if room < 0:
            break
        kept.append(one)
    return kept[::-1]


def read(text: str) -> list[Entry]:
    """Read what `to_text` wrote; whatever a publisher put there is left out, and must not grow on each hop."""
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        # Not ours: the attempts before this one are then unknown, and nothing else depends on them.
        return []
    if not isinstance(entries, list):
        return []
    return [_known(entry) for entry in entries[-MOST:] if isinstance(entry, dict)]


def to_text(history: Sequence[Entry]) -> str:
    """Return it as JSON text."""
    return json.dumps(history, ensure_ascii=False)


def _known(entry: Mapping[str, Any]) -> Entry:
    """Return of an entry what we write into one."""
    known: Entry = {}
    for key, value in entry.items():
        if key in _TEXTS and isinstance(value, str):
            known[key] = value[:_LONGEST]
        # By type, for to Python true is a whole number too; neither NaN nor infinity is below the bound.
        elif type(value) in _FIGURES.get(key, ()) and 0 <= value < _GREATEST:
            known[key] = value
    return known
