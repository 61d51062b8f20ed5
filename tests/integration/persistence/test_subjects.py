"""What each kind of write promises by itself: outbox, sync log, letters, goods, suspects, figures, retention."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from consumer.domain.errors import ErrorClass
from consumer.domain.order import Order, OrderState
from consumer.domain.writes import (
    ClearSuspect,
    LetterStatus,
    MarkDispatched,
    MarkSuspect,
    SaveOrder,
    SyncStatus,
)
from consumer.persistence import outbox
from consumer.persistence.store import Store
from tests.integration.persistence.making import NOW, entry, key, letter, message, sync_row, unit

if TYPE_CHECKING:
    import pytest

MINUTE = timedelta(minutes=1)


async def test_a_message_written_twice_stays_the_first_one(store: Store) -> None:
    await store.apply([unit(message("m", body=b"first"), message("m", body=b"second"))])
    await store.apply([unit(message("m", body=b"third"))])
    assert [sent.body for sent in await store.outbox_of(key("e1"))] == [b"first"]


async def test_results_of_an_event_come_back_oldest_first_also_when_dispatched(store: Store) -> None:
    later = message("a", created_at=NOW + MINUTE)
    await store.apply([unit(later, message("b"), message("other", "e2"))])
    await store.apply([unit(MarkDispatched(("b", "no such row"), NOW))])
    assert [sent.id for sent in await store.outbox_of(key("e1"))] == ["b", "a"]


async def test_a_fresh_message_belongs_to_its_writer(store: Store) -> None:
    await store.apply([unit(message("m"))])
    assert await store.claim_outbox(10, MINUTE) == []


async def test_a_message_whose_claim_ran_out_is_claimed_once_until_it_is_dispatched(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = timedelta(milliseconds=50)
    monkeypatch.setattr(outbox, "FIRST_CLAIM", timedelta(0))
    async with Store.open(migrated_url) as dying:
        await dying.apply([unit(*[message(f"m{number}") for number in range(3)])])
        await asyncio.sleep(0.01)
        assert [sent.id for sent in await dying.claim_outbox(2, short)] == ["m0", "m1"]
        assert [sent.id for sent in await dying.claim_outbox(9, short)] == ["m2"]
        await asyncio.sleep(0.1)
        await dying.apply([unit(MarkDispatched(("m1",), NOW))])
        assert [sent.id for sent in await dying.claim_outbox(9, short)] == ["m0", "m2"]


async def test_a_sync_row_is_replaced_until_it_is_finished(store: Store) -> None:
    await store.apply([unit(sync_row(status=SyncStatus.PENDING))])
    await store.apply([unit(sync_row(status=SyncStatus.PROCESSING, message="half"))])
    assert await store.sync_log("log-1") == sync_row(status=SyncStatus.PROCESSING, message="half")
    await store.apply([unit(sync_row(status=SyncStatus.PARTIAL, message="end"))])
    await store.apply([unit(sync_row(status=SyncStatus.PROCESSING)), unit(sync_row(status=SyncStatus.SUCCESS))])
    assert await store.sync_log("log-1") == sync_row(status=SyncStatus.PARTIAL, message="end")
    assert await store.sync_log("log-2") is None


async def test_a_finished_sync_row_wins_within_one_batch_too(store: Store) -> None:
    await store.apply([unit(sync_row(status=SyncStatus.FAILED), sync_row(status=SyncStatus.PENDING))])
    assert (await store.recent_sync_logs(5))[0].status is SyncStatus.FAILED


async def test_recent_sync_rows_come_newest_first(store: Store) -> None:
    await store.apply([unit(replace(sync_row(f"r{n}"), created_at=NOW + n * MINUTE)) for n in (2, 0, 1)])
    assert [row.id for row in await store.recent_sync_logs(2)] == ["r2", "r1"]


async def test_a_letter_is_kept_as_it_came_and_archiving_it_again_changes_nothing(store: Store) -> None:
    await store.apply([unit(letter())])
    await store.apply([unit(letter(code="other"), letter(code="third"))])
    assert await store.letter("letter-1") == letter()
    assert await store.letter("none") is None


async def test_closed_letters_are_not_open(store: Store) -> None:
    await store.apply([unit(letter("a"), letter("b", status=LetterStatus.CLOSED))])
    assert [found.id for found in await store.open_letters(10)] == ["a"]


async def test_suspects_are_counted_and_forgotten(store: Store) -> None:
    await store.apply([unit(MarkSuspect("k", NOW)), unit(MarkSuspect("k", NOW)), unit(MarkSuspect("l", NOW))])
    await store.apply([unit(MarkSuspect("k", NOW))])
    assert await store.suspects(["k", "l", "m"]) == {"k": 3, "l": 1}
    await store.apply([unit(ClearSuspect("k"), ClearSuspect("m"))])
    assert await store.suspects(["k", "l"]) == {"l": 1}


async def test_stats_of_empty_books(store: Store) -> None:
    stats = await store.stats()
    assert (stats.open_letters, stats.outbox_pending, stats.outbox_oldest_age) == ({}, 0, None)


async def test_stats_count_what_is_there(store: Store) -> None:
    old = datetime.now(UTC) - MINUTE
    await store.apply(
        [
            unit(SaveOrder(Order("a"), "me"), SaveOrder(Order("b"), "me")),
            unit(SaveOrder(Order("c", state=OrderState.PUSHED), "me"), letter("a"), letter("b")),
            unit(message("m1", created_at=old), message("m2", created_at=old + MINUTE), message("m3", created_at=NOW)),
            unit(letter("c", status=LetterStatus.CLOSED)),
        ]
    )
    await store.apply([unit(MarkDispatched(("m3",), NOW))])
    stats = await store.stats()
    assert await store.stories.counts() == {OrderState.NEW: 2, OrderState.PUSHED: 1}
    assert stats.open_letters == {("relay.orders", ErrorClass.BUG): 2}
    assert stats.outbox_pending == 2
    assert stats.outbox_oldest_age is not None
    assert timedelta(seconds=59) < stats.outbox_oldest_age < timedelta(seconds=90)


async def test_purging_takes_what_is_old_and_settled_only(store: Store) -> None:
    now = datetime.now(UTC)
    old = now - timedelta(days=31)
    await store.apply(
        [
            *[unit(entry(f"old{n}", done_at=old), message(f"old{n}", created_at=old)) for n in range(1200)],
            unit(entry("new", done_at=now), message("new", created_at=now), message("unsent", created_at=old)),
            unit(MarkSuspect("old", old), MarkSuspect("new", now)),
        ]
    )
    await store.apply([unit(MarkDispatched((*[f"old{n}" for n in range(1200)], "new"), now))])
    purged = await store.purge(timedelta(days=30))
    assert (purged.inbox, purged.outbox, purged.suspects) == (1200, 1200, 1)
    assert set(await store.inbox([key("new"), key("old0")])) == {key("new")}
    assert {sent.id for sent in await store.outbox_of(key("e1"))} == {"new", "unsent"}
    assert (await store.purge()).inbox == 0
