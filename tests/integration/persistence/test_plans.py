"""Plans over the real ledger: one message for an event however many letters it has, none for one that a replay did."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from consumer.deadletters.planning import Planner
from consumer.domain.audit import AuditEntry
from consumer.domain.ledger import Selection
from consumer.domain.replay import ItemStatus, Terms
from consumer.domain.writes import InboxEntry, InboxKey, UnitOfWork
from consumer.persistence.store import Store
from tests.support.dead_letters import dead_letter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.domain.replay import Plan
    from consumer.domain.writes import Letter

OLD = replace(dead_letter("defect", 1), created_at=datetime.now(UTC) - timedelta(hours=1))
NEW = replace(OLD, id="defect-1-newer", created_at=datetime.now(UTC))


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[Store]:
    async with Store.open(migrated_url) as opened:
        yield opened


async def planned(store: Store, *letters: Letter, ids: tuple[str, ...] = ()) -> Plan:
    for error in await store.apply([UnitOfWork((letter,)) for letter in letters]):
        assert error is None
    planner = Planner(store.ledger, store, max_event_bytes=256 * 1024)
    plan = await planner.plan(Selection(ids=ids), by="li@ops", now=datetime.now(UTC))
    await store.replays.keep(plan)
    return plan


def told(plan: Plan) -> dict[str, str | None]:
    return {item.letter_id: item.reason for item in plan.items}


async def test_of_two_letters_of_one_event_the_newer_goes(store: Store) -> None:
    plan = await planned(store, OLD, NEW)
    assert told(plan) == {OLD.id: f"letter {NEW.id}, newer, is of the same event and stands for it", NEW.id: None}
    assert told(await planned(store, ids=(OLD.id,)))[OLD.id], "also where only the older one was asked for"


async def test_what_a_replay_has_in_hand_does_not_go_by_another_letter(store: Store) -> None:
    plan = await planned(store, OLD)
    await store.replays.start(plan.id, Terms(), AuditEntry("li@ops", "replay.start", datetime.now(UTC), plan.id, "why"))
    later = await planned(store, NEW)
    assert told(later) == {NEW.id: f"its event is in the hand of replay {plan.id} already, as letter {OLD.id}"}


@pytest.mark.parametrize(("outcome", "goes"), [("done", False), ("refused", True)])
async def test_what_a_replay_has_done_is_done(store: Store, outcome: str, *, goes: bool) -> None:
    first = InboxKey(OLD.event_source or "", OLD.event_id or "")
    runs = [(first, "refused"), (replace(first, run="an-earlier-replay"), outcome)]
    entries = [InboxEntry(key, "digest", OLD.type or "", ended, datetime.now(UTC)) for key, ended in runs]
    for error in await store.apply([UnitOfWork((entry,)) for entry in entries]):
        assert error is None
    [item] = (await planned(store, OLD)).items
    assert (item.status is ItemStatus.WAITING) == goes
    assert goes or (item.reason or "").startswith("already done: its event ended as done")
