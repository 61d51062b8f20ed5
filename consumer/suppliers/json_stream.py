"""A JSON document that is too long to be held whole: whether it is one, where its list is, and the list's entries.

ijson does the parsing (ADR 0009). `Outline` is fed the document while it arrives and keeps nothing of it but what it
is; `entries` reads the list afterwards, from wherever the document was kept. Numbers come exact, as `int` or `Decimal`.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Final

# The library carries no types of its own.
import ijson  # type: ignore[import-untyped]

from consumer.suppliers.answers import storable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from consumer.suppliers.operation import JSON

_OPENING: Final = frozenset({"start_map", "start_array"})
_CLOSING: Final = frozenset({"end_map", "end_array"})
_NOWHERE: Final = -1


class Outline:
    """What a document turns out to be: a bare list, or an envelope of success around one, or something else.

    Attributes:
        count: entries of its list so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._bare = False
        self._success: object = None
        self._lists = self._data = 0
        self._broken: Exception | None = None
        target = self._hear()
        next(target)
        self._parser = ijson.basic_parse_coro(target)

    def feed(self, block: bytes) -> None:
        """Take the next piece of the document, cut anywhere; nothing counts any more after what is no JSON."""
        if self._broken is None:
            try:
                self._parser.send(block)
            except (ijson.JSONError, ValueError, ArithmeticError) as error:
                self._broken = error

    def end(self) -> str | None:
        """Return where the entries of its list are, for `entries`; None: it is neither a list nor a success with one.

        Raises:
            ValueError: it is no JSON document, or not a whole one.
        """
        if self._broken is None:
            try:
                self._parser.close()
            except (ijson.JSONError, ValueError, ArithmeticError) as error:
                self._broken = error
        if self._broken is not None:
            raise ValueError(f"no JSON ({type(self._broken).__name__})") from self._broken
        if self._bare:
            return "item"
        return "data.item" if self._success in (True, "true") and self._lists == self._data == 1 else None

    @property
    def enveloped(self) -> bool:
        """Whether something is around the list."""
        return not self._bare

    def _hear(self) -> Generator[None, tuple[str, object], None]:
        """Follow the parser's events: some 25 for each of a hundred thousand entries."""
        depth, inside, key = 0, _NOWHERE, None
        while True:
            event, value = yield
            if event == "map_key":
                if depth == 1:
                    key = value
                continue
            if event in _CLOSING:
                depth -= 1
                if depth < inside:
                    inside = _NOWHERE
                continue
            # A value begins; ``inside`` is the depth of the list's entries, as long as the list has not ended.
            if depth == inside:
                self.count += 1
            elif depth <= 1 and self._is_list(key, event, value):
                inside = depth + 1
            if event in _OPENING:
                depth += 1

    def _is_list(self, key: object, event: str, value: object) -> bool:
        """Take note of the document itself (``key`` None) or of a member of it, and tell whether that is the list."""
        is_list = event == "start_array"
        if key is None:
            self._bare = is_list
        elif key == "success":
            self._success, is_list = value, False
        elif key == "data":
            self._data += 1
            self._lists += is_list
        else:
            is_list = False
        return is_list


def entries(document: IO[bytes], where: str) -> Iterator[JSON]:
    """Yield the entries of the list in ``document``, which `Outline` has found to be whole, read from its beginning.

    Args:
        document: at its beginning; no more than a block of it is held.
        where: from `Outline.end`.
    """
    for entry in ijson.items(document, where):
        yield storable(entry)
