"""A sync of goods, prices and stock whose processes are killed and whose broker goes away: exact counts, one end.

Four processes; two are killed in the midst, the broker once. The sandbox fails now and then. What was told is read from
the outbox, for the listener's connection goes with the broker: nothing of it may be left unsent.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

import pytest

from rabbitmq.node import private_node
from sandbox.config import SandboxConfig
from sandbox.testing import running_sandbox
from schemas.codec import decode
from tests.support.events import event
from tests.support.relay import eventually, killed, served_by_process, system

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from tests.support.relay import Relay

GOODS: Final = 1_200
PROCESSES: Final = 4
COUNTIES: Final = ["330106", "370202"]


@pytest.mark.timeout(300)
async def test_the_row_closes_once_and_no_good_is_missing(database_url: str, tmp_path: Path) -> None:
    sandbox = running_sandbox(SandboxConfig(products=GOODS, latency=0.01))
    async with private_node(tmp_path / "node") as node, AsyncExitStack() as stack:
        settings = {"RELAY_RATE_LIMIT": "400/s", "RELAY_RETRY_DELAYS": "200ms,500ms,1s,2s,4s"}
        relay = await stack.enter_async_context(system(node.amqp_url, database_url, sandbox, **settings))
        crew = [await stack.enter_async_context(served_by_process(relay)) for _ in range(PROCESSES)]
        for call in ("haier.stock", "haier.prices", "haier.products"):
            await relay.box.add_fault(
                {"call": call, "probability": 0.005, "seed": 5, "effect": "status", "status": 503}
            )
        wish = {"with_prices": True, "with_stock": True, "county_codes": COUNTIES}
        await relay.send(event("sync.products.requested", wish, event_id="sync-1"))
        row_id = await _begun(relay)
        await _past(relay, row_id, GOODS)
        await killed(crew.pop())
        await _past(relay, row_id, 2 * GOODS)
        await node.kill()
        await asyncio.sleep(0.5)
        await node.start()
        await killed(crew.pop())
        await eventually(lambda: _finished(relay, row_id), within=150)
        await asyncio.sleep(4)
        await _assert_exact(relay, row_id)


async def _begun(relay: Relay) -> str:
    async def begun() -> bool:
        return bool(await relay.store.recent_sync_logs(1))

    await eventually(begun)
    return (await relay.store.recent_sync_logs(1))[0].id


async def _past(relay: Relay, row_id: str, items: int) -> None:
    async def past() -> bool:
        row = await relay.store.sync_log(row_id)
        assert row is not None
        assert row.completed_at is None, "it was over before anything could be killed"
        return row.success_count >= items

    await eventually(past, within=60)


async def _finished(relay: Relay, row_id: str) -> bool:
    row = await relay.store.sync_log(row_id)
    return row is not None and row.completed_at is not None


async def _assert_exact(relay: Relay, row_id: str) -> None:
    listed = [f"BX{number + 1:07}" for number in range(GOODS) if number % 20 != 7]
    priced = [code for code in listed if (int(code[2:]) - 1) % 20 != 13]
    row = await relay.store.sync_log(row_id)
    assert row is not None
    total = len(listed) * (2 + len(COUNTIES))
    assert (row.total_count, row.success_count, row.failed_count) == (
        total,
        total - len(listed) + len(priced),
        len(listed) - len(priced),
    )
    books = relay.store.catalogue
    assert set(await books.products(listed)) == set(await books.prices(listed)) == set(listed)
    for county in COUNTIES:
        assert set(await books.stock(listed, county)) == set(listed)
    await eventually(lambda: _all_sent(relay), within=30)
    told = await _told(relay)
    kinds = {"product.changed": 1, "price.changed": 1, "stock.changed": len(COUNTIES)}
    for kind, times in kinds.items():
        subjects = Counter(event.subject for event in told if event.type == kind)
        # No value is told under two ids, and every first value comes from nothing.
        assert (len(subjects), set(subjects.values())) == (len(listed) * times, {1})
        assert all(event.data.old is None for event in told if event.type == kind)
    [end] = [event.data for event in told if event.type == "sync.completed"]
    assert (end.changed, end.unchanged) == (row.success_count, 0)
    assert len(end.failed) == min(100, row.failed_count)
    assert len([event for event in told if event.type == "sync_log.recorded"]) == 1


async def _all_sent(relay: Relay) -> bool:
    return (await relay.store.stats()).outbox_pending == 0


async def _told(relay: Relay) -> list[Any]:
    def bodies(connection: Connection) -> list[Any]:
        return list(connection.exec_driver_sql("SELECT body, routing_key FROM outbox WHERE NOT mandatory").all())

    rows = await relay.store._database.read(bodies)
    return [decode(row.body, routing_key=row.routing_key) for row in rows]
