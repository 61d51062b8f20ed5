"""Replays with random outcomes, pauses, kills and cancels: nothing twice, each letter one end, the sums right."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest
from sqlalchemy import func, select

from consumer.domain.audit import AuditEntry
from consumer.domain.ledger import Selection
from consumer.domain.replay import Item, ItemStatus, Plan, ReplayRefused, ReplayStatus, Terms, message_id
from consumer.domain.writes import InboxEntry, InboxKey, LetterStatus, MarkDispatched, UnitOfWork
from consumer.persistence import ledger_tables, tables
from consumer.persistence.replay_ends import BITE
from consumer.persistence.store import Store
from rabbitmq.topology import RETURN
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


async def _sent(store: Store, count: int) -> list[Item]:
    """Start a replay of ``count`` letters and let all go."""
    items = [Item(f"unanswered-{n}", "relay.orders", "order.paid", SOURCE, f"paid-SO-U-{n}-1") for n in range(count)]
    await store.replays.keep(Plan(REPLAY, "{}", datetime.now(UTC), "li@ops", items))
    await store.replays.start(REPLAY, Terms(canary=(), stop_at_error_rate=1), act("replay.start"))
    await store.replay_steps.step(REPLAY, "one", LEASE, count)
    return [item for item, _ in await store.replay_looks.items(REPLAY, ItemStatus.SENT)]


async def _bodies(store: Store) -> int:
    """How many messages with a customer in them lie in the outbox."""
    outbox = tables.outbox
    query = select(func.count()).select_from(outbox).where(outbox.c.exchange == RETURN)
    return await store._database.read(lambda connection: connection.execute(query).scalar_one())


async def test_what_waits_in_a_paused_lane_is_waited_for_however_long(store: Store) -> None:
    first, second = await _sent(store, 2)
    days_ago = ledger_tables.replay_letters.update().values(sent_at=datetime.now(UTC) - timedelta(days=5))
    await store._database.write(lambda connection: connection.execute(days_ago))
    step = await store.replay_steps.step(REPLAY, "one", LEASE, 0)
    assert step is not None
    assert (step.replay.counts.sent, step.replay.status) == (2, ReplayStatus.RUNNING)
    assert await store.replay_looks.waiting_since(REPLAY) is not None
    for item in (first, second):
        await ends(store, item, well=True)
    step = await store.replay_steps.step(REPLAY, "one", LEASE, 0)
    assert step is not None
    assert (step.replay.counts.succeeded, step.replay.status) == (2, ReplayStatus.DONE)


async def test_what_went_is_kept_in_the_outbox_until_its_outcome(store: Store) -> None:
    first, second = await _sent(store, 2)
    assert await _bodies(store) == 2
    await store.apply([UnitOfWork((MarkDispatched((message_id(REPLAY, 0),), datetime.now(UTC)),))])
    await ends(store, first, well=True)
    await store.replay_steps.step(REPLAY, "one", LEASE, 0)
    assert await _bodies(store) == 1
    await ends(store, second, well=False)
    await store.replay_steps.step(REPLAY, "one", LEASE, 0)
    assert await _bodies(store) == 0, "also where nobody has marked it as dispatched yet"


async def test_what_was_emptied_out_of_a_queue_is_given_up_by_a_person(store: Store) -> None:
    heard, *_ = await _sent(store, 3)
    cancelled = await store.replays.cancel(REPLAY, act("replay.cancel"))
    assert (cancelled.status, cancelled.counts.sent) == (ReplayStatus.CANCELLED, 3), "they may still come to an end"
    await ends(store, heard, well=True)
    given_up = await store.replays.cancel(REPLAY, act("replay.abandon"), abandon=True)
    assert (given_up.counts.sent, given_up.counts.succeeded, given_up.counts.failed) == (0, 1, 2)
    step = await store.replay_steps.step(REPLAY, "one", LEASE, 0)
    assert step is not None
    assert step.replay.ended_at is not None
    assert await store.ledger.count(Selection(status=LetterStatus.OPEN)) == LETTERS - 1
    with pytest.raises(ReplayRefused, match="cancelled and over"):
        await store.replays.cancel(REPLAY, act("replay.abandon"), abandon=True)


async def test_a_large_replay_that_stops_opens_its_letters_in_bites(store: Store) -> None:
    count = 2 * BITE + 10
    await filed(store, "unanswered", count)
    items = [Item(f"unanswered-{n}", "relay.orders", "order.paid", SOURCE, f"paid-SO-U-{n}-1") for n in range(count)]
    await store.replays.keep(Plan(REPLAY, "{}", datetime.now(UTC), "li@ops", items))
    await store.replays.start(REPLAY, Terms(canary=(1,)), act("replay.start"))
    await store.replay_steps.step(REPLAY, "one", LEASE, 1)
    [(item, _)] = await store.replay_looks.items(REPLAY, ItemStatus.SENT)
    await ends(store, item, well=False)
    waiting = []
    for _ in range(3):
        step = await store.replay_steps.step(REPLAY, "one", LEASE, 1)
        assert step is not None
        assert step.replay.status is ReplayStatus.STOPPED
        waiting.append(step.replay.counts.waiting)
    assert waiting == [count - 1 - BITE, count - 1 - 2 * BITE, 0]
    assert (await store.replay_looks.find(REPLAY) or pytest.fail("gone")).ended_at is not None
    assert await store.ledger.count(Selection()) == count
