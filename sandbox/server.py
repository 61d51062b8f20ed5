"""The sandbox as a running HTTP server: start, stop, and the blocking form for a command line."""

import asyncio
import errno
import gc
import signal
from collections.abc import Callable
from typing import Self

import uvloop
from aiohttp import web

from sandbox.config import DEFAULT_PORT, SandboxConfig
from sandbox.control import PREFIX, Control
from sandbox.door import Door
from sandbox.gateway import Gateway, written
from sandbox.wire import Answer, HttpRefusal, http_refused

LOOPBACK = "127.0.0.1"


class PortInUseError(OSError):
    """Another program listens where the sandbox should."""


class Sandbox:
    """One sandbox in the running event loop: ``async with Sandbox(config) as box`` and ``box.url``."""

    def __init__(self, config: SandboxConfig | None = None, *, host: str = LOOPBACK, port: int = 0) -> None:
        self._host = host
        self._port = port
        self._config = config or SandboxConfig()
        self._gateway: Gateway | None = None
        self._runner: web.ServerRunner | None = None
        self._control: Control | None = None
        self._door: Door | None = None
        self.url = ""

    @property
    def door(self) -> Door:
        """The port, to be shut and opened. Raises :class:`RuntimeError` before the start."""
        if self._door is None:
            raise RuntimeError("The sandbox has not been started: await start() first.")
        return self._door

    def ask(self, method: str, path: str, body: bytes) -> Answer:
        """A control endpoint's answer, also while the port is shut. Raises :class:`RuntimeError` before the start."""
        if self._control is None:
            raise RuntimeError("The sandbox has not been started: await start() first.")
        return self._control.answer(method, path, body)

    async def start(self) -> None:
        """Listen; port 0 takes a free one. Raises :class:`PortInUseError` or :class:`OSError`."""
        gateway = Gateway(self._config)

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            path = request.rel_url.raw_path
            desk = gateway.desk(path)
            if desk is not None:
                return await gateway.answer(request, desk)
            if path.startswith(PREFIX):
                return written(control.answer(request.method, request.path, await request.read()))
            return written(http_refused(HttpRefusal(404)))

        # A client that leaves ends its handler: that is how a hang ends.
        server = web.Server(handle, handler_cancellation=True, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=1)
        await runner.setup()
        door = Door(runner)
        control = Control(gateway, door.plan)
        try:
            host, port = await door.first_open(self._host, self._port)
        except OSError as error:
            await runner.cleanup()
            if error.errno == errno.EADDRINUSE:
                raise PortInUseError(
                    f"The sandbox cannot listen on {self._host}:{self._port}: another program uses that port. "
                    "Stop it, or choose another port with RELAY_SANDBOX_PORT (0 takes a free one)."
                ) from error
            raise
        self._gateway, self._runner, self._control, self._door = gateway, runner, control, door
        for outage in self._config.outages:
            door.plan(outage)
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def stop(self) -> None:
        """End held answers, close connections, stop listening."""
        if self._door is not None:
            await self._door.close()
        if self._gateway is not None:
            await self._gateway.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


def serve(
    host: str = LOOPBACK,
    port: int = DEFAULT_PORT,
    config: SandboxConfig | None = None,
    ready: Callable[[str], None] = print,
) -> None:
    """Run until SIGINT or SIGTERM; ``ready`` is called once with the URL. Raises :class:`PortInUseError`."""

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for caught in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(caught, stop.set)
        async with Sandbox(config, host=host, port=port) as box:
            # A collection that looks at all goods again would stand between a call's arrival and the quota's clock.
            gc.freeze()
            ready(box.url)
            await stop.wait()

    uvloop.run(run())
