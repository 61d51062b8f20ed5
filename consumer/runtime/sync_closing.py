"""Closes syncs whose last batch has ended: at once after that batch's commit, or what a crash left a moment later.

Every process tries, and the database lets one of them: the plan can be taken away once (`CloseSync`). Whoever does it
tells ``sync.completed`` and ``sync_log.recorded`` in the same unit of work.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from consumer.domain.errors import BooksUnavailable, StateError
from consumer.domain.sync_end import closed
from consumer.domain.writes import SyncStatus
from consumer.observability.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.domain.ports import SyncObserver
    from consumer.domain.sync_end import SyncEnd
    from consumer.domain.writes import OutboxMessage, UnitOfWork

log = get_logger(__name__)

LOOK_EVERY: Final = timedelta(seconds=3)
"""How soon the sync of a process that died between its last batch and its end is closed by another."""


class ClosingBooks(Protocol):
    """What closing needs of our state."""

    async def commit(self, unit: UnitOfWork) -> None:
        """Commit ``unit`` whole."""
        ...

    async def ended_syncs(self) -> Sequence[SyncEnd]:
        """Return what every sync that is under way and has no open batch comes to."""
        ...


class SyncClosing:
    """Closes syncs for as long as the service runs.

    Args:
        books: our state.
        hand_over: where committed results go at once.
        observer: told how each sync ended.
        counted: set whenever a batch has been counted in this process.
        look_every: how long to wait for that before looking all the same.
    """

    def __init__(
        self,
        books: ClosingBooks,
        hand_over: Callable[[Sequence[OutboxMessage]], None],
        observer: SyncObserver,
        counted: asyncio.Event,
        *,
        look_every: timedelta = LOOK_EVERY,
    ) -> None:
        self._books = books
        self._hand_over = hand_over
        self._observer = observer
        self._counted = counted
        self._look_every = look_every
        # Syncs under way at the most.
        self._told: set[str] = set()

    async def once(self) -> None:
        """Wait until a batch has been counted, or it is time to look; then close every sync that is over.

        Raises:
            BooksUnavailable: the database does not answer; what is open stays open.
        """
        try:
            async with asyncio.timeout(self._look_every.total_seconds()):
                await self._counted.wait()
        except TimeoutError:
            pass  # it is time to look
        # Before looking: what is counted from here on is looked at once more.
        self._counted.clear()
        for end in await self._books.ended_syncs():
            try:
                await self._close(end)
            except BooksUnavailable:
                raise
            except Exception as fault:  # noqa: BLE001 - a fault of ours must keep neither other syncs nor the service
                self._tell(end, fault)

    def _tell(self, end: SyncEnd, fault: Exception) -> None:
        """Log why a sync stays open, once, not at each look."""
        if end.row.id not in self._told:
            self._told.add(end.row.id)
            log.error("a sync cannot be closed: a defect", sync_id=end.row.id, exc_info=fault)

    async def _close(self, end: SyncEnd) -> None:
        unit, rows, row = closed(end, datetime.now(UTC))
        try:
            await self._books.commit(unit)
        except StateError:
            log.debug("another process closed the sync first", sync_id=row.id)
            return
        self._hand_over(rows)
        self._observer.sync_ended(
            row.sync_type.value,
            changed=end.changed,
            unchanged=row.success_count - end.changed,
            failed=row.failed_count,
            success=row.status is SyncStatus.SUCCESS,
        )
        log.info("sync ended", sync_id=row.id, sync_type=row.sync_type.value, status=row.status.value)
