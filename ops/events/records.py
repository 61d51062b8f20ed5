"""From bytes to single events: one JSON document over many lines, or NDJSON; found out by looking. Pure.

Never holds more than one event: a line longer than the service reads is counted, not kept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Record:
    """One event as it was given, whatever it holds.

    Attributes:
        line: where it begins, from 1.
        body: its bytes; empty where it was too long to keep.
        length: of the whole in bytes, also of what was not kept.
    """

    line: int
    body: bytes
    length: int

    @property
    def kept(self) -> bool:
        """Is the whole of it here."""
        return len(self.body) == self.length


@dataclass(slots=True)
class _Line:
    """A line that is still coming in."""

    number: int
    parts: list[bytes] = field(default_factory=list)
    length: int = 0

    def add(self, part: bytes, limit: int) -> None:
        self.length += len(part)
        if self.length <= limit:
            self.parts.append(part)
        else:
            self.parts.clear()

    def record(self, limit: int) -> Record:
        if self.length > limit:
            return Record(self.number, b"", self.length)
        body = b"".join(self.parts)
        if self.number == 1:
            body = body.removeprefix(_BOM)
        return Record(self.number, body, len(body))


class Records:
    """Takes bytes as they come and gives records.

    The first line decides: whole JSON, or nothing like JSON, means a record a line. Where it is the beginning of
    something, lines are gathered until the end of the input shows one document, or until they prove to be records
    after all (a whole event stands on one of them, or they have grown beyond the limit).

    Args:
        limit: bytes of the longest record that is kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._line = _Line(1)
        self._gathered: list[Record] = []
        self._by_line = False

    def feed(self, chunk: bytes) -> Iterator[Record]:
        """Take the next bytes; gives what they complete."""
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            self._line.add(part, self._limit)
            yield from self._ended()
        self._line.add(rest, self._limit)

    def end(self) -> Iterator[Record]:
        """Tell that the input has ended; gives what is left."""
        if self._line.length:
            yield from self._ended()
        if self._by_line:
            return
        if self._gathered:
            first = self._gathered[0]
            # The line breaks are kept, so that "line 3, column 7" of a fault is where it says.
            body = b"\n".join(record.body for record in self._gathered)
            yield Record(first.line, body, len(body))

    def _ended(self) -> Iterator[Record]:
        record = self._line.record(self._limit)
        self._line = _Line(record.line + 1)
        blank = record.kept and not record.body.strip()
        if self._by_line:
            if not blank:
                yield record
        elif not blank or self._gathered:
            self._gathered.append(record)
            if self._are_records(record):
                self._by_line = True
                gathered, self._gathered = self._gathered, []
                yield from (one for one in gathered if not one.kept or one.body.strip())

    def _are_records(self, newest: Record) -> bool:
        if not newest.kept or sum(record.length for record in self._gathered) > self._limit:
            return True
        text = newest.body.strip()
        if len(self._gathered) == 1:
            return not text.startswith((b"{", b"[")) or _is_json(text)
        return text.startswith(b"{") and b'"specversion"' in text and _is_json(text)


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
