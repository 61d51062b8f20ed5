"""The receiver as a process on a real broker: what was answered with success is there, whoever is killed meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import httpx
import pytest

from consumer.callbacks.reading import SOURCE
from consumer.callbacks.taking import RUN
from consumer.persistence import migrations
from consumer.persistence.store import Store
from consumer.runtime.books import BatchedBooks
from consumer.runtime.outbox_relay import OutboxRelay
from publishers.confirms import ConfirmedPublisher
from rabbitmq.connection import connect
from rabbitmq.declaring import apply
from rabbitmq.node import private_node, server_executable
from rabbitmq.topology import Topology
from tests.benchmarks.usage import usage
from tests.support.receiver import receiver_process
from tests.support.relay import eventually
from tests.support.ylh_forms import FORM, body, callback

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aio_pika.abc import AbstractIncomingMessage

    from tests.support.receiver import Receiver

LANE = "relay.callbacks"
ROOT = Path(__file__).parents[3]
NOWHERE = "amqp://guest:guest@127.0.0.1:9/"


@dataclass
class Caller:
    """Posts callbacks as fast as they are answered, and remembers what was promised."""

    numbers: itertools.count[int] = field(default_factory=itertools.count)
    promised: set[str] = field(default_factory=set)
    refused: int = 0
    unanswered: int = 0

    async def call(self, url: str) -> None:
        """Until cancelled."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
            while True:
                number = f"SO-{next(self.numbers)}"
                try:
                    async with session.post(url, data=body(callback(number)), headers=FORM) as answer:
                        told = json.loads(await answer.read())
                except (aiohttp.ClientError, TimeoutError):
                    self.unanswered += 1
                    await asyncio.sleep(0.01)
                    continue
                assert answer.status in {200, 503}, told
                if told["success"]:
                    self.promised.add(number)
                else:
                    self.refused += 1


@asynccontextmanager
async def calling(caller: Caller, url: str, *, lines: int = 16) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(caller.call(url)) for _ in range(lines)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError), ended


async def shaped(amqp_url: str) -> None:
    async with await connect(amqp_url, name="test") as connection:
        await apply(connection, Topology.build())


async def on_the_broker(amqp_url: str) -> list[bytes]:
    """All messages of the lane."""
    found: list[bytes] = []

    async def take(message: AbstractIncomingMessage) -> None:
        found.append(message.body)

    async with await connect(amqp_url, name="test") as connection, connection.channel() as channel:
        queue = await channel.declare_queue(LANE, passive=True)
        expected = queue.declaration_result.message_count or 0
        await queue.consume(take, no_ack=True)
        await eventually(lambda: _reached(found, expected))
    return found


async def _reached(found: list[bytes], expected: int) -> bool:
    return len(found) >= expected


async def in_the_outbox(store: Store) -> list[bytes]:
    rows = []

    async def more() -> bool:
        # A fresh row is its writer's for 15 s.
        rows.extend(await store.claim_outbox(100_000, claim_for=timedelta(hours=1)))
        return (await store.stats()).outbox_pending == len(rows)

    await eventually(more, within=30)
    return [row.body for row in rows]


def subjects(bodies: list[bytes]) -> set[str]:
    return {json.loads(event)["subject"] for event in bodies}


