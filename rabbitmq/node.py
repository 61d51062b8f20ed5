"""A RabbitMQ of one's own on this machine: free ports, its own data, its own epmd, gone afterwards.

For demos and tests where no broker is at hand but ``rabbitmq-server`` is installed. It runs as whoever starts it, root
or not, and shares nothing with a broker that the system runs. Who takes it away again, and why that always works, is
told in :mod:`rabbitmq.keeper`.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import shutil
import socket
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rabbitmq.keeper import Charge
from rabbitmq.kept import KeptServer, ServerFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

AMQP_HEADER = b"AMQP\x00\x00\x09\x01"
START_TIMEOUT = 60.0
"""Seconds; 4 to 6 are usual, a cold disk and a busy machine take longer."""

_METHOD_FRAME = b"\x01"
_ATTEMPTS = 3
# Below what Linux and macOS give to outgoing connections, so that between choosing and listening nobody takes the port.
_PORTS = range(20_000, 32_000)
# The scripts of a package run as any user here; those that packages put into /usr/sbin insist on root or rabbitmq.
_PLACES = (
    "/usr/lib/rabbitmq/bin/rabbitmq-server",
    "/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server",
    "/usr/local/opt/rabbitmq/sbin/rabbitmq-server",
    "/opt/rabbitmq/sbin/rabbitmq-server",
)


class NodeFailed(ServerFailed):
    """The private broker did not become ready; the text says why as far as the broker told, and what to try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateNode:
    """A running node; ``stop``, ``kill`` and ``start`` are for those who want to see what a service does without it."""

    amqp_url: str
    management_url: str | None
    """With the user in it; None without the management plugin."""
    directory: Path
    server: KeptServer

    async def stop(self) -> None:
        """Stop the broker (1 s; with the management plugin 6 s), data and ports kept."""
        await self.server.stop()

    async def kill(self) -> None:
        """SIGKILL, data and ports kept.

        RabbitMQ 3.10 writes down half a second late which quorum queues it has: one that was declared later than that
        before the end exists afterwards, but takes no message and confirms none, until it is deleted and made anew.
        """
        await self.server.kill()

    async def start(self) -> None:
        """Start it again on the same data and ports, and wait until it answers; raises :class:`NodeFailed`."""
        await self.server.start()
        await _ready(self, START_TIMEOUT)


def server_executable() -> Path | None:
    """Where this machine's ``rabbitmq-server`` is that any user may run, if there is one."""
    on_path = shutil.which("rabbitmq-server")
    # Debian and Fedora put wrappers there that refuse ordinary users; the real scripts stand in _PLACES.
    wrapped = on_path is not None and Path(on_path).parent.name == "sbin" and on_path.startswith("/usr/sbin")
    places = [*_PLACES, *([] if on_path is None or wrapped else [on_path])]
    return next((Path(place) for place in places if os.access(place, os.X_OK)), None)


@asynccontextmanager
async def private_node(
    directory: Path | None = None,
    *,
    plugins: Sequence[str] = (),
    definitions: Path | None = None,
    timeout: float = START_TIMEOUT,  # noqa: ASYNC109 - the limit is for the broker, and the error holds its log
) -> AsyncIterator[PrivateNode]:
    """A node for the length of the block, user guest, on 127.0.0.1.

    Args:
        directory: where its data goes and stays; without one, a temporary directory that is removed.
        plugins: names such as ``rabbitmq_management``; each costs start and stop time.
        definitions: a definitions file that is loaded at boot. The broker then makes no user: it has to bring guest.
        timeout: seconds until it must answer.

    Raises:
        NodeFailed: no ``rabbitmq-server`` here, or it did not become ready; with its last words.
    """
    executable = server_executable()
    if executable is None:
        raise NodeFailed(
            "There is no rabbitmq-server on this machine. Install it (Debian, Ubuntu: apt-get install rabbitmq-server)."
        )
    for attempt in range(1, _ATTEMPTS + 1):
        ports = _free_ports(4)
        home = directory or Path(tempfile.mkdtemp(prefix="relay-rabbitmq-"))
        charge = _charge(executable, home, ports, plugins, definitions, remove=directory is None)
        async with KeptServer(charge, name="RabbitMQ") as server:
            management = (
                f"http://guest:guest@127.0.0.1:{ports.management}" if "rabbitmq_management" in plugins else None
            )
            node = PrivateNode(
                amqp_url=f"amqp://guest:guest@127.0.0.1:{ports.amqp}/",
                management_url=management,
                directory=home,
                server=server,
            )
            try:
                await _ready(node, timeout)
            except NodeFailed as error:
                if attempt < _ATTEMPTS and "eaddrinuse" in str(error):
                    continue
                raise
            yield node
            return


