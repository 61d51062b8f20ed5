"""The schedule in the books: one lease, each due time once, run and request together or not at all."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from consumer.domain.schedule_books import Holder, PastRun, RequestState, Turned
from consumer.domain.timetable import SOURCE, STILL_WAITS, RunStatus, Standing, Step, steps
from consumer.domain.writes import InboxEntry, InboxKey, MarkDispatched, OutboxMessage
from consumer.persistence.store import Store
from consumer.settings.schedule import read_schedule
from tests.integration.persistence.making import unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.domain.schedule_books import Decide

ZONE = ZoneInfo("Asia/Shanghai")
LEASE = timedelta(seconds=30)
BEGIN = datetime(2026, 11, 23, 3, tzinfo=UTC)


def decide(minute: float = 0, cron: str = "* * * * *", name: str = "goods") -> Decide:
    """The scheduler's own decision, as if it were ``minute`` minutes (and a bit) after `BEGIN`."""
    entries = read_schedule(json.dumps({name: {"cron": cron, "type": "sync.products.requested"}}))
    moment = BEGIN + timedelta(minutes=minute, milliseconds=20)
    return lambda known, _: steps(entries, ZONE, known, moment)


async def turned(store: Store, decision: Decide, owner: str = "a") -> Turned:
    turn = await store.schedule.turn(owner, LEASE, decision)
    assert isinstance(turn, Turned)
    return turn


async def sendable(store: Store) -> list[OutboxMessage]:
    """What any `relay consume` would send at its next sweep."""
    return await store.claim_outbox(100, timedelta(0))


async def test_a_run_stands_with_its_request_which_any_service_may_send_at_once(store: Store) -> None:
    await turned(store, decide())
    turn = await turned(store, decide(1))
    (run,) = turn.written
    (row,) = await sendable(store)
    assert (row.id, row.routing_key, row.exchange, row.mandatory) == (
        run.event_id,
        "sync.products.requested",
        "relay.events",
        True,
    )
    # A duplicate of the request sends its results again, but not the request itself.
    assert await store.outbox_of(InboxKey(SOURCE, run.event_id)) == []
    assert (await store.schedule.newest_runs())["goods"] == PastRun(
        run.due_at, RunStatus.REQUESTED, None, run.passed_over, run.event_id, turn.now, RequestState.WAITING
    )


async def test_only_one_has_the_lease_until_it_gives_it_up(store: Store) -> None:
    assert await store.schedule.holder() is None
    await turned(store, decide(), "a")
    refused = await store.schedule.turn("b", LEASE, decide(5))
    assert isinstance(refused, Holder)
    assert refused.owner == "a"
    assert timedelta(0) < refused.remains <= LEASE
    holder = await store.schedule.holder()
    assert holder is not None
    assert (holder.owner, holder.since) == ("a", refused.since)
    assert abs(holder.since - datetime.now(UTC)) < timedelta(seconds=10)
    assert await sendable(store) == []
    await store.schedule.release("b")
    assert isinstance(await store.schedule.turn("b", LEASE, decide()), Holder)
    await store.schedule.release("a")
    assert await store.schedule.holder() is None
    await turned(store, decide(), "b")


async def test_a_lease_that_ran_out_goes_to_another_and_the_first_finds_it_taken(store: Store) -> None:
    await store.schedule.turn("a", timedelta(milliseconds=500), decide())
    first = await store.schedule.holder()
    await asyncio.sleep(0.6)
    await turned(store, decide(), "b")
    second = await store.schedule.holder()
    assert first is not None
    assert second is not None
    assert (first.owner, second.owner) == ("a", "b")
    assert second.since - first.since >= timedelta(seconds=0.5)
    assert isinstance(await store.schedule.turn("a", LEASE, decide(5)), Holder)


async def test_of_many_that_begin_at_once_one_has_it(migrated_url: str) -> None:
    stores = [Store.open(migrated_url) for _ in range(4)]
    try:
        turns = await asyncio.gather(
            *[store.schedule.turn(f"p{number}", LEASE, decide()) for number, store in enumerate(stores)]
        )
        assert [type(turn) for turn in turns].count(Turned) == 1
    finally:
        for store in stores:
            await store.close()


