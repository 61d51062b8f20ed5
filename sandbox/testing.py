"""A sandbox for tests: in the test's own event loop, in a thread, or as a process of its own.

All three give a :class:`Box`: the URL, the settings to reach it, and its control endpoints as coroutines.
"""

import asyncio
import json
import signal
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from sandbox.config import SandboxConfig
from sandbox.control import PREFIX
from sandbox.credentials import environment
from sandbox.faults import Rule
from sandbox.server import Sandbox

ROOT = Path(__file__).resolve().parents[1]
START_TIMEOUT = 20
STOP_TIMEOUT = 10
Told = dict[str, Any]


class Box:
    """A running sandbox, seen from a test."""

    def __init__(self, url: str, config: SandboxConfig, sandbox: Sandbox | None = None) -> None:
        """``sandbox``: the server itself, where it runs in this event loop."""
        self.url = url
        self.config = config
        self._sandbox = sandbox

    def environment(self) -> dict[str, str]:
        """All ``HAIER_*`` and ``YLH_*`` settings to reach it."""
        scheme = "Bearer" if self.config.haier_auth_scheme == "Bearer" else ""
        return environment(self.url, env=self.config.ylh_env, credentials=self.config.credentials, auth_scheme=scheme)

    async def ledger(self) -> Told:
        """Every order and every counter: ``orders``, ``calls``, ``statuses``."""
        return dict(await self._ask("GET", "ledger"))

    async def order(self, so_id: str) -> Told:
        """One order's page; raises :class:`LookupError` where no call has named it."""
        return dict(await self._ask("GET", f"ledger/{so_id}"))

    async def summary(self) -> Told:
        """Totals, cheap for any number of orders."""
        return dict(await self._ask("GET", "summary"))

    async def calls(self) -> list[Told]:
        """The last thousand calls, oldest first."""
        return list(await self._ask("GET", "calls"))

    async def reset(self) -> None:
        """Forget orders and counters; faults stay."""
        await self._ask("DELETE", "ledger")

    async def add_fault(self, *rules: Rule | Mapping[str, object]) -> list[int]:
        """Add rules behind those in force; returns their numbers. Raises :class:`ValueError` for a bad one."""
        sent = [
            rule.model_dump(mode="json", exclude_unset=True) if isinstance(rule, Rule) else dict(rule) for rule in rules
        ]
        return list((await self._ask("POST", "faults", sent))["ids"])

    async def faults(self) -> list[Told]:
        """The rules in force, with how often each fired."""
        return list(await self._ask("GET", "faults"))

    async def clear_faults(self) -> None:
        """Take all rules out."""
        await self._ask("DELETE", "faults")

    async def withdraw_tokens(self) -> int:
        """End every token of both suppliers; tells how many there were."""
        return int((await self._ask("DELETE", "tokens"))["withdrawn"])

    async def refuse_connects(self, seconds: float | None = None) -> None:
        """Drop every connection and refuse new ones from now on, for ``seconds`` or until :meth:`accept_connects`.

        In this event loop the box itself goes on answering meanwhile. Raises :class:`ValueError` for a sandbox that
        runs elsewhere when ``seconds`` are left out: nobody could tell it to come back.
        """
        if self._sandbox is not None:
            await self._sandbox.door.shut(seconds)
        elif seconds is None:
            raise ValueError("A sandbox outside this event loop needs to be told for how many seconds.")
        else:
            await self._ask("POST", "outages", {"seconds": seconds})
            while await self._is_reached():  # noqa: ASYNC110  (another process has no event to wait for)
                await asyncio.sleep(0.01)

    async def accept_connects(self) -> None:
        """Answer at the same port again. Raises :class:`ValueError` for a sandbox that runs elsewhere."""
        if self._sandbox is None:
            raise ValueError("A sandbox outside this event loop comes back by itself after its seconds.")
        await self._sandbox.door.open()

    async def send_callback(self, **callback: object) -> None:
        """Have YLH send a callback: the fields of :class:`sandbox.forms.Callback`."""
        await self._ask("POST", "callbacks", callback)

    async def callbacks(self) -> Told:
        """What was sent and how the receiver took it: ``pending``, ``outcomes``, ``kinds``, ``sent``."""
        return dict(await self._ask("GET", "callbacks"))

    async def said_all(self, within: float = 30) -> None:
        """Wait until YLH has nothing left to decide or to say. Raises :class:`TimeoutError`."""
        async with asyncio.timeout(within):
            while (await self.callbacks())["pending"]:  # noqa: ASYNC110  (it may be another process)
                await asyncio.sleep(0.05)

    async def catalogue(self) -> list[Told]:
        """Every article that Haier knows."""
        return list(await self._ask("GET", "catalogue"))

    async def change_product(self, code: str, **change: object) -> Told:
        """Give an article other values: the fields of :class:`sandbox.control.Change`."""
        return dict(await self._ask("PATCH", f"catalogue/{code}", change))

    async def _is_reached(self) -> bool:
        try:
            await self._ask("GET", "health")
        except aiohttp.ClientError:
            return False
        return True

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        if self._sandbox is not None and self._sandbox.door.is_shut:
            answer = self._sandbox.ask(method, f"{PREFIX}{path}", json.dumps(body).encode())
            return _read(answer.status, answer.body)
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{self.url}{PREFIX}{path}", json=body) as reply,
        ):
            return _read(reply.status, await reply.read())


