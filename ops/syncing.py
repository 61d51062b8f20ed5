"""Following a sync from the request to its end, by its row in ``haier_sync_log``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from consumer.domain.results import sync_log_id
from consumer.domain.writes import SyncStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.domain.writes import InboxKey, Letter, SyncLogRow

ENDED: Final = frozenset({SyncStatus.SUCCESS, SyncStatus.PARTIAL, SyncStatus.FAILED})
_LOOK_EVERY: Final = 0.5


class SyncBooks(Protocol):
    """What has to be read of the books (`consumer.persistence.store.Store`)."""

    async def sync_log(self, id_: str) -> SyncLogRow | None:
        """Return the row, or None as long as nobody has begun."""
        ...

    async def joined_sync(self, key: InboxKey) -> str | None:
        """Return the id of the sync that the request joined, if it did."""
        ...

    async def letter_of_event(self, event_id: str) -> Letter | None:
        """Return the newest open letter of an event."""
        ...


async def followed(
    books: SyncBooks,
    key: InboxKey,
    tell: Callable[[SyncLogRow | None], None],
    *,
    look_every: float = _LOOK_EVERY,
) -> SyncLogRow | Letter:
    """Wait until the sync's row is finished, or until the request lies in the dead letters without one.

    Args:
        books: where to look.
        key: inbox key of the request.
        tell: hears of every look; the row is another one's where the request joined a sync that was under way.
        look_every: seconds between two looks.
    """
    while True:
        # The letter first: a row that ends with it ends in the same transaction, so it is seen in this look.
        letter = await books.letter_of_event(key.event_id)
        row = await books.sync_log(sync_log_id(key))
        if row is None and (joined := await books.joined_sync(key)) is not None:
            row = await books.sync_log(joined)
        tell(row)
        if row is not None and row.status in ENDED:
            return row
        if letter is not None:
            return letter
        await asyncio.sleep(look_every)
