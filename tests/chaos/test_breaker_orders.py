"""Ledger against results where several things go wrong at once."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from rabbitmq.connection import connect
from rabbitmq.topology import UNCLAIMED, Topology
from tests.support.events import cancelled, event, paid
from tests.support.relay import eventually, killed, served_by_process, serving, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.relay import Relay


def _sqlite(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/relay.db"


@pytest.fixture
async def relay(amqp_url: str, tmp_path: Path) -> AsyncIterator[Relay]:
    """A running system on SQLite."""
    async with system(amqp_url, _sqlite(tmp_path)) as idle, serving(idle):
        yield idle


async def _refused_on_resend(relay: Relay) -> None:
    # The first send arrives and its answer is lost; the resend is refused for something else than being a duplicate
    # (YLH may look at the stock before it looks at the soId).
    await relay.box.add_fault({"call": "ylh.create", "key": "SO1", "times": 1, "effect": "lost_answer"})
    await relay.box.add_fault(
        {"call": "ylh.create", "key": "SO1", "times": 1, "effect": "refuse", "code": "E7", "message": "库存不足"}
    )
    await relay.send(paid("SO1"))
    await relay.until(lambda: any(result["correlationid"] == "paid-SO1-1" for result in relay.results))
    assert (await relay.box.order("SO1"))["creates"] == 1


async def test_an_order_that_arrived_is_not_cancelled_without_asking_ylh(relay: Relay) -> None:
    await _refused_on_resend(relay)
    await relay.send(cancelled("SO1"))
    await relay.until(lambda: any(result["correlationid"] == "cancel-SO1-2" for result in relay.results))
    assert (await relay.box.order("SO1"))["cancel_calls"] == 1
    assert not any(result["data"]["refundable"] for result in relay.of("order.cancel.succeeded"))


async def test_one_strange_product_does_not_fail_the_others(relay: Relay) -> None:
    goods: list[dict[str, Any]] = [{"productCode": f"C{number}", "isSales": "1"} for number in range(20)]
    goods[3]["productModel"] = "m" * 2_500
    await relay.box.add_fault({"call": "haier.products", "effect": "other_shape", "body": json.dumps(goods)})
    await relay.send(event("sync.products.requested", {}, event_id="S1"))
    await relay.until(lambda: bool(relay.of("sync.completed") or relay.of("event.dead_lettered")))
    completed = relay.of("sync.completed")
    assert completed
    assert completed[0]["data"]["sync_log"]["status"] == "partial"


async def test_a_full_disk_holds_events_back_and_loses_none(amqp_url: str, tmp_path: Path) -> None:
    async with system(amqp_url, _sqlite(tmp_path)) as relay, serving(relay) as wiring:
        await relay.send(paid("SO"))
        await relay.result("order.push.succeeded", "SO")
        writer = relay.store._database._writer  # type: ignore[attr-defined]

        def limit(pages: int) -> None:
            with writer.engine.connect() as connection:
                connection.exec_driver_sql(f"PRAGMA max_page_count={pages}").scalar()

        await writer.run(lambda: limit(1))
        await relay.send(*[paid(f"SO{number}") for number in range(150)])
        await relay.until(lambda: any(pause.resource == "database" for pause in wiring.pauses.pauses()))
        await writer.run(lambda: limit(1_000_000))
        await relay.until(lambda: len({one["subject"] for one in relay.of("order.push.succeeded")}) == 151, within=30)
        assert (await relay.box.summary())["doubled"] == 0
        assert not relay.of("event.dead_lettered")


async def test_sigterm_while_the_supplier_hangs(amqp_url: str, tmp_path: Path) -> None:
    settings = {"RELAY_SHUTDOWN_TIMEOUT": "2s", "RELAY_SUPPLIER_TIMEOUT": "30s"}
    async with system(amqp_url, _sqlite(tmp_path), **settings) as relay:
        await relay.box.add_fault({"call": "ylh.create", "pattern": "H.*", "effect": "hang"})
        async with served_by_process(relay) as process:
            await relay.send(
                *[paid(f"H{number}") for number in range(10)], *[paid(f"G{number}") for number in range(5)]
            )
            await relay.until(lambda: len(relay.of("order.push.succeeded")) >= 5, within=30)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 20) == 0
            assert time.monotonic() - began < 6
        assert len(relay.of("order.push.succeeded")) == 5

        async def given_back() -> bool:
            return (await _left(amqp_url, relay)).get("relay.orders") == 10

        await eventually(given_back)


async def _left(amqp_url: str, relay: Relay) -> dict[str, int]:
    """Messages in each queue that has any, but for results that nobody has to claim."""
    connection = await connect(amqp_url, name="test: counting")
    found: dict[str, int] = {}
    async with connection, connection.channel() as channel:
        for queue in Topology.build(relay.settings.broker.retry_delays).queues:
            declared = await channel.declare_queue(queue.name, passive=True)
            if declared.declaration_result.message_count and queue.name != UNCLAIMED:
                found[queue.name] = declared.declaration_result.message_count
    return found


@pytest.mark.timeout(200)
async def test_ten_orders_two_processes_and_kills_at_random(amqp_url: str, database_url: str) -> None:
    lots = random.Random(2)  # noqa: S311 - no secret
    settings = {
        "RELAY_SUPPLIER_TIMEOUT": "1s",
        "RELAY_RETRY_DELAYS": "100ms,300ms,1s,3s,6s,6001ms,6002ms,6003ms",
        # Longer than a dead process's lease. A cancel that was taken just before its process died is refused when it
        # is sent again, waits for a callback, and is parked after this.
        "RELAY_SNOOZE_LIMIT": "40s",
    }
    so_ids = [f"SO{number}" for number in range(10)]
    ended = {f"paid-{so_id}-1" for so_id in so_ids} | {f"cancel-{so_id}-2" for so_id in so_ids[:5]}
    async with system(amqp_url, database_url, **settings) as relay:
        await relay.box.add_fault({"call": "ylh.create", "probability": 0.2, "seed": 3, "effect": "lost_answer"})
        documents = [paid(so_id) for so_id in so_ids] * 3 + [cancelled(so_id) for so_id in so_ids[:5]] * 2
        lots.shuffle(documents)
        for _ in range(3):
            async with AsyncExitStack() as stack:
                processes = [await stack.enter_async_context(served_by_process(relay)) for _ in range(2)]
                await asyncio.sleep(1.2)
                for _ in range(5):
                    await relay.send(*[documents.pop() for _ in range(min(3, len(documents)))])
                    await asyncio.sleep(lots.uniform(0, 0.1))
                await killed(processes[lots.randrange(2)])
                await asyncio.sleep(lots.uniform(0, 0.2))
        await relay.send(*documents)
        async with served_by_process(relay), served_by_process(relay):
            await relay.until(lambda: ended <= {result["correlationid"] for result in relay.results}, within=100)

            async def quiet() -> bool:
                return not await _left(amqp_url, relay) and not (await relay.store.stats()).outbox_pending

            await eventually(quiet, within=40)
        _reckon(relay, (await relay.box.ledger())["orders"], so_ids)


def _reckon(relay: Relay, ledger: dict[str, Any], so_ids: list[str]) -> None:
    """Hold the supplier's ledger against the results."""
    parked = {dead["correlationid"]: dead["data"]["error"]["code"] for dead in relay.of("event.dead_lettered")}
    assert set(parked.values()) <= {"cancel_refused_on_resend"}
    told: dict[tuple[str, ...], set[str]] = {}
    for result in relay.results:
        told.setdefault((result["type"], result["subject"], result["correlationid"]), set()).add(json.dumps(result))
    assert all(len(bodies) == 1 for bodies in told.values()), "a result came under two ids or with two contents"
    for so_id in so_ids:
        order = ledger.get(so_id, {"creates": 0, "cancels": 0})
        pushed = bool(relay.of("order.push.succeeded", so_id))
        assert order["creates"] == (1 if pushed else 0), so_id
        taken = relay.of("order.cancel.accepted", so_id) or f"cancel-{so_id}-2" in parked
        assert order["cancels"] == (1 if taken else 0), so_id
    assert all(ledger[so_id]["creates"] == 1 for so_id in so_ids[5:])
