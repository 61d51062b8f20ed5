"""Starts broker, sandbox and service for the demo, and takes every one of them away again.

Sandbox and service are in the care of a keeper process (:mod:`rabbitmq.keeper`), like the broker: each in a session of
its own, so that Ctrl-C on the terminal reaches the demo alone, which then ends them in order; and gone with the demo
even if that is killed with SIGKILL. The service is a real ``relay consume`` with settings from its environment only: no
setting of the reader's own shell or ``.env`` reaches it.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import random
import socket
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import aiohttp

from consumer.settings import load
from ops.demo.failing import DemoRefused, PartFailed
from ops.demo.ground import ground
from rabbitmq.finding import BrokerNotAvailable, find_broker
from rabbitmq.keeper import Charge
from rabbitmq.kept import KeptServer
from rabbitmq.topology import Topology
from sandbox.config import SandboxConfig
from sandbox.testing import Box

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from ops.demo.scenario import Fault
    from ops.demo.texts import Texts

ROOT: Final = Path(__file__).resolve().parents[2]
START_LIMIT: Final = 30.0
"""Seconds until a part must be ready; sandbox and service take one or two."""
SUPPLIER_LATENCY: Final = 0.03
"""Seconds that the sandbox takes for an answer, so that there is something to see."""
RETRY_DELAYS: Final = "200ms,1s"
"""A short ladder: what needs it ends within seconds, and what is past help is parked within seconds."""
LAST_LINES: Final = 12

# Below what Linux and macOS give to outgoing connections, so that between choosing and listening nobody takes the port.
_PORTS: Final = range(20_000, 32_000)
_OURS: Final = ("RELAY_", "HAIER_", "YLH_")


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything runs.

    Attributes:
        amqp_url: the virtual host.
        environment: all settings of the service.
        service_url: where its health and metrics are.
        sandbox: the suppliers and their books.
        parts: the two processes by their name in the texts, service first.
        directory: database, logs; removed at the end.
    """

    amqp_url: str
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
async def stage(faults: Sequence[Fault], texts: Texts, say: Callable[[str], None]) -> AsyncIterator[Stage]:
    """Start everything for the length of the block, saying each step.

    Raises:
        DemoError: it will not run here, or a part failed; what had been started is gone.
        BrokerNotAvailable: no broker can be had.
    """
    directory = Path(tempfile.mkdtemp(prefix="relay-demo-"))
    database_url = f"sqlite+aiosqlite:///{directory}/relay.db"
    async with (
        _kept(_sandbox_charge(directory, faults), "sandbox") as sandbox_server,
        _told_on_failure(directory, texts),
    ):
        migrating = asyncio.create_task(_migrated(database_url))
        try:
            async with find_broker(say) as broker:
                say(texts("step.broker", origin=broker.origin))
                await migrating
                say(texts("step.database"))
                box = Box(await _announced(sandbox_server, texts), SandboxConfig())
                say(texts("step.sandbox", url=box.url, faults=len(faults)))
                port = _free_port()
                settings = _settings(database_url, port, box)
                topology = Topology.build(load(settings, dotenv=None).broker.retry_delays)
                async with ground(broker, topology, os.environ, texts, say) as place:
                    say(texts("step.declared"))
                    settings["RELAY_AMQP_URL"] = place.amqp_url
                    if place.management_url is not None:
                        settings["RELAY_MANAGEMENT_URL"] = place.management_url
                    async with _kept(_service_charge(directory, settings), "service") as service:
                        url = f"http://127.0.0.1:{port}"
                        parts = {"service": service, "sandbox": sandbox_server}
                        built = Stage(place.amqp_url, settings, url, box, parts, directory, texts)
                        await _ready(url, service, texts)
                        say(texts("step.service", url=url))
                        yield built
                        say(texts("step.stopping"))
        finally:
            migrating.cancel()
            await asyncio.gather(migrating, return_exceptions=True)


async def _migrated(database_url: str) -> None:
    """Make the database, while the broker boots."""
    # Importing takes a second, and the broker should not have to wait for it.
    migrations = await asyncio.to_thread(importlib.import_module, "consumer.persistence.migrations")
    await migrations.upgrade(database_url)


def _settings(database_url: str, port: int, box: Box) -> dict[str, str]:
    return {
        **box.environment(),
        "RELAY_DATABASE_URL": database_url,
        "RELAY_HTTP_PORT": str(port),
        "RELAY_RETRY_DELAYS": RETRY_DELAYS,
        "RELAY_LOG_DIR": "off",
        "RELAY_SUPPLIER_TIMEOUT": "5s",
        "RELAY_SHUTDOWN_TIMEOUT": "5s",
    }


