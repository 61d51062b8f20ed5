"""A replay of two thousand letters whose process is killed twice: each order once, none left out, no other touched.

``REPLAYED_LETTERS`` makes it another number.
"""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from consumer.deadletters.planning import Planner
from consumer.domain.audit import AuditEntry
from consumer.domain.errors import ErrorClass
from consumer.domain.ledger import Selection
from consumer.domain.replay import ItemStatus, Replay, ReplayStatus, Terms
from consumer.domain.writes import LetterStatus
from tests.support.crew import crewed
from tests.support.dead_letters import KINDS, filed
from tests.support.relay import Relay, eventually, system

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.crew import Crew

LETTERS: Final = int(os.environ.get("REPLAYED_LETTERS", "2000"))
OTHERS: Final = 50
RATE: Final = 200.0
FAST: Final = {"RELAY_RATE_LIMIT": "2000/s", "RELAY_RETRY_DELAYS": "100ms,200ms"}


async def test_killed_twice_every_letter_goes_once(amqp_url: str, database_url: str, tmp_path: Path) -> None:
    lots = random.Random(1123)  # noqa: S311 - no secret
    async with system(amqp_url, database_url, **FAST) as relay:
        for kind in KINDS:
            await filed(relay.store, kind, LETTERS if kind == "unanswered" else OTHERS)
        planner = Planner(relay.store.ledger, relay.store, max_event_bytes=256 * 1024)
        wanted = Selection(error_class=ErrorClass.UNKNOWN_OUTCOME)
        plan = await planner.plan(wanted, by="li@ops", now=datetime.now(UTC))
        await relay.store.replays.keep(plan)
        async with crewed(relay, lots, tmp_path / "crew.log") as crew:
            entry = AuditEntry("li@ops", "replay.start", datetime.now(UTC), plan.id, "YLH is back")
            await relay.store.replays.start(plan.id, Terms(rate=RATE), entry)
            for part in (4, 2):
                await _reached(relay, plan.id, LETTERS // part)
                await _kill_the_leader(relay, crew, plan.id)
            await eventually(lambda: _over(relay, plan.id), within=240)
            replay = await _now(relay, plan.id)
            await _all_told(relay, LETTERS)
            await crew.drain()
        assert (replay.status, replay.counts.succeeded) == (ReplayStatus.DONE, LETTERS), replay.told
        assert replay.counts.total == LETTERS
        await _each_once(relay, plan.id)


async def _each_once(relay: Relay, replay_id: str) -> None:
    orders = (await relay.box.ledger())["orders"]
    assert len(orders) == LETTERS
    # What a killed process had sent, and nobody knew, is sent again; YLH takes it once.
    assert {order["creates"] for order in orders.values()} == {1}
    assert await relay.store.ledger.count(Selection(status=LetterStatus.REPLAYED)) == LETTERS
    assert await relay.store.ledger.count(Selection()) == OTHERS * (len(KINDS) - 1)
    assert await relay.store.replay_looks.items(replay_id, ItemStatus.FAILED) == []
    row = await relay.store.sync_log(replay_id)
    assert row is not None
    assert (row.status, row.total_count, row.success_count, row.failed_count) == ("success", LETTERS, LETTERS, 0)
    assert len({told["id"] for told in relay.of("sync_log.recorded", replay_id)}) == 1
    told = [result["subject"] for result in relay.of("order.push.succeeded")]
    assert len(set(told)) == LETTERS


async def _all_told(relay: Relay, count: int) -> None:
    await relay.until(lambda: len({told["subject"] for told in relay.of("order.push.succeeded")}) == count, within=60)


async def _kill_the_leader(relay: Relay, crew: Crew, replay_id: str) -> None:
    leader = (await _now(relay, replay_id)).leader
    assert leader is not None, "nobody leads it"
    await crew.kill(int(leader.split(":")[1]))


async def _reached(relay: Relay, replay_id: str, count: int) -> None:
    async def sent() -> bool:
        return (await _now(relay, replay_id)).counts.begun >= count

    await eventually(sent, within=120)


async def _over(relay: Relay, replay_id: str) -> bool:
    return (await _now(relay, replay_id)).ended_at is not None


async def _now(relay: Relay, replay_id: str) -> Replay:
    replay = await relay.store.replay_looks.find(replay_id)
    assert replay is not None
    return replay
