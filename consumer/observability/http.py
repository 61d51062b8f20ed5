"""Health and metrics over HTTP, served inside the service's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from consumer.observability.health import Health
    from consumer.observability.metrics import Metrics

_NOT_CACHED = {"Cache-Control": "no-store"}


class CannotListen(Exception):
    """The address cannot be listened on; the message names the settings to change."""


class PortInUse(CannotListen):
    """Another program listens there already."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What callers may take up of a server.

    Attributes:
        connections: open at once; who comes beyond them is answered 503. None: any number.
        protocol: uvicorn's protocol class; None: its own choice.
        farewell_seconds: how long requests in hand may take at the end.
    """

    connections: int | None = None
    protocol: type[asyncio.Protocol] | None = None
    farewell_seconds: int = 2


@dataclass(frozen=True, slots=True)
class Served:
    """Where something is served.

    Attributes:
        host: as asked for.
        port: the real one, also when 0 (any that is free) was asked for.
    """

    host: str
    port: int

    @property
    def url(self) -> str:
        """The root URL for a client on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - a comparison, nothing is bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def http_app(health: Health, metrics: Metrics) -> Starlette:
    """Return the app with ``/health/live``, ``/health/ready`` and ``/metrics``.

    Live means that the event loop turns, no more: a broker that is down is no reason to restart the process. Ready is
    200 when every check is fine, else 503; both tell each check's state.
    """

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "alive"}, headers=_NOT_CACHED)

    async def ready(_: Request) -> Response:
        report = await health.report()
        checks = {
            name: {"ok": check.ok, "detail": check.detail, "seconds": round(check.seconds, 3)}
            for name, check in report.checks.items()
        }
        body = {"status": "ready" if report.ready else "not ready", "checks": checks}
        return JSONResponse(body, status_code=200 if report.ready else 503, headers=_NOT_CACHED)

    async def scrape(_: Request) -> Response:
        body, content_type = metrics.render()
        return Response(body, headers={"Content-Type": content_type, **_NOT_CACHED})

    return Starlette(routes=[Route("/health/live", live), Route("/health/ready", ready), Route("/metrics", scrape)])


@contextlib.asynccontextmanager
async def serve_http(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    host_setting: str = "RELAY_HTTP_HOST",
    port_setting: str = "RELAY_HTTP_PORT",
    bounds: Bounds = Bounds(),
) -> AsyncIterator[Served]:
    """Serve ``app`` while the body runs.

    Args:
        app: any ASGI app.
        host: address to listen on.
        port: 0 for any that is free.
        host_setting: the setting to name when the address is no good.
        port_setting: the setting to name when the port is taken.
        bounds: what callers may take up.

    Raises:
        PortInUse: another program listens there.
        CannotListen: the address is not this machine's, the host is unknown, or the port needs rights.
    """
    listener = await _listen(host, port, host_setting, port_setting)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,  # logging is ours
            access_log=False,  # probes every few seconds would drown what matters
            lifespan="off",
            server_header=False,
            http=bounds.protocol or "auto",
            ws="none",
            limit_concurrency=bounds.connections,
            timeout_graceful_shutdown=bounds.farewell_seconds,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]), name=f"http on {host}:{port}")
    serving.add_done_callback(lambda _: server.listening.set())
    try:
        await server.listening.wait()
        if serving.done():
            serving.result()  # raises what went wrong
        yield Served(host, listener.getsockname()[1])
    finally:
        server.should_exit = True
        await serving
        listener.close()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the service decides what SIGTERM means, and drains first."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def _listen(host: str, port: int, host_setting: str, port_setting: str) -> socket.socket:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise CannotListen(
            f"cannot listen on {host}: no such host; set {host_setting} to one of this machine's"
        ) from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise _told(error, host, port, host_setting, port_setting) from error
    return listener


def _told(error: OSError, host: str, port: int, host_setting: str, port_setting: str) -> CannotListen:
    match error.errno:
        case errno.EADDRINUSE:
            return PortInUse(
                f"port {port} on {host} is in use by another program; "
                f"stop that one or set {port_setting} to a free port"
            )
        case errno.EACCES:
            return CannotListen(
                f"this user may not listen on port {port} of {host}; set {port_setting} to a port above 1023"
            )
        case errno.EADDRNOTAVAIL:
            return CannotListen(
                f"{host} is not an address of this machine; set {host_setting} to one that is, such as 127.0.0.1"
            )
        case _:
            return CannotListen(
                f"cannot listen on {host}:{port} ({error.strerror}); check {host_setting} and {port_setting}"
            )
