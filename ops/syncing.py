"""Following a sync from the request to its end, by its row in ``haier_sync_log``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from consumer.domain.writes import SyncStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.domain.writes import Letter, SyncLogRow

ENDED: Final = frozenset({SyncStatus.SUCCESS, SyncStatus.PARTIAL, SyncStatus.FAILED})
_LOOK_EVERY: Final = 0.5
_LETTERS_LOOKED_AT: Final = 100


class SyncBooks(Protocol):
    """What has to be read of the books (`consumer.persistence.store.Store`)."""

    async def sync_log(self, id_: str) -> SyncLogRow | None:
        """Return the row, or None as long as nobody has begun."""
        ...

    async def open_letters(self, limit: int) -> list[Letter]:
        """Return the newest open letters."""
        ...


async def followed(
    books: SyncBooks,
    row_id: str,
    event_id: str,
    tell: Callable[[SyncLogRow | None], None],
    *,
    look_every: float = _LOOK_EVERY,
) -> SyncLogRow | Letter:
    """Wait until the row is finished, or until the request lies in the dead letters without one.

    Args:
        books: where to look.
        row_id: id of the row.
        event_id: id of the request.
        tell: hears of every look.
        look_every: seconds between two looks.
    """
    while True:
        # The letter first: a row that ends with it ends in the same transaction, so it is seen in this look.
        letter = await _letter_of(books, event_id)
        row = await books.sync_log(row_id)
        tell(row)
        if row is not None and row.status in ENDED:
            return row
        if letter is not None:
            return letter
        await asyncio.sleep(look_every)


async def _letter_of(books: SyncBooks, event_id: str) -> Letter | None:
    newest = await books.open_letters(_LETTERS_LOOKED_AT)
    return next((letter for letter in newest if letter.event_id == event_id), None)
