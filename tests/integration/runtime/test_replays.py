"""Replays through the whole service: a broken supplier, letters, a plan, what comes of it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from consumer.deadletters.planning import Planner
from consumer.domain.audit import AuditEntry
from consumer.domain.errors import ErrorClass
from consumer.domain.ledger import Selection
from consumer.domain.replay import ItemStatus, ReplayRefused, ReplayStatus, Terms
from consumer.domain.writes import LetterStatus
from tests.support.events import cancelled, message, paid
from tests.support.relay import Relay, eventually, serving, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.domain.replay import Plan, Replay

DOWN = {"call": "ylh.create", "effect": "status", "status": 503}
"""After its retries an order's event lies in the dead letters. With more than a few orders the circuit would open."""
BROKEN = {"call": "ylh.create", "effect": "refuse", "code": "E-SHOP", "message": "店铺未授权"}


@pytest.fixture
async def relay(amqp_url: str, database_url: str) -> AsyncIterator[Relay]:
    """A system whose service runs in this process."""
    async with system(amqp_url, database_url, RELAY_RETRY_DELAYS="20ms,40ms") as given, serving(given):
        yield given


async def broken(relay: Relay, count: int, *, first: int = 0) -> list[str]:
    """Send orders to a supplier that does not work, and wait until each lies in the dead letters."""
    so_ids = [f"SO-{number}" for number in range(first, first + count)]
    before = await relay.store.ledger.count(Selection())
    await relay.send(*[paid(so_id) for so_id in so_ids])
    await eventually(lambda: _letters(relay, before + count), within=60)
    return so_ids


async def _letters(relay: Relay, count: int) -> bool:
    return await relay.store.ledger.count(Selection()) == count


def planner(relay: Relay) -> Planner:
    return Planner(relay.store.ledger, relay.store, max_event_bytes=relay.settings.broker.max_event_bytes)


async def planned(relay: Relay, selection: Selection | None = None) -> Plan:
    plan = await planner(relay).plan(selection or Selection(), by="li@ops", now=datetime.now(UTC))
    await relay.store.replays.keep(plan)
    return plan


def act(action: str, plan: Plan) -> AuditEntry:
    return AuditEntry("li@ops", action, datetime.now(UTC), plan.id, "YLH is back")


async def ended(relay: Relay, plan: Plan, *, within: float = 60) -> Replay:
    async def over() -> bool:
        replay = await relay.store.replay_looks.find(plan.id)
        return replay is not None and replay.ended_at is not None

    await eventually(over, within=within)
    replay = await relay.store.replay_looks.find(plan.id)
    assert replay is not None
    return replay


async def test_a_mended_supplier_gets_every_order_once(relay: Relay) -> None:
    await relay.box.add_fault(BROKEN)
    so_ids = await broken(relay, 30)
    await relay.box.clear_faults()
    plan = await planned(relay)
    assert [(item.status, item.calls) for item in plan.items] == [(ItemStatus.WAITING, {"ylh.create": 1})] * 30
    await relay.store.replays.start(plan.id, Terms(rate=200), act("replay.start", plan))
    replay = await ended(relay, plan)
    assert (replay.status, replay.counts.succeeded, replay.counts.total) == (ReplayStatus.DONE, 30, 30), replay.told
    for so_id in so_ids:
        assert (await relay.box.order(so_id))["creates"] == 1
        await relay.result("order.push.succeeded", so_id)
    letters = await relay.store.ledger.letters(Selection(status=None), limit=100)
    assert {letter.status for letter in letters} == {LetterStatus.REPLAYED}
    row = await relay.store.sync_log(plan.id)
    assert row is not None
    assert (row.sync_type, row.status, row.success_count) == ("manual", "success", 30)
    await relay.result("sync_log.recorded", plan.id)


async def test_a_cause_that_is_not_mended_stops_after_the_first(relay: Relay) -> None:
    await relay.box.add_fault(BROKEN)
    await broken(relay, 20)
    plan = await planned(relay)
    await relay.store.replays.start(plan.id, Terms(rate=200), act("replay.start", plan))
    replay = await ended(relay, plan)
    assert (replay.status, replay.counts.failed, replay.counts.skipped) == (ReplayStatus.STOPPED, 1, 19), replay.told
    [(item, new_id)] = await relay.store.replay_looks.items(plan.id, ItemStatus.FAILED)
    new = await relay.store.letter(new_id or "")
    assert new is not None
    assert (new.run, new.follows, new.status) == (plan.id, item.letter_id, LetterStatus.OPEN)
    old = await relay.store.letter(item.letter_id)
    assert old is not None
    assert old.status is LetterStatus.CLOSED
    assert await relay.store.ledger.count(Selection()) == 20
    [group] = await relay.store.ledger.groups(Selection())
    assert group.count == 20
    rows = await relay.store.audit_log()
    assert [entry.action for entry in rows] == ["replay.start", "replay.stop"]
    # Kept for ever, so in nobody's words: a supplier's may name a customer.
    assert new.supplier_message
    assert new.fingerprint in (rows[1].reason or "")
    assert new.supplier_message not in (rows[1].reason or "") + (replay.told or "")