async def test_a_due_time_is_never_requested_twice_even_by_two_without_a_lease(migrated_url: str) -> None:
    """The key of the run holds where everything else has failed: two owners, each certain of its turn."""
    async with Store.open(migrated_url) as store:
        await turned(store, decide())
        stale = await _frozen(store, decide(2))
        first = await turned(store, decide(2))
        again = await turned(store, stale)
        assert [run.due_at for run in first.written] == [step.run.due_at for step in first.steps if step.run]
        assert again.written == []
        assert len(await sendable(store)) == 1


async def _frozen(store: Store, decision: Decide) -> Decide:
    """A decision made now and carried out later."""
    made: list[Step] = []

    def look(known: Mapping[str, Standing], now: datetime) -> Sequence[Step]:
        made.extend(decision(known, now))
        raise LookupError

    with pytest.raises(LookupError):
        await store.schedule.turn("a", LEASE, look)
    return lambda *_: made


async def test_what_fails_midway_leaves_nothing(store: Store) -> None:
    await turned(store, decide())

    def broken(known: Mapping[str, Standing], now: datetime) -> Sequence[Step]:
        (step,) = decide(2)(known, now)
        assert step.run is not None
        assert step.run.message is not None
        # The table takes no row without it; the run is written by then.
        message = replace(step.run.message, mandatory=None)  # type: ignore[arg-type]
        return [replace(step, run=replace(step.run, message=message))]

    with pytest.raises(Exception, match=r"(?i)null"):
        await store.schedule.turn("a", LEASE, broken)
    assert await store.schedule.newest_runs() == {}
    assert len((await turned(store, decide(2))).written) == 1


async def test_while_a_request_waits_the_next_is_not_added_to_it(store: Store) -> None:
    await turned(store, decide())
    await turned(store, decide(1))
    for minute in (2, 3, 4):
        (held,) = (await turned(store, decide(minute))).written
        assert (held.status, held.reason) == (RunStatus.MISSED, STILL_WAITS)
    (row,) = await sendable(store)
    await store.apply([unit(MarkDispatched((row.id,), datetime.now(UTC)))])
    (run,) = (await turned(store, decide(5))).written
    assert run.status is RunStatus.REQUESTED


async def test_where_a_request_is(store: Store) -> None:
    await turned(store, decide())
    (run,) = (await turned(store, decide(1))).written

    async def state() -> RequestState | None:
        return (await store.schedule.newest_runs())["goods"].request

    assert await state() is RequestState.WAITING
    await store.apply([unit(MarkDispatched((run.event_id,), datetime.now(UTC)))])
    assert await state() is RequestState.SENT
    key = InboxKey(SOURCE, run.event_id)
    await store.apply([unit(InboxEntry(key, "d", "sync.products.requested", "done", datetime.now(UTC)))])
    assert await state() is RequestState.DONE


async def test_an_entry_that_left_the_settings_begins_anew_when_it_comes_back(store: Store) -> None:
    await turned(store, decide())
    await turned(store, decide(name="another"))
    assert (await turned(store, decide(1_000))).written == []


async def test_old_runs_go_but_the_newest_of_each_entry_stays(store: Store) -> None:
    for name, minutes in (("a", (0, 1, 2, 3)), ("b", (0, 1))):
        for minute in minutes:
            await turned(store, decide(minute, name=name))
    await asyncio.sleep(0.01)
    assert (await store.purge(timedelta(days=1))).scheduled_runs == 0
    before = await store.schedule.newest_runs()
    assert (await store.purge(timedelta(milliseconds=1))).scheduled_runs == 2
    assert await store.schedule.newest_runs() == before


async def test_many_entries_are_one_turn(store: Store) -> None:
    given = {f"entry {number}": {"cron": "* * * * *", "type": "sync.balance.requested"} for number in range(100)}
    look = partial(steps, read_schedule(json.dumps(given)), ZONE)
    await turned(store, lambda known, _: look(known, BEGIN))
    turn = await turned(store, lambda known, _: look(known, BEGIN + timedelta(minutes=1)))
    assert len(turn.written) == 100
    assert len(await sendable(store)) == 100