async def post(receiver: Receiver, number: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(receiver.url, content=body(callback(number)), headers=FORM)


@pytest.fixture
async def database(tmp_path: Path) -> str:
    url = f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    await migrations.upgrade(url)
    return url


async def test_takes_confirms_counts_and_says_that_it_is_ready(amqp_url: str, database: str, tmp_path: Path) -> None:
    await shaped(amqp_url)
    environment = {"RELAY_AMQP_URL": amqp_url, "RELAY_DATABASE_URL": database}
    async with receiver_process(tmp_path, environment) as receiver, httpx.AsyncClient() as client:
        await eventually(lambda: _connected(client, receiver))
        assert (await post(receiver, "SO-1")).status_code == 200
        assert (await client.get(f"{receiver.health_url}/health/live")).status_code == 200
        assert (await client.get(f"{receiver.health_url}/health/ready")).status_code == 200
        metrics = (await client.get(f"{receiver.health_url}/metrics")).text
        assert 'relay_callbacks_total{method="confirm",outcome="taken"}' in metrics
        # Nothing but callbacks on the port that faces the internet.
        assert (await client.get(receiver.url.replace("/callbacks/ylh", "/metrics"))).status_code == 404
        assert await receiver.stop() == 0
    assert "SO-1" in subjects(await on_the_broker(amqp_url))


async def _connected(client: httpx.AsyncClient, receiver: Receiver) -> bool:
    """Post until one goes to the broker itself."""
    await client.post(receiver.url, content=body(callback("SO-0")), headers=FORM)
    return 'outcome="taken"' in (await client.get(f"{receiver.health_url}/metrics")).text


async def test_what_waits_in_the_outbox_is_sent_by_the_service(amqp_url: str, database: str, tmp_path: Path) -> None:
    await shaped(amqp_url)
    async with receiver_process(tmp_path, {"RELAY_AMQP_URL": NOWHERE, "RELAY_DATABASE_URL": database}) as receiver:
        assert (await post(receiver, "SO-1")).status_code == 200
    async with Store.open(database) as store, ConfirmedPublisher(amqp_url, name="test") as publisher:
        books = BatchedBooks(store)
        relay = OutboxRelay(books, publisher)
        running = asyncio.create_task(relay.run())
        await eventually(lambda: _sent(store), within=30)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    [event] = [json.loads(found) for found in await on_the_broker(amqp_url)]
    assert (event["subject"], event["source"], event["type"]) == ("SO-1", SOURCE, "supplier.callback.confirmed")
    assert RUN not in event.values()


async def _sent(store: Store) -> bool:
    return (await store.stats()).outbox_pending == 0


async def test_with_broker_and_database_away_it_says_so(tmp_path: Path) -> None:
    away = {"RELAY_AMQP_URL": NOWHERE, "RELAY_DATABASE_URL": "postgresql+asyncpg://relay@127.0.0.1:9/relay"}
    async with receiver_process(tmp_path, away) as receiver, httpx.AsyncClient() as client:
        answer = await post(receiver, "SO-1")
        assert (answer.status_code, answer.json()["success"]) == (503, False)
        ready = await client.get(f"{receiver.health_url}/health/ready")
        assert ready.status_code == 503
        assert "neither the broker nor the database" in ready.text
        assert await receiver.stop() == 0
    assert "Traceback" not in receiver.log.read_text()


async def test_sigterm_answers_what_is_in_hand(amqp_url: str, database: str, tmp_path: Path) -> None:
    await shaped(amqp_url)
    caller = Caller()
    environment = {"RELAY_AMQP_URL": amqp_url, "RELAY_DATABASE_URL": database}
    async with receiver_process(tmp_path, environment) as receiver, calling(caller, receiver.url):
        await asyncio.sleep(1)
        assert await receiver.stop() == 0
    assert len(caller.promised) > 50
    async with Store.open(database) as store:
        kept = subjects(await on_the_broker(amqp_url) + await in_the_outbox(store))
    assert caller.promised <= kept


@pytest.mark.timeout(180)
async def test_kill_minus_nine_of_the_receiver_breaks_no_promise(amqp_url: str, database: str, tmp_path: Path) -> None:
    await shaped(amqp_url)
    caller = Caller()
    environment = {"RELAY_AMQP_URL": amqp_url, "RELAY_DATABASE_URL": database}
    for _ in range(3):
        async with receiver_process(tmp_path, environment) as receiver, calling(caller, receiver.url):
            await asyncio.sleep(0.7)
            await receiver.stop(signal.SIGKILL)
    assert len(caller.promised) > 100
    assert caller.unanswered
    async with Store.open(database) as store:
        kept = subjects(await on_the_broker(amqp_url) + await in_the_outbox(store))
    assert caller.promised <= kept


@pytest.mark.skipif(server_executable() is None, reason="no rabbitmq-server on this machine that could be killed")
@pytest.mark.timeout(180)
async def test_kill_minus_nine_of_the_broker_breaks_no_promise(database: str, tmp_path: Path) -> None:
    caller = Caller()
    async with private_node() as node:
        await shaped(node.amqp_url)
        await asyncio.sleep(1)  # see PrivateNode.kill
        environment = {"RELAY_AMQP_URL": node.amqp_url, "RELAY_DATABASE_URL": database}
        async with receiver_process(tmp_path, environment) as receiver:
            async with calling(caller, receiver.url):
                for _ in range(2):
                    await asyncio.sleep(1.5)
                    await node.kill()
                    await asyncio.sleep(1.5)
                    await node.start()
                await asyncio.sleep(4)
            assert await receiver.stop() == 0
        # With the database at hand nothing is refused, and every call is answered.
        assert (caller.refused, caller.unanswered) == (0, 0)
        async with Store.open(database) as store:
            stored = subjects(await in_the_outbox(store))
            sent = subjects(await on_the_broker(node.amqp_url))
    assert stored
    assert sent
    assert caller.promised <= stored | sent


@pytest.mark.timeout(120)
async def test_a_steady_stream_is_answered_in_time(amqp_url: str, database: str, tmp_path: Path) -> None:
    """The real figures are `python -m tests.benchmarks.callbacks`; here anything but a standstill will do."""
    await shaped(amqp_url)
    async with receiver_process(tmp_path, {"RELAY_AMQP_URL": amqp_url, "RELAY_DATABASE_URL": database}) as receiver:
        command = ("-m", "tests.benchmarks.callback_load", receiver.url, "--rate", "200", "--seconds", "3")
        load = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        out, _ = await load.communicate()
        assert usage(receiver.process.pid).cpu_seconds < 30
    heard = json.loads(out)
    assert (heard["successes"], heard["others"]) == (600, 0)
    assert heard["p99"] < 2_000
