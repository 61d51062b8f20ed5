"""Closing syncs: at once when a batch was counted, by itself a moment later, and once among many processes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import BooksUnavailable, SyncNotOver
from consumer.domain.sync_writes import CloseSync
from consumer.runtime.sync_closing import SyncClosing
from tests.unit.domain.test_sync_plan import END

if TYPE_CHECKING:
    from consumer.domain.sync_end import SyncEnd
    from consumer.domain.writes import OutboxMessage, UnitOfWork

LONG = timedelta(hours=1)


class Books:
    """Syncs that are over; one in ``taken`` was closed by another process between the look and the commit."""

    def __init__(self, *ends: SyncEnd) -> None:
        self.over = list(ends)
        self.taken: set[str] = set()
        self.closed: list[str] = []
        self.away = False

    async def ended_syncs(self) -> list[SyncEnd]:
        if self.away:
            raise BooksUnavailable("away", code="unreachable")
        return list(self.over)

    async def commit(self, unit: UnitOfWork) -> None:
        (close,) = [write for write in unit.writes if isinstance(write, CloseSync)]
        self.over = [end for end in self.over if end.row.id != close.sync_id]
        if close.sync_id in self.taken:
            raise SyncNotOver(close.sync_id)
        self.closed.append(close.sync_id)


class Closing:
    def __init__(self, books: Books, look_every: timedelta) -> None:
        self.counted = asyncio.Event()
        self.handed_over: list[OutboxMessage] = []
        self.ended: list[tuple[str, int, int, int, bool]] = []
        self.once = SyncClosing(books, self.handed_over.extend, self, self.counted, look_every=look_every).once

    def sync_ended(self, sync_type: str, *, changed: int, unchanged: int, failed: int, success: bool) -> None:
        self.ended.append((sync_type, changed, unchanged, failed, success))


def named(sync_id: str) -> SyncEnd:
    return replace(END, row=replace(END.row, id=sync_id))


ONE, TWO = "7d0a7d3e-5f6b-4f0e-9a51-0c9f3f1f2b11", "8d0a7d3e-5f6b-4f0e-9a51-0c9f3f1f2b11"


async def test_a_counted_batch_is_looked_at_at_once() -> None:
    books = Books(named(ONE))
    closing = Closing(books, LONG)
    closing.counted.set()
    async with asyncio.timeout(5):
        await closing.once()
    assert books.closed == [ONE]
    assert [row.routing_key for row in closing.handed_over] == ["sync.completed", "sync_log.recorded"]
    assert closing.ended == [("logistics", 3, 5, 2, False)]
    assert not closing.counted.is_set()


async def test_what_a_crash_left_is_found_without_a_batch() -> None:
    books = Books(named(ONE), named(TWO))
    closing = Closing(books, timedelta(milliseconds=10))
    async with asyncio.timeout(5):
        await closing.once()
    assert books.closed == [ONE, TWO]


async def test_what_another_process_closed_is_told_by_that_one_only() -> None:
    books = Books(named(ONE), named(TWO))
    books.taken.add(ONE)
    closing = Closing(books, timedelta(milliseconds=10))
    await closing.once()
    assert books.closed == [TWO]
    assert len(closing.ended) == 1
    assert len(closing.handed_over) == 2


async def test_while_the_database_is_away_it_waits_rather_than_spins() -> None:
    books = Books(named(ONE))
    books.away = True
    closing = Closing(books, LONG)
    closing.counted.set()
    with pytest.raises(BooksUnavailable):
        await closing.once()
    assert not closing.counted.is_set()


async def test_one_that_cannot_be_told_keeps_no_other_open_and_is_logged_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = replace(named(ONE), changed=END.row.success_count + 1)
    books = Books(broken, named(TWO))
    closing = Closing(books, LONG)
    for _ in range(2):
        closing.counted.set()
        await closing.once()
    assert books.closed == [TWO]
    assert capsys.readouterr().out.count("a sync cannot be closed: a defect sync_id=") == 1
