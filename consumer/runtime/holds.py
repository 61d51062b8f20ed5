"""Brings the board in line with what people have paused: other processes and restarts know it from the books alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from consumer.domain.errors import BooksUnavailable
from consumer.observability.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.domain.interventions import SupplierPause
    from consumer.runtime.pause_board import PauseBoard

log = get_logger(__name__)


class PausesOfPeople(Protocol):
    """The books, as far as they are needed here."""

    async def supplier_pauses(self) -> Mapping[str, SupplierPause]:
        """Return what people have paused, by supplier.

        Raises:
            BooksUnavailable: they cannot be read.
        """
        ...


class Holds:
    """What people have paused, from the books to the board.

    Args:
        books: where people's pauses stand.
        board: where lanes look.
    """

    def __init__(self, books: PausesOfPeople, board: PauseBoard) -> None:
        self._books = books
        self._board = board
        self._blind = False

    async def read(self) -> None:
        """Bring the board in line.

        Raises:
            BooksUnavailable: the books cannot be read; the board stays as it is.
        """
        paused = await self._books.supplier_pauses()
        for pause in paused.values():
            self._board.hold(pause)
        for held in self._board.holds():
            if held.supplier not in paused:
                self._board.release(held.supplier)

    async def follow(self) -> None:
        """Bring the board in line, or leave it as it is while the books cannot be read."""
        try:
            await self.read()
        except BooksUnavailable as error:
            if not self._blind:
                log.warning("what people have paused cannot be read; what was known last stands", error=error)
            self._blind = True
        else:
            self._blind = False