def _sandbox_charge(directory: Path, faults: Sequence[Fault]) -> Charge:
    config, rules = directory / "sandbox.json", directory / "faults.json"
    config.write_text(json.dumps({"latency": SUPPLIER_LATENCY}), encoding="utf-8")
    rules.write_text(json.dumps([dict(fault.rule) for fault in faults], ensure_ascii=False), encoding="utf-8")
    command = ("-m", "sandbox", "--port", "0", "--config", str(config), "--faults", str(rules))
    return _charge("sandbox", (sys.executable, *command), directory, {})


def _service_charge(directory: Path, settings: Mapping[str, str]) -> Charge:
    relay = Path(sys.executable).with_name("relay")
    # Where the project is not installed, the same without its script.
    inline = (sys.executable, "-c", "import sys; from ops.cli import main; sys.exit(main())")
    return _charge("service", (*((str(relay),) if relay.exists() else inline), "consume"), directory, settings)


def _charge(name: str, command: tuple[str, ...], directory: Path, settings: Mapping[str, str]) -> Charge:
    inherited = {key: value for key, value in os.environ.items() if not key.upper().startswith(_OURS)}
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return Charge(
        # In the demo's own directory, where no `.env` lies.
        argv=("/bin/sh", "-c", 'cd "$0" && exec "$@"', str(directory), *command),
        env={**inherited, "PYTHONPATH": os.pathsep.join(paths), **settings},
        log=str(directory / f"{name}.log"),
        remove=str(directory) if name == "sandbox" else None,
    )


@asynccontextmanager
async def _kept(charge: Charge, name: str) -> AsyncIterator[KeptServer]:
    """Run a part.

    The sandbox has nothing to bring to an end. The service drains, unless the run is interrupted: its data is thrown
    away then.
    """
    async with KeptServer(charge, name=name) as server:
        try:
            yield server
        except asyncio.CancelledError:
            await server.kill()
            raise
        if name == "sandbox":
            await server.kill()


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


def last_words(directory: Path, texts: Texts) -> list[str]:
    """Return the last lines of each part's log, and where a copy of the whole is kept."""
    logs = [log for log in sorted(directory.glob("*.log")) if log.stat().st_size]
    if not logs:
        return []
    number, kept = tempfile.mkstemp(prefix="relay-demo-", suffix=".log")
    notes = []
    with os.fdopen(number, "w", encoding="utf-8") as file:
        for log in logs:
            text = log.read_text(encoding="utf-8", errors="replace")
            file.write(f"==== {log.name}\n{text}\n")
            lines = "\n".join(f"  {line}" for line in text.rstrip().splitlines()[-LAST_LINES:])
            notes.append(f"{texts('fail.last_words', part=texts(f'part.{log.stem}'))}\n{lines}")
    return [*notes, texts("fail.log", path=kept)]


async def _announced(server: KeptServer, texts: Texts) -> str:
    """Return the URL that the sandbox prints once it listens."""

    async def look() -> str | None:
        for line in server.last_words().splitlines():
            if line.startswith("sandbox listens on "):
                return line.rpartition(" ")[2]
        return None

    return await _when_ready(look, server, "sandbox", texts)


async def _ready(url: str, server: KeptServer, texts: Texts) -> None:
    """Return when the service says that it is consuming and that its database answers."""
    async with aiohttp.ClientSession() as session:

        async def look() -> str | None:
            try:
                async with session.get(f"{url}/health/ready") as answer:
                    return "ready" if answer.ok else None
            except aiohttp.ClientConnectionError:
                return None  # it does not listen yet

        await _when_ready(look, server, "service", texts)


async def _when_ready(look: Callable[[], Awaitable[str | None]], server: KeptServer, name: str, texts: Texts) -> str:
    """Look until there is something to see; raise :class:`PartFailed` when the part ended or the time is up."""
    part = texts(f"part.{name}")
    exited = asyncio.ensure_future(server.exited())
    deadline = time.monotonic() + START_LIMIT
    try:
        while time.monotonic() < deadline:
            seen = await look()
            if seen is not None:
                return seen
            if exited.done():
                raise PartFailed(texts("fail.part_ended", part=part, code=exited.result()))
            await asyncio.wait([exited], timeout=0.05)
    finally:
        exited.cancel()
        await asyncio.wait([exited])
    raise PartFailed(texts("fail.not_ready", part=part, seconds=f"{START_LIMIT:.0f}"))


def _free_port() -> int:
    """Return a port on which nobody listens now."""
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise PartFailed(f"No free TCP port between {_PORTS.start} and {_PORTS.stop} on 127.0.0.1.")
