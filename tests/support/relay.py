"""The whole system for a test: broker, sandbox, database, the service here or in other processes, results read back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from consumer.bootstrap import Wiring
from consumer.observability.metrics import Metrics
from consumer.persistence import migrations
from consumer.persistence.store import Store
from consumer.settings import Settings, load
from publishers.confirms import ConfirmedPublisher
from rabbitmq.connection import connect
from rabbitmq.declaring import apply
from rabbitmq.topology import RESULTS, Topology
from sandbox.testing import running_sandbox
from schemas.registry import INBOUND
from tests.support.events import message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from aio_pika.abc import AbstractIncomingMessage

    from sandbox.testing import Box

DELAYS = "50ms,100ms,200ms"


@dataclass
class Relay:
    """A running system and what a test does with it."""

    settings: Settings
    environment: Mapping[str, str]
    box: Box
    store: Store
    publisher: ConfirmedPublisher
    results: list[dict[str, Any]] = field(default_factory=list)
    wiring: Wiring | None = None

    async def send(self, *documents: dict[str, Any]) -> None:
        """Publish events, confirmed."""
        answers = await self.publisher.publish_many([message(document) for document in documents])
        assert not any(answers), answers

    def of(self, type_: str, subject: str | None = None) -> list[dict[str, Any]]:
        """The results of a type that have come so far, in the order of arrival."""
        return [
            result for result in self.results if result["type"] == type_ and subject in {None, result.get("subject")}
        ]

    async def until(self, condition: Callable[[], bool], *, within: float = 20) -> None:
        """Wait until ``condition`` holds."""
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline:
                came = [(result["type"], result.get("subject")) for result in self.results]
                raise AssertionError(f"did not come true within {within} s; results so far: {came[-30:]}")
            await asyncio.sleep(0.02)

    async def result(self, type_: str, subject: str | None = None, *, count: int = 1) -> dict[str, Any]:
        """Wait for the ``count``-th result of a type and return it."""
        await self.until(lambda: len(self.of(type_, subject)) >= count)
        return self.of(type_, subject)[count - 1]


@asynccontextmanager
async def system(
    amqp_url: str, database_url: str, sandbox: AbstractAsyncContextManager[Box] | None = None, /, **settings: str
) -> AsyncIterator[Relay]:
    """Broker shape, sandbox, migrated database and a listener on all results; no service yet."""
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(sandbox or running_sandbox())
        environment = {
            **box.environment(),
            "RELAY_AMQP_URL": amqp_url,
            "RELAY_DATABASE_URL": database_url,
            "RELAY_RETRY_DELAYS": DELAYS,
            "RELAY_LOG_DIR": "off",
            "RELAY_HTTP_PORT": "0",
            "RELAY_SUPPLIER_TIMEOUT": "5s",
            **settings,
        }
        loaded = load(environment, dotenv=None)
        await migrations.upgrade(database_url)
        store = await stack.enter_async_context(Store.open(database_url))
        connection = await connect(amqp_url, name="test")
        stack.push_async_callback(connection.close)
        await apply(connection, Topology.build(loaded.broker.retry_delays))
        publisher = await stack.enter_async_context(ConfirmedPublisher(amqp_url, name="test publisher"))
        relay = Relay(loaded, environment, box, store, publisher)
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(RESULTS, "#")

        async def take(incoming: AbstractIncomingMessage) -> None:
            relay.results.append(json.loads(incoming.body))

        await queue.consume(take, no_ack=True)
        yield relay


@asynccontextmanager
async def serving(relay: Relay) -> AsyncIterator[Wiring]:
    """The service in this process, drained at the end."""
    metrics = Metrics.create(version="test", event_types=INBOUND)
    wiring = Wiring(relay.settings, lanes=None, store=relay.store, observer=metrics)
    relay.wiring = wiring
    stop = asyncio.Event()
    service = wiring.service([])
    task = asyncio.create_task(service.run(stop))
    try:
        await relay.until(lambda: task.done() or service.consuming)
        yield wiring
    finally:
        stop.set()
        await task
        await wiring.suppliers.aclose()


@asynccontextmanager
async def served_by_process(relay: Relay, **more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The service as a process; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.serve",
        env={**os.environ, **relay.environment, **more},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def killed(process: asyncio.subprocess.Process) -> None:
    """Kill -9."""
    process.send_signal(signal.SIGKILL)
    await process.wait()


async def eventually(check: Callable[[], Awaitable[bool]], *, within: float = 20) -> None:
    """Wait until an asynchronous check says yes."""
    deadline = time.monotonic() + within
    while not await check():
        assert time.monotonic() < deadline, f"did not come true within {within} s"
        await asyncio.sleep(0.05)