def _read(status: int, body: bytes) -> Any:
    told: Any = json.loads(body) if body else None
    if status == HTTPStatus.NOT_FOUND:
        raise LookupError(told["error"])
    if status >= HTTPStatus.BAD_REQUEST:
        raise ValueError(told["error"])
    return told


@asynccontextmanager
async def running_sandbox(config: SandboxConfig | None = None) -> AsyncIterator[Box]:
    """A sandbox in this event loop on a free port: the cheapest to start."""
    settled = config or SandboxConfig()
    async with Sandbox(settled) as sandbox:
        yield Box(sandbox.url, settled, sandbox)


@contextmanager
def sandbox_in_thread(config: SandboxConfig | None = None) -> Iterator[Box]:
    """A sandbox in a thread with its own event loop, for tests that are not asynchronous or block their loop."""
    settled = config or SandboxConfig()
    started = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    urls: list[str] = []
    failures: list[BaseException] = []

    async def run() -> None:
        async with Sandbox(settled) as sandbox:
            urls.append(sandbox.url)
            started.set()
            await stop.wait()

    def main() -> None:
        try:
            loop.run_until_complete(run())
        except BaseException as error:  # noqa: BLE001  (carried over to the thread that asked, and raised there)
            failures.append(error)
        finally:
            loop.close()
            started.set()

    thread = threading.Thread(target=main, name="sandbox", daemon=True)
    thread.start()
    started.wait(START_TIMEOUT)
    if not urls:
        raise RuntimeError("The sandbox did not start in its thread.") from next(iter(failures), None)
    try:
        yield Box(urls[0], settled)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(STOP_TIMEOUT)
    if failures:
        raise failures[0]


@asynccontextmanager
async def sandbox_process(config: SandboxConfig | None = None) -> AsyncIterator[Box]:
    """A sandbox as a process of its own, for benchmarks and for tests that kill what talks to it."""
    settled = config or SandboxConfig()
    with tempfile.TemporaryDirectory(prefix="sandbox-") as directory:
        path = Path(directory) / "config.json"
        path.write_text(json.dumps(settled.model_dump(mode="json", exclude_unset=True)), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sandbox", "--port", "0", "--config", str(path),
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            yield Box(await _announced(process), settled)
        finally:
            await _ended(process)


async def _announced(process: asyncio.subprocess.Process) -> str:
    if process.stdout is None:
        raise RuntimeError("The sandbox process has no output to read its address from.")
    line = (await asyncio.wait_for(process.stdout.readline(), START_TIMEOUT)).decode()
    if "http" not in line:
        raise RuntimeError(f"The sandbox process did not start; it said {line!r} and see its standard error.")
    return line.split()[-1]


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_TIMEOUT)
    except TimeoutError:
        process.kill()
        await process.wait()
