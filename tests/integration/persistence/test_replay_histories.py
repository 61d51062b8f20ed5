"""Replays with random outcomes, pauses, kills and cancels: nothing twice, each letter one end, the sums right."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from consumer.domain.audit import AuditEntry
from consumer.domain.ledger import Selection
from consumer.domain.replay import Item, ItemStatus, Plan, ReplayStatus, Terms
from consumer.domain.writes import InboxEntry, InboxKey, LetterStatus, UnitOfWork
from consumer.persistence import tables
from consumer.persistence.store import Store
from tests.support.dead_letters import dead_letter, filed
from tests.support.events import SOURCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.domain.writes import Letter
    from consumer.persistence.replay_steps import Step

LETTERS: Final = 30
REPLAY: Final = "0b6c0a3e-5f1d-4c52-9d8e-6f7a1b2c3d4e"
LEASE: Final = timedelta(milliseconds=20)
OTHER_SOURCE: Final = "/another-shop"


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[Store]:
    async with Store.open(migrated_url) as opened:
        await filed(opened, "unanswered", LETTERS)
        yield opened


def act(action: str) -> AuditEntry:
    return AuditEntry("li@ops", action, datetime.now(UTC), REPLAY, "a reason")


async def ends(store: Store, item: Item, *, well: bool) -> Letter | None:
    """What the pipeline, or the archivist, would write of an event that the replay has sent."""
    key = InboxKey(item.source or "", item.event_id or "", REPLAY)
    if well:
        entry = InboxEntry(key, "digest", "order.paid", "done", datetime.now(UTC))
        assert await store.apply([UnitOfWork((entry,))]) == [None]
        return None
    old = await store.letter(item.letter_id)
    assert old is not None
    new = dead_letter("unanswered", int(item.letter_id.rpartition("-")[2]))
    came = replace(new, id=f"again-{item.letter_id}", run=REPLAY, follows=item.letter_id)
    assert await store.apply([UnitOfWork((came,))]) == [None]
    return came


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_each_letter_goes_at_most_once_and_ends_once(store: Store, seed: int) -> None:
    lots = random.Random(seed)  # noqa: S311 - no secret
    items = [Item(f"unanswered-{n}", "relay.orders", "order.paid", SOURCE, f"paid-SO-U-{n}-1") for n in range(LETTERS)]
    await store.replays.keep(Plan(REPLAY, "{}", datetime.now(UTC), "li@ops", items))
    terms = Terms(rate=1000, canary=(1, 5), stop_at_error_rate=lots.choice((0.3, 1.0)))
    await store.replays.start(REPLAY, terms, act("replay.start"))
    sent: Counter[str] = Counter()
    for _ in range(400):
        step = await _one_of_two(store, lots)
        if step is None:
            break
        sent.update(message.id for message in step.messages if message.routing_key == "relay.orders")
        counts = step.replay.counts
        assert counts.total == LETTERS
        assert counts.begun <= 5 or counts.ended >= 5
        await _outcomes(store, lots)
        await _a_person(store, lots, step)
    replay = await store.replay_looks.find(REPLAY)
    assert replay is not None
    assert replay.ended_at is not None, replay
    assert set(sent.values()) <= {1}
    counts = replay.counts
    assert (len(sent), counts.waiting, counts.sent) == (counts.begun, 0, 0)
    by_status = {status: await store.ledger.count(Selection(status=status)) for status in LetterStatus}
    assert by_status[LetterStatus.REPLAYING] == 0
    assert by_status[LetterStatus.REPLAYED] == counts.succeeded
    assert by_status[LetterStatus.CLOSED] == counts.failed
    assert by_status[LetterStatus.OPEN] == counts.skipped + counts.failed
    row = await store.sync_log(REPLAY)
    assert row is not None
    assert (row.success_count, row.failed_count, row.completed_at is None) == (counts.succeeded, counts.failed, False)


async def _one_of_two(store: Store, lots: random.Random) -> Step | None:
    """Let one of two processes step; now and then the leader dies, and its lease has to run out."""
    if lots.random() < 0.1:
        await asyncio.sleep(2 * LEASE.total_seconds())
    for owner in lots.sample(("one", "two"), 2):
        step = await store.replay_steps.step(REPLAY, owner, LEASE, lots.randint(0, 7))
        if step is not None:
            return step
    return None


async def _outcomes(store: Store, lots: random.Random) -> None:
    for item, _ in await store.replay_looks.items(REPLAY, ItemStatus.SENT):
        if lots.random() < 0.5:
            await ends(store, item, well=lots.random() < 0.8)


async def _a_person(store: Store, lots: random.Random, step: Step) -> None:
    status, lot = step.replay.status, lots.random()
    if status is ReplayStatus.RUNNING and lot < 0.05:
        await store.replays.pause(REPLAY, act("replay.pause"))
    elif status is ReplayStatus.PAUSED and lot < 0.4:
        await store.replays.resume(REPLAY, act("replay.resume"))
    elif status in {ReplayStatus.RUNNING, ReplayStatus.PAUSED} and step.replay.ended_at is None and lot > 0.99:
        await store.replays.cancel(REPLAY, act("replay.cancel"))


async def test_two_sources_may_use_one_id(store: Store) -> None:
    items = [
        Item("unanswered-0", "relay.orders", "order.paid", SOURCE, "the-same"),
        Item("unanswered-1", "relay.orders", "order.paid", OTHER_SOURCE, "the-same"),
    ]
    await store.replays.keep(Plan(REPLAY, "{}", datetime.now(UTC), "li@ops", items))
    await store.replays.start(REPLAY, Terms(canary=(), stop_at_error_rate=1), act("replay.start"))
    await store.replay_steps.step(REPLAY, "one", LEASE, 2)
    good, bad = (item for item, _ in await store.replay_looks.items(REPLAY, ItemStatus.SENT))
    await ends(store, good, well=True)
    came = replace(
        dead_letter("unanswered", 7),
        id="again",
        event_id="the-same",
        event_source=OTHER_SOURCE,
        run=REPLAY,
        follows=bad.letter_id,
    )
    assert await store.apply([UnitOfWork((came,))]) == [None]
    step = await store.replay_steps.step(REPLAY, "one", LEASE, 0)
    assert step is not None
    assert (step.replay.counts.succeeded, step.replay.counts.failed) == (1, 1)


async def test_a_letter_that_is_gone_is_skipped(store: Store) -> None:
    items = [Item(id_, "relay.orders", "order.paid", SOURCE, id_) for id_ in ("unanswered-0", "unanswered-1")]
    await store.replays.keep(Plan(REPLAY, "{}", datetime.now(UTC), "li@ops", items))
    await store.replays.start(REPLAY, Terms(canary=()), act("replay.start"))
    gone = await store.letter("unanswered-0")
    assert gone is not None
    await _deleted(store, gone.id)
    step = await store.replay_steps.step(REPLAY, "one", LEASE, 2)
    assert step is not None
    assert (step.gone, step.replay.counts.sent, step.replay.counts.skipped) == (1, 1, 1)


async def _deleted(store: Store, letter_id: str) -> None:
    statement = tables.dead_letters.delete().where(tables.dead_letters.c.id == letter_id)
    await store._database.write(lambda connection: connection.execute(statement))
