"""Following a sync from the request to its end, by its row in ``haier_sync_log``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from consumer.domain.writes import SyncStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.domain.writes import Letter, SyncLogRow
    from consumer.persistence.store import Store

ENDED: Final = frozenset({SyncStatus.SUCCESS, SyncStatus.PARTIAL, SyncStatus.FAILED})
_LOOK_EVERY: Final = 0.5
_LETTERS_LOOKED_AT: Final = 100


async def followed(
    store: Store, row_id: str, event_id: str, tell: Callable[[SyncLogRow | None], None]
) -> SyncLogRow | Letter:
    """Wait until the row is finished, or until the request lies in the dead letters; ``tell`` hears of every look."""
    while True:
        row = await store.sync_log(row_id)
        tell(row)
        if row is not None and row.status in ENDED:
            return row
        letter = await _letter_of(store, event_id)
        if letter is not None:
            return letter
        await asyncio.sleep(_LOOK_EVERY)


async def _letter_of(store: Store, event_id: str) -> Letter | None:
    newest = await store.open_letters(_LETTERS_LOOKED_AT)
    return next((letter for letter in newest if letter.event_id == event_id), None)