@dataclass(frozen=True, slots=True)
class _Ports:
    amqp: int
    distribution: int
    epmd: int
    management: int


def _free_ports(count: int) -> _Ports:
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                continue
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return _Ports(*found)
    raise NodeFailed(f"No {count} free TCP ports between {_PORTS.start} and {_PORTS.stop} on 127.0.0.1.")


def _charge(
    executable: Path, home: Path, ports: _Ports, plugins: Sequence[str], definitions: Path | None, *, remove: bool
) -> Charge:
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    cookie = home / ".erlang.cookie"
    if not cookie.exists():
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
    (home / "enabled_plugins").write_text(f"[{','.join(plugins)}].\n")
    (home / "rabbitmq.conf").write_text(_configuration(ports, definitions))
    epmd = shutil.which("epmd") or "epmd"
    env = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        # The machine's own /etc/rabbitmq must not reach in.
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
        "RABBITMQ_NODENAME": "relay@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(ports.amqp),
        "RABBITMQ_DIST_PORT": str(ports.distribution),
        "ERL_EPMD_PORT": str(ports.epmd),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_MNESIA_BASE": str(home / "data"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(home / "pid"),
        # Two schedulers do for a demo or a test; and unbound, or each node here would sit on the same first cores.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_SCHEDULER_BIND_TYPE": "u",
        # The script execs the VM then, so that the keeper's child is the broker and signals reach it.
        "RUNNING_UNDER_SYSTEMD": "true",
    }
    return Charge(
        argv=(str(executable),),
        env=env,
        log=str(home / "broker.log"),
        # epmd daemonises itself and outlives its nodes.
        afterwards=((epmd, "-port", str(ports.epmd), "-kill"),),
        remove=str(home) if remove else None,
    )


def _configuration(ports: _Ports, definitions: Path | None) -> str:
    lines = [
        "log.console.level = info",
        # The write-ahead log fills 512 MB by default before it is rolled; a demo's disk and memory are better spent.
        "raft.wal_max_size_bytes = 67108864",
        "disk_free_limit.absolute = 64MB",
        "management.tcp.ip = 127.0.0.1",
        f"management.tcp.port = {ports.management}",
    ]
    if definitions is not None:
        lines.append(f"load_definitions = {definitions.resolve()}")
    return "\n".join(lines) + "\n"


async def _ready(node: PrivateNode, limit: float) -> None:
    """Return when AMQP is spoken; raise :class:`NodeFailed` when the broker ended or the time is up."""
    port = int(node.amqp_url.rsplit(":", 1)[1].rstrip("/"))
    exited = asyncio.ensure_future(node.server.exited())
    deadline = time.monotonic() + limit
    try:
        while not await answers_amqp("127.0.0.1", port):
            if exited.done():
                code = exited.result()
                raise NodeFailed(
                    f"RabbitMQ ended while starting (exit code {code}). Its last words:\n{node.server.last_words()}"
                )
            if time.monotonic() > deadline:
                raise NodeFailed(
                    f"RabbitMQ did not answer within {limit:.0f} s. Its last words:\n{node.server.last_words()}"
                )
            await asyncio.wait([exited], timeout=0.1)
    finally:
        exited.cancel()
        await asyncio.wait([exited])


async def answers_amqp(host: str, port: int, *, within: float = 2.0) -> bool:
    """Whether somebody there answers AMQP's greeting with a frame; an open port alone is no broker yet."""
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(AMQP_HEADER)
                return await reader.read(1) == _METHOD_FRAME
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