async def test_what_was_given_up_goes_again_and_keeps_its_history(relay: Relay) -> None:
    await relay.box.add_fault(DOWN)
    await broken(relay, 1)
    plan = await planned(relay, Selection(error_class=ErrorClass.UNKNOWN_OUTCOME))
    await relay.store.replays.start(plan.id, Terms(canary=()), act("replay.start", plan))
    replay = await ended(relay, plan)
    assert (replay.status, replay.counts.failed) == (ReplayStatus.STOPPED, 1), replay.told
    [letter] = await relay.store.ledger.letters(Selection(), limit=9)
    assert [entry["attempt"] for entry in json.loads(letter.attempts)] == [1, 2, 3, 1, 2, 3]
    await relay.box.clear_faults()
    plan = await planned(relay)
    await relay.store.replays.start(plan.id, Terms(), act("replay.start", plan))
    replay = await ended(relay, plan)
    assert (replay.status, replay.counts.succeeded) == (ReplayStatus.DONE, 1), replay.told
    assert (await relay.box.order("SO-0"))["creates"] == 1


async def test_a_success_after_a_refusal_is_told_with_a_higher_sequence(relay: Relay) -> None:
    await relay.box.add_fault(BROKEN)
    await broken(relay, 1)
    await relay.box.clear_faults()
    plan = await planned(relay, Selection(error_class=ErrorClass.REJECTED))
    await relay.store.replays.start(plan.id, Terms(), act("replay.start", plan))
    replay = await ended(relay, plan)
    assert replay.counts.succeeded == 1, replay.told
    told = await relay.result("order.push.succeeded", "SO-0")
    assert told["data"]["sequence"] > relay.of("order.push.failed", "SO-0")[0]["data"]["sequence"]


async def test_what_was_cancelled_meanwhile_is_not_sent(relay: Relay) -> None:
    await relay.box.add_fault(BROKEN)
    await broken(relay, 2)
    await relay.box.clear_faults()
    await relay.send(cancelled("SO-0"))
    await relay.result("order.cancel.succeeded", "SO-0")
    plan = await planned(relay)
    reasons = {item.event_id: item.reason for item in plan.items}
    assert reasons["paid-SO-1-1"] is None
    assert (reasons["paid-SO-0-1"] or "").startswith("already done")


async def test_a_plan_whose_letters_somebody_else_took_is_stale(relay: Relay) -> None:
    await relay.box.add_fault(BROKEN)
    await broken(relay, 3)
    one, other = await planned(relay), await planned(relay)
    answers = await asyncio.gather(
        *(relay.store.replays.start(plan.id, Terms(rate=1), act("replay.start", plan)) for plan in (one, other)),
        return_exceptions=True,
    )
    refused = [answer for answer in answers if isinstance(answer, ReplayRefused)]
    assert len(refused) == 1, answers
    assert "no longer open" in str(refused[0])


async def test_paused_resumed_and_cancelled(relay: Relay) -> None:
    await relay.box.add_fault(BROKEN)
    await broken(relay, 12)
    await relay.box.clear_faults()
    plan = await planned(relay)
    await relay.store.replays.start(plan.id, Terms(rate=2, canary=()), act("replay.start", plan))
    await relay.result("order.push.succeeded")
    await relay.store.replays.pause(plan.id, act("replay.pause", plan))
    with pytest.raises(ReplayRefused, match="is paused"):
        await relay.store.replays.pause(plan.id, act("replay.pause", plan))
    await asyncio.sleep(1)
    gone = (await relay.box.summary())["orders"]
    await asyncio.sleep(1.5)
    assert (await relay.box.summary())["orders"] == gone < 12
    await relay.store.replays.resume(plan.id, act("replay.resume", plan))
    await relay.until(lambda: len(relay.of("order.push.succeeded")) > gone)
    cancelled_ = await relay.store.replays.cancel(plan.id, act("replay.cancel", plan))
    assert cancelled_.status is ReplayStatus.CANCELLED
    replay = await ended(relay, plan)
    assert replay.counts.failed == 0
    assert await relay.store.ledger.count(Selection()) == replay.counts.skipped == 12 - replay.counts.succeeded > 0


async def test_a_header_that_no_replay_wrote_is_not_believed(relay: Relay) -> None:
    document = paid("SO-9")
    await relay.send(document)
    await relay.result("order.push.succeeded", "SO-9")
    again = message(document, headers={"x-relay-replay": "made-up"})
    assert await relay.publisher.publish_many([again]) == [None]
    await relay.result("order.push.succeeded", "SO-9", count=2)
    first, second = relay.of("order.push.succeeded", "SO-9")
    assert first["id"] == second["id"], "a duplicate, told again"
