"""Starts broker, sandbox, service and receiver for the demo, and takes every one of them away again.

Service and receiver are a real ``relay consume`` and ``relay callbacks`` with settings from their environment only: no
setting of the reader's own shell or ``.env`` reaches them.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from consumer.settings import load
from ops.demo.failing import DemoRefused, PartFailed
from ops.demo.ground import ground
from ops.demo.parts import announced, kept, last_words, ready, receiver_charge, sandbox_charge, service_charge
from ops.demo.ports import Ports
from rabbitmq.finding import BrokerNotAvailable, find_broker
from rabbitmq.topology import Topology
from sandbox.config import SandboxConfig
from sandbox.testing import Box

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from ops.demo.scenario import Scenario
    from ops.demo.texts import Texts
    from rabbitmq.kept import KeptServer

RETRY_DELAYS: Final = "200ms,1s"
"""A short ladder: what needs it ends within seconds, and what is past help is parked within seconds."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything runs.

    Attributes:
        amqp_url: the virtual host.
        topology: what is declared there.
        environment: all settings of service and receiver.
        service_url: where its health and metrics are.
        sandbox: the suppliers and their books.
        parts: the processes by their name in the texts.
        directory: database, logs; removed at the end.
    """

    amqp_url: str
    topology: Topology
    environment: Mapping[str, str]
    service_url: str
    sandbox: Box
    parts: Mapping[str, KeptServer]
    directory: Path
    texts: Texts

    async def broken(self) -> NoReturn:
        """Wait for a part that ends by itself, and raise :class:`PartFailed` for it."""
        waiting = {asyncio.ensure_future(server.exited()): name for name, server in self.parts.items()}
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        task = done.pop()
        raise PartFailed(self.texts("fail.part_ended", part=self.texts(f"part.{waiting[task]}"), code=task.result()))

    def last_words(self) -> list[str]:
        """Return the end of each part's log, and where a copy of the whole is kept."""
        return last_words(self.directory, self.texts)


@asynccontextmanager
async def stage(scenario: Scenario, texts: Texts, say: Callable[[str], None]) -> AsyncIterator[Stage]:
    """Start everything for the length of the block, saying each step.

    Raises:
        DemoError: it will not run here, or a part failed; what had been started is gone.
        BrokerNotAvailable: no broker can be had.
    """
    directory = Path(tempfile.mkdtemp(prefix="relay-demo-"))
    try:
        async with _built(directory, scenario, texts, say) as built:
            yield built
    finally:
        shutil.rmtree(directory, ignore_errors=True)  # gone already, unless nothing could be started


@asynccontextmanager
async def _built(directory: Path, scenario: Scenario, texts: Texts, say: Callable[[str], None]) -> AsyncIterator[Stage]:
    database_url = f"sqlite+aiosqlite:///{directory}/relay.db"
    ports = Ports.free()
    async with (
        kept(sandbox_charge(directory, scenario, ports.callback_url), "sandbox") as sandbox_server,
        _told_on_failure(directory, texts),
    ):
        migrating = asyncio.create_task(_migrated(database_url))
        try:
            async with find_broker(say) as broker:
                say(texts("step.broker", origin=broker.origin))
                await migrating
                say(texts("step.database"))
                box = Box(await announced(sandbox_server, texts), SandboxConfig())
                say(texts("step.sandbox", url=box.url, faults=len(scenario.faults)))
                settings = _settings(database_url, ports, box)
                topology = Topology.build(load(settings, dotenv=None).broker.retry_delays)
                async with ground(broker, topology, os.environ, texts, say) as place:
                    say(texts("step.declared"))
                    settings["RELAY_AMQP_URL"] = place.amqp_url
                    if place.management_url is not None:
                        settings["RELAY_MANAGEMENT_URL"] = place.management_url
                    async with (
                        kept(service_charge(directory, settings), "service") as service,
                        kept(receiver_charge(directory, settings), "receiver") as receiver,
                    ):
                        url = ports.service_url
                        parts = {"service": service, "receiver": receiver, "sandbox": sandbox_server}
                        built = Stage(place.amqp_url, topology, settings, url, box, parts, directory, texts)
                        await ready(url, service, "service", texts)
                        say(texts("step.service", url=url))
                        await ready(ports.receiver_url, receiver, "receiver", texts)
                        say(texts("step.receiver", url=ports.callback_url))
                        yield built
                        say(texts("step.stopping"))
        finally:
            migrating.cancel()
            await asyncio.gather(migrating, return_exceptions=True)
        await sandbox_server.kill()  # it has nothing to bring to an end


async def _migrated(database_url: str) -> None:
    """Make the database, while the broker boots."""
    # Importing takes a second, and the broker should not have to wait for it.
    migrations = await asyncio.to_thread(importlib.import_module, "consumer.persistence.migrations")
    await migrations.upgrade(database_url)


def _settings(database_url: str, ports: Ports, box: Box) -> dict[str, str]:
    return {
        **box.environment(),
        "RELAY_DATABASE_URL": database_url,
        **ports.settings(),
        "RELAY_RETRY_DELAYS": RETRY_DELAYS,
        "RELAY_LOG_DIR": "off",
        "RELAY_SUPPLIER_TIMEOUT": "5s",
        "RELAY_SHUTDOWN_TIMEOUT": "5s",
    }


@asynccontextmanager
async def _told_on_failure(directory: Path, texts: Texts) -> AsyncIterator[None]:
    """Add to an error what the parts said last, and where all of it is kept."""
    try:
        yield
    except (DemoRefused, BrokerNotAvailable):
        raise
    except Exception as error:
        # Of any kind, and raised again: the logs are about to go with their directory.
        for note in last_words(directory, texts):
            error.add_note(note)
        raise
