"""A record read as an event: what would be sent, or why it will not be."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from publishers.making import check_sendable
from publishers.streaming import Entry
from schemas.codec import decode
from schemas.faults import BODY, FieldError, InvalidEvent

if TYPE_CHECKING:
    from ops.events.records import Record

_BROKEN_AT: Final = re.compile(r"(?<=broken JSON at line )\d+")


def checked(record: Record, *, max_bytes: int) -> Entry:
    """Hold a record against the contract; any type that the contract knows."""
    if not record.kept:
        error = InvalidEvent([FieldError(BODY, f"at most {max_bytes} bytes", f"{record.length} bytes")])
        return Entry(record.line, None, b"", error)
    body = record.body.strip()
    try:
        return Entry(record.line, decode(body, max_bytes=max_bytes), body, None)
    except InvalidEvent as error:
        return Entry(record.line, None, body, _placed(error, record.line))


def sendable(record: Record, *, max_bytes: int) -> Entry:
    """The same for publishing: results, internal events and callbacks are refused too, before anything is sent."""
    entry = checked(record, max_bytes=max_bytes)
    if entry.event is None:
        return entry
    try:
        check_sendable(entry.event.type)
    except InvalidEvent as error:
        return Entry(entry.number, entry.event, entry.body, error)
    return entry


def _placed(error: InvalidEvent, first_line: int) -> InvalidEvent:
    """Return the error with broken JSON placed in the whole input, not in the one event."""

    def in_input(match: re.Match[str]) -> str:
        return str(int(match[0]) + first_line - 1)

    faults = [
        replace(fault, input=_BROKEN_AT.sub(in_input, fault.input)) if fault.field == BODY else fault
        for fault in error.errors
    ]
    return InvalidEvent(faults, event_id=error.event_id, source=error.source, type_=error.type, subject=error.subject)
