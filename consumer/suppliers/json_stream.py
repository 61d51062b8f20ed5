"""A JSON document that is too long to be held whole: read from a file, from the list in it entry by entry.

What is around the list is followed here; every value is read by the decoder that reads all other answers
(`consumer.suppliers.answers`), so that a number, an escape or a doubled key means the same in both (ADR 0009).
"""

from __future__ import annotations

import codecs
import re
from typing import IO, TYPE_CHECKING, Final

from consumer.suppliers.answers import value_at
from consumer.suppliers.operation import MEGABYTE, Misshapen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.suppliers.operation import JSON

BLOCK: Final = 64 * 1024
"""Bytes read at once."""
LONGEST: Final = MEGABYTE
"""Characters of one entry, and of all that is around the list."""

_GOES_ON: Final = frozenset({"", ".", "e", "E", "e+", "e-", "E+", "E-"})
"""What the text may end with after a number of which not all is here."""
_BLANK: Final = re.compile(r"[ \t\n\r]*")


class LongList:
    """A document that is a list, or an object with a list under ``data``; or any other, as long as that is short.

    Iterating gives the list's entries, once. Only its end tells that the document is whole and is JSON.

    Args:
        document: at its beginning.
        block: bytes to read at once.
    """

    def __init__(self, document: IO[bytes], *, block: int = BLOCK) -> None:
        self._document = document
        self._block = block
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._text = ""
        self._at = 0
        self._ended = False
        self._around: JSON = None
        self._room = LONGEST
        self._lists = 0

    def __iter__(self) -> Iterator[JSON]:
        """Yield the list's entries, as far as the document is JSON.

        Raises:
            Misshapen: it has two lists, or something long that is none.
            ValueError: it is no JSON document, or not a whole one.
        """
        match self._peek():
            case "[":
                yield from self._list()
            case "{":
                yield from self._object()
            case _:
                self._around = self._short("")
        if self._peek():
            raise ValueError("there is more after its end")

    def with_list(self, entries: list[JSON]) -> JSON:
        """Return the document's value after the iteration, with ``entries`` in the list's place."""
        if isinstance(self._around, dict) and self._lists:
            return {name: entries if value is _LIST else value for name, value in self._around.items()}
        return entries if self._lists else self._around

    def _object(self) -> Iterator[JSON]:
        self._take("{")
        around: dict[str, JSON] = {}
        self._around = around
        if self._peek() == "}":
            self._take("}")
            return
        more = True
        while more:
            name = self._short("")
            if not isinstance(name, str):
                raise ValueError("a name is no text")  # noqa: TRY004 -- of the document, not of an argument
            self._take(":")
            if name == "data" and self._peek() == "[":
                around[name] = _LIST
                yield from self._list()
            else:
                around[name] = self._short(name)
            more = self._take(",}") == ","

    def _list(self) -> Iterator[JSON]:
        self._lists += 1
        if self._lists > 1:
            raise Misshapen("data", "one list")
        self._take("[")
        if self._peek() == "]":
            self._take("]")
            return
        more = True
        while more:
            value, _ = self._value(LONGEST)
            yield value
            more = self._take(",]") == ","

    def _short(self, where: str) -> JSON:
        """Read a value that is held until the end."""
        try:
            value, length = self._value(self._room)
        except _TooLongError as error:
            raise Misshapen(where, "a list, or something short") from error
        self._room -= length
        return value

    def _value(self, most: int) -> tuple[JSON, int]:
        """Read the next value, of ``most`` characters, and return it with its length."""
        self._peek()
        while True:
            try:
                value, end = value_at(self._text, self._at)
            except ValueError as error:
                # Broken, or not all of it is here yet: twice as much each time, so that a long one is not tried often.
                tried = len(self._text) - self._at
                if tried > most:
                    raise _TooLongError(f"a value of more than {most} characters, or none") from error
                if not self._more(tried):
                    raise
                continue
            if self._text[end : end + 3] in _GOES_ON and self._more():
                continue
            length = end - self._at
            if length > most:
                raise _TooLongError(f"a value of more than {most} characters")
            self._at = end
            return value, length

    def _take(self, expected: str) -> str:
        found = self._peek()
        if not found or found not in expected:
            raise ValueError(f"expected {' or '.join(expected)}")
        self._at += 1
        return found

    def _peek(self) -> str:
        """Go on to the next character that is no blank, and return it; empty at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _more(self, at_least: int = 0) -> bool:
        """Read on, and tell whether there was something; what was read before is forgotten."""
        if self._ended:
            return False
        block = self._document.read(max(self._block, at_least))
        self._ended = not block
        self._text = self._text[self._at :] + self._decode(block, final=self._ended)
        self._at = 0
        return not self._ended


_LIST: Final[list[JSON]] = []
"""Stands for the list."""


class _TooLongError(ValueError):
    """More than is read of one value."""
