"""Broker, database and supplier go away and come back: each says so, nothing is lost, all recover by themselves."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

from rabbitmq.node import private_node
from tests.support.events import paid
from tests.support.relay import eventually, served_by_process, serving, system

if TYPE_CHECKING:
    from pathlib import Path


def _sqlite(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/relay.db"


async def test_the_broker_goes_and_comes_back(tmp_path: Path) -> None:
    async with (
        private_node(tmp_path / "node") as node,
        system(node.amqp_url, _sqlite(tmp_path)) as relay,
        serving(relay),
    ):
        await relay.send(paid("SO1"))
        await relay.result("order.push.succeeded", "SO1")
        # RabbitMQ 3.10 writes a quorum queue's registration with a delay: one declared just before a crash stays dead.
        await asyncio.sleep(2)
        await node.kill()
        await asyncio.sleep(0.5)
        await node.start()
        await relay.send(paid("SO2"))

        async def told() -> bool:
            return (await relay.store.stats()).outbox_pending == 0 and (await relay.box.summary())["orders"] == 2

        # The listener's own connection is gone with the broker: what was confirmed is read from the books.
        await eventually(told, within=60)
        assert (await relay.box.order("SO2"))["creates"] == 1


async def test_a_locked_database_holds_events_back_and_loses_none(amqp_url: str, tmp_path: Path) -> None:
    async with system(amqp_url, _sqlite(tmp_path)) as relay, serving(relay):
        await relay.send(paid("SO0"))
        await relay.result("order.push.succeeded", "SO0")
        thief = sqlite3.connect(tmp_path / "relay.db", isolation_level=None)
        thief.execute("BEGIN EXCLUSIVE")
        await relay.send(*[paid(f"SO{number}") for number in range(1, 6)])
        # Longer than the 10 s that SQLite waits for a lock: the service has to find out and rest.
        await asyncio.sleep(12)
        thief.execute("ROLLBACK")
        thief.close()
        await relay.until(lambda: len(relay.of("order.push.succeeded")) == 6, within=40)
        assert (await relay.box.summary())["doubled"] == 0
        assert not relay.of("event.dead_lettered")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to a read-only file")
async def test_a_read_only_database_holds_events_back(amqp_url: str, tmp_path: Path) -> None:
    async with system(amqp_url, _sqlite(tmp_path)) as relay:
        file = tmp_path / "relay.db"
        file.chmod(stat.S_IRUSR)
        await relay.send(paid("SO1"))
        async with served_by_process(relay):
            await asyncio.sleep(3)
            assert not relay.results
            file.chmod(stat.S_IRUSR | stat.S_IWUSR)
            await relay.result("order.push.succeeded", "SO1")


async def test_a_supplier_that_does_not_resolve_pauses_its_lane(amqp_url: str, tmp_path: Path) -> None:
    async with (
        system(amqp_url, _sqlite(tmp_path), YLH_BASE_URL="http://no-such-host.invalid") as relay,
        serving(relay) as wiring,
    ):
        await relay.send(paid("SO1"))
        await relay.until(lambda: bool(wiring.pauses.pauses()))
        (pause,) = wiring.pauses.pauses()
        assert pause.resource == "ylh"
        assert pause.alert
        assert "no-such-host.invalid" in pause.cause.message
        await asyncio.sleep(0.5)
        assert not relay.of("order.push.failed")
        assert not relay.of("event.dead_lettered")


async def test_throttling_rests_the_lane_and_spends_no_attempt(amqp_url: str, tmp_path: Path) -> None:
    async with system(amqp_url, _sqlite(tmp_path)) as relay, serving(relay):
        # Once more than the ladder has rungs: with an attempt spent on each, it would end in the dead letters.
        times = len(relay.settings.broker.retry_delays) + 2
        await relay.box.add_fault(
            {"call": "ylh.create", "times": times, "effect": "status", "status": 429, "retry_after": 1}
        )
        await relay.send(paid("SO1"))
        await relay.result("order.push.succeeded", "SO1")
        assert (await relay.box.ledger())["calls"]["ylh.create"] == times + 1
        assert not relay.of("event.dead_lettered")


async def test_an_expired_token_is_renewed_once_for_all(amqp_url: str, tmp_path: Path) -> None:
    async with system(amqp_url, _sqlite(tmp_path)) as relay, serving(relay):
        await relay.send(paid("SO0"))
        await relay.result("order.push.succeeded", "SO0")
        await relay.box.withdraw_tokens()
        await relay.send(*[paid(f"SO{number}") for number in range(1, 40)])
        await relay.until(lambda: len(relay.of("order.push.succeeded")) == 40)
        assert (await relay.box.ledger())["calls"]["ylh.token"] == 2


async def test_broker_and_database_may_come_after_the_service(amqp_url: str, tmp_path: Path) -> None:
    missing = tmp_path / "later"
    async with system(amqp_url, _sqlite(tmp_path)) as relay:
        await relay.send(paid("SO1"))
        async with served_by_process(relay, RELAY_DATABASE_URL=f"sqlite+aiosqlite:///{missing}/relay.db") as process:
            await asyncio.sleep(2)
            assert process.returncode is None
            assert not relay.results
            missing.symlink_to(tmp_path)
            await relay.result("order.push.succeeded", "SO1")
