"""A sync of logistics whose processes are killed: every order is told once, counted once, and the sync ends once."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.events import event, paid
from tests.support.relay import killed, served_by_process, system

if TYPE_CHECKING:
    from tests.support.relay import Relay

ORDERS = [f"SO-{number:03}" for number in range(350)]


@pytest.mark.timeout(240)
async def test_two_processes_one_killed_in_the_midst(amqp_url: str, database_url: str) -> None:
    async with system(amqp_url, database_url) as relay, AsyncExitStack() as stack:
        first = await stack.enter_async_context(served_by_process(relay))
        await relay.send(*(paid(so_id) for so_id in ORDERS))
        await relay.until(lambda: len(relay.of("order.push.succeeded")) == len(ORDERS), within=60)
        await relay.box.add_fault(
            {"call": "haier.logistics", "probability": 0.02, "seed": 7, "effect": "status", "status": 503}
        )
        await relay.send(
            event("sync.logistics.requested", {"scope": "open", "detail": True}, event_id="sync-1"),
        )
        await relay.until(lambda: len(relay.of("order.logistics.updated")) > 20, within=60)
        await killed(first)
        await stack.enter_async_context(served_by_process(relay))
        await stack.enter_async_context(served_by_process(relay))
        done = (await _completed(relay))["data"]
        row = done["sync_log"]
        assert (row["status"], row["total_count"], row["success_count"]) == ("success", len(ORDERS), len(ORDERS))
        assert (done["changed"], done["unchanged"]) == (len(ORDERS), 0)
        await relay.until(lambda: len({told["id"] for told in relay.of("order.logistics.updated")}) == len(ORDERS))
        # Sent again after the kill it keeps its id; nothing is told twice under two.
        ids = {(told["subject"], told["id"]) for told in relay.of("order.logistics.updated")}
        told = Counter(subject for subject, _ in ids)
        assert set(told.values()) == {1}
        assert len(await relay.store.shipments.find(ORDERS)) == len(ORDERS)
        await asyncio.sleep(4)
        assert len({told["id"] for told in relay.of("sync.completed")}) == 1


async def _completed(relay: Relay) -> dict[str, Any]:
    await relay.until(lambda: bool(relay.of("sync.completed")), within=90)
    return relay.of("sync.completed")[0]
