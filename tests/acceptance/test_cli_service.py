"""`relay consume` as a service manager runs it, and the commands that look at what it does."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from rabbitmq.connection import connect
from tests.acceptance.cli_process import Answer, relay, said, started
from tests.support.events import paid
from tests.support.relay import Relay, eventually, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

READY = "Ready: consuming"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.fixture
async def given(amqp_url: str, tmp_path: Path) -> AsyncIterator[Relay]:
    """Broker, suppliers and a database; no service yet."""
    async with system(
        amqp_url, f"sqlite+aiosqlite:///{tmp_path}/relay.db", RELAY_HTTP_PORT=str(free_port())
    ) as relay_system:
        yield relay_system


@asynccontextmanager
async def consuming(system_: Relay, directory: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    async with started("consume", *options, given=system_.environment, directory=directory) as process:
        await said(process.stderr, READY)
        assert process.stderr is not None
        # Nobody reads the log from here on: a full pipe would stop the service.
        draining = asyncio.create_task(process.stderr.read())
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await draining


async def ask(system_: Relay, directory: Path, *arguments: str, **more: str) -> Answer:
    return await relay(*arguments, given={**system_.environment, **more}, directory=directory)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_ends_it_well(given: Relay, tmp_path: Path, number: signal.Signals) -> None:
    async with consuming(given, tmp_path) as process:
        await given.send(paid("SO-1"))
        await given.result("order.push.succeeded", "SO-1")
        process.send_signal(number)
        async with asyncio.timeout(20):
            assert await process.wait() == 0


async def test_a_second_signal_ends_it_at_once(given: Relay, tmp_path: Path) -> None:
    await given.box.add_fault({"call": "ylh.create", "effect": "hang"})
    async with consuming(given, tmp_path) as process:
        await given.send(paid("SO-1"))
        await eventually(lambda: _called(given))
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        assert process.returncode is None, "it waits for the call that is under way"
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(2):
            assert await process.wait() == -signal.SIGTERM


async def _called(system_: Relay) -> bool:
    return any(call["call"] == "ylh.create" for call in await system_.box.calls())


async def test_only_the_lanes_that_were_asked_for(given: Relay, tmp_path: Path) -> None:
    async with consuming(given, tmp_path, "--lanes", "relay.catalog,relay.logistics"):
        rows = (await ask(given, tmp_path, "queues", "--output", "json")).data
        consumers = {row["queue"]: row["consumers"] for row in rows if row["kind"] == "lane"}
        assert consumers == {"relay.orders": 0, "relay.callbacks": 0, "relay.catalog": 1, "relay.logistics": 1}


async def test_a_port_in_use_has_its_sentence(given: Relay, tmp_path: Path) -> None:
    port = given.environment["RELAY_HTTP_PORT"]
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", int(port))
    async with server:
        answer = await ask(given, tmp_path, "consume")
    assert answer.code == 1
    assert f"Error: Port {port} on 127.0.0.1 is in use by another program" in answer.err
    assert "Traceback" not in answer.err


async def test_an_old_schema_is_told_at_once(given: Relay, tmp_path: Path) -> None:
    answer = await ask(given, tmp_path, "consume", RELAY_DATABASE_URL=f"sqlite+aiosqlite:///{tmp_path}/empty.db")
    assert answer.code == 1
    assert "relay db upgrade" in answer.err


async def test_a_queue_of_another_shape_ends_it_with_the_cure(given: Relay, tmp_path: Path, amqp_url: str) -> None:
    async with await connect(amqp_url, name="test") as connection, connection.channel() as channel:
        await channel.queue_delete("relay.catalog")
        await channel.declare_queue("relay.catalog", durable=True, arguments={"x-queue-type": "classic"})
    answer = await ask(given, tmp_path, "consume")
    assert answer.code == 1
    assert "queue relay.catalog, x-" in answer.err
    assert "relay topology apply" in answer.err
    assert "Traceback" not in answer.err


async def test_a_sync_is_followed_to_its_end(given: Relay, tmp_path: Path) -> None:
    async with consuming(given, tmp_path):
        whole = await ask(given, tmp_path, "sync", "products", "--wait", "--timeout", "20s", "--output", "json")
        assert (whole.code, whole.data["status"], whole.data["failed_count"]) == (0, "success", 0)
        assert whole.data["success_count"] > 100
        partly = await ask(given, tmp_path, "sync", "products", "--codes", "BX0000001,NOPE", "--wait", "-o", "json")
        assert (partly.code, partly.data["status"]) == (3, "partial")
        failed = await ask(given, tmp_path, "sync", "products", "--codes", "NOPE", "--wait", "-o", "json")
        assert (failed.code, failed.data["status"]) == (1, "failed")
    shown = await ask(given, tmp_path, "sync", "show", partly.data["id"], "--output", "json")
    assert shown.data == {**partly.data, "failed": [{"item": "NOPE", "reason": "Haier does not list this code"}]}
    listed = await ask(given, tmp_path, "sync", "list", "--limit", "2", "--output", "ndjson")
    assert [row["id"] for row in listed.lines] == [failed.data["id"], partly.data["id"]]


async def test_a_sync_that_nobody_takes_up_is_told_and_not_lost(given: Relay, tmp_path: Path) -> None:
    answer = await ask(given, tmp_path, "sync", "products", "--wait", "--timeout", "1s")
    assert (answer.code, answer.out) == (1, "")
    assert "does `relay consume` run?" in answer.err
    row_id = answer.err.partition("relay sync show ")[2].partition("`")[0]
    async with consuming(given, tmp_path):
        await given.result("sync.completed")
    assert (await ask(given, tmp_path, "sync", "show", row_id)).code == 0


async def test_a_sync_that_is_parked_ends_the_waiting(given: Relay, tmp_path: Path) -> None:
    await given.box.add_fault({"call": "haier.products", "effect": "other_shape"})
    async with consuming(given, tmp_path):
        answer = await ask(given, tmp_path, "sync", "products", "--wait", "--timeout", "30s", "--output", "json")
    assert (answer.code, answer.data["status"]) == (1, "failed")
    assert answer.data["message"] != "running"


async def test_an_order_is_shown_without_its_consignee(given: Relay, tmp_path: Path) -> None:
    async with consuming(given, tmp_path):
        await given.send(paid("SO-1"))
        await given.result("order.push.succeeded", "SO-1")
        await asyncio.sleep(0.2)
    data = await ask(given, tmp_path, "order", "show", "SO-1", "--output", "json")
    assert data.code == 0
    assert (data.data["state"], data.data["last_call"]["outcome"]) == ("pushed", "done")
    assert "order.push.succeeded" in {result["type"] for result in data.data["results"]}
    table = await ask(given, tmp_path, "order", "show", "SO-1")
    assert "YLH took it" in table.out
    for word in ("王小明", "13800000000", "海尔路"):
        assert word not in data.out + table.out
    unknown = await ask(given, tmp_path, "order", "show", "SO-2")
    assert (unknown.code, unknown.out) == (1, "")


async def test_an_unknown_outcome_is_told_apart_in_words(given: Relay, tmp_path: Path) -> None:
    await given.box.add_fault({"call": "ylh.create", "effect": "lost_answer"})
    async with consuming(given, tmp_path):
        await given.send(paid("SO-1"))
        await given.result("event.dead_lettered")
    table = await ask(given, tmp_path, "order", "show", "SO-1")
    assert table.code == 0
    assert "OUTCOME UNKNOWN: the order may or may not have reached YLH" in table.out
    data = (await ask(given, tmp_path, "order", "show", "SO-1", "-o", "json")).data
    assert (data["last_call"]["kind"], data["last_call"]["outcome"]) == ("create", "unknown")
    (letter,) = data["letters"]
    assert (letter["class"], letter["lane"]) == ("unknown_outcome", "relay.orders")


async def test_doctor_finds_nothing_wrong_beside_a_service(given: Relay, tmp_path: Path) -> None:
    async with consuming(given, tmp_path):
        answer = await ask(given, tmp_path, "doctor", "--output", "json")
    assert answer.code == 0, answer.out
    assert {row["status"] for row in answer.data} <= {"ok", "warn"}
    told = {row["check"]: row for row in answer.data}
    assert "RabbitMQ 3." in told["broker"]["message"] or "RabbitMQ 4." in told["broker"]["message"]
    assert told["consumers"]["status"] == told["ylh login"]["status"] == told["haier login"]["status"] == "ok"
    assert "a service is ready" in told["port"]["message"]


async def test_doctor_tells_refused_logins_from_suppliers_out_of_reach(given: Relay, tmp_path: Path) -> None:
    refused = await ask(given, tmp_path, "doctor", "-o", "json", HAIER_CLIENT_SECRET="wrong")
    assert refused.code == 1
    assert "HAIER_CLIENT_SECRET" in json.dumps(refused.data)
    away = await ask(given, tmp_path, "doctor", "-o", "json", YLH_BASE_URL="http://127.0.0.1:1")
    assert away.code == 5
    (row,) = [row for row in away.data if row["status"] == "fail"]
    assert (row["check"], "YLH_BASE_URL" in row["cure"]) == ("ylh login", True)


async def test_the_sandbox_says_where_it_is_and_ends_on_a_signal(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text("[]")
    async with started("sandbox", "--port", "0", "--faults", "faults.json", given={}, directory=tmp_path) as process:
        (line,) = await said(process.stderr, "http://127.0.0.1:")
        assert "Ctrl-C" in line
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_a_fault_file_that_is_not_usable_is_told(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text('{"no": "list"}')
    answer = await relay("sandbox", "--port", "0", "--faults", "faults.json", given={}, directory=tmp_path)
    assert answer.code == 2
    assert "faults.json is not usable" in answer.err
