"""Sandbox, service and receiver as processes: how each is started, when it is ready, what it said last.

All are in the care of a keeper process (:mod:`rabbitmq.keeper`), like the broker: each in a session of its own, so
that Ctrl-C on the terminal reaches the demo alone, which then ends them in order; and gone with the demo even if that
is killed with SIGKILL.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from ops.demo.failing import PartFailed
from rabbitmq.keeper import Charge
from rabbitmq.kept import KeptServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from ops.demo.scenario import Scenario
    from ops.demo.texts import Texts

ROOT: Final = Path(__file__).resolve().parents[2]
START_LIMIT: Final = 30.0
"""Seconds until a part must be ready; sandbox and service take one or two."""
SUPPLIER_LATENCY: Final = 0.03
"""Seconds that the sandbox takes for an answer, so that there is something to see."""
LAST_LINES: Final = 12

_OURS: Final = ("RELAY_", "HAIER_", "YLH_")


def sandbox_charge(directory: Path, scenario: Scenario, callback_url: str) -> Charge:
    """Return how the sandbox is started, and that ``directory`` goes with it."""
    config, rules = directory / "sandbox.json", directory / "faults.json"
    callbacks = {**scenario.callbacks, "url": callback_url}
    config.write_text(json.dumps({"latency": SUPPLIER_LATENCY, "callbacks": callbacks}), encoding="utf-8")
    rules.write_text(json.dumps([dict(fault.rule) for fault in scenario.faults], ensure_ascii=False), encoding="utf-8")
    command = ("-m", "sandbox", "--port", "0", "--config", str(config), "--faults", str(rules))
    return _charge("sandbox", (sys.executable, *command), directory, {})


def service_charge(directory: Path, settings: Mapping[str, str]) -> Charge:
    """Return how the service is started, with these settings and no others."""
    return _relay_charge("service", "consume", directory, settings)


def receiver_charge(directory: Path, settings: Mapping[str, str]) -> Charge:
    """Return the same of the receiver of callbacks."""
    return _relay_charge("receiver", "callbacks", directory, settings)


def _relay_charge(name: str, command: str, directory: Path, settings: Mapping[str, str]) -> Charge:
    relay = Path(sys.executable).with_name("relay")
    # Where the project is not installed, the same without its script.
    inline = (sys.executable, "-c", "import sys; from ops.cli import main; sys.exit(main())")
    return _charge(name, (*((str(relay),) if relay.exists() else inline), command), directory, settings)


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
async def kept(charge: Charge, name: str) -> AsyncIterator[KeptServer]:
    """Run a part; interrupted, end it at once instead of letting it drain, since its data is thrown away."""
    async with KeptServer(charge, name=name) as server:
        try:
            yield server
        except asyncio.CancelledError:
            await server.kill()
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


async def announced(server: KeptServer, texts: Texts) -> str:
    """Return the URL that the sandbox prints once it listens."""

    async def look() -> str | None:
        for line in server.last_words().splitlines():
            if line.startswith("sandbox listens on "):
                return line.rpartition(" ")[2]
        return None

    return await _when_ready(look, server, "sandbox", texts)


async def ready(url: str, server: KeptServer, name: str, texts: Texts) -> None:
    """Return when ``name``, the service or the receiver, says that it can do its work."""
    async with httpx.AsyncClient() as client:

        async def look() -> str | None:
            try:
                answer = await client.get(f"{url}/health/ready")
            except httpx.TransportError:
                return None  # it does not listen yet
            return "ready" if answer.is_success else None

        await _when_ready(look, server, name, texts)


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
