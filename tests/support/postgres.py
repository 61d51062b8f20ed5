"""A private PostgreSQL for tests and benchmarks: a new cluster on a free port, gone afterwards."""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import shutil
import socket
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT
from typing import TYPE_CHECKING

import asyncpg  # type: ignore[import-untyped]  # it brings no types
from testcontainers.core.container import DockerContainer

from rabbitmq.container import engine_answers
from rabbitmq.keeper import Charge
from rabbitmq.kept import KeptServer
from tests.support.sharing import NotHereError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

IMAGE = "postgres:17-alpine"
_CONTAINER = "a container of"
_READY_WITHIN = 60.0
# Where packages put what does not belong on everybody's PATH: Debian, Fedora and RHEL, Homebrew.
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/bin")


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running cluster whose superuser is ``relay``."""

    server_url: str
    """SQLAlchemy's, without a database: ``postgresql+asyncpg://relay@127.0.0.1:23456``."""
    origin: str

    @property
    def is_ours(self) -> bool:
        """Do its processes run on this machine, where they can be seen."""
        return not self.origin.startswith(_CONTAINER)

    def url_of(self, database: str) -> str:
        """SQLAlchemy URL of one database."""
        return f"{self.server_url}/{database}"


@asynccontextmanager
async def private_postgres(*, durable: bool = False) -> AsyncIterator[Postgres]:
    """A cluster for the length of the block.

    Args:
        durable: with ``fsync``, as benchmarks need it; tests are faster without.

    Raises:
        NotHereError: no ``initdb`` on this machine and no Docker engine.
    """
    binaries = _binaries()
    if binaries is not None:
        async with _cluster(binaries, durable=durable) as server:
            yield server
    elif await engine_answers():
        async with _container(durable=durable) as server:
            yield server
    else:
        raise NotHereError(
            "no PostgreSQL here: neither initdb (Debian: apt-get install postgresql) nor a Docker engine"
        )


async def create_database(server: Postgres) -> str:
    """SQLAlchemy URL of a new empty database; it goes with the cluster."""
    name = f"t{secrets.token_hex(8)}"
    connection = await asyncpg.connect(_plain(server.url_of("postgres")))
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return server.url_of(name)


def _plain(url: str) -> str:
    return url.replace("+asyncpg", "", 1)


def _binaries() -> Path | None:
    found = [path.parent for place in _PLACES for path in Path("/").glob(f"{place[1:]}/initdb")]
    on_path = shutil.which("initdb")
    if on_path is not None:
        found.append(Path(on_path).resolve().parent)
    # The server has to be there too: client packages bring some of the tools.
    return next((path for path in reversed(found) if os.access(path / "postgres", os.X_OK)), None)


@asynccontextmanager
async def _cluster(binaries: Path, *, durable: bool) -> AsyncIterator[Postgres]:
    directory = Path(tempfile.mkdtemp(prefix="relay-pg-"))
    user = _unprivileged()
    if user is not None:
        account = pwd.getpwnam(user)
        os.chown(directory, account.pw_uid, account.pw_gid)
    port = _free_port()
    data = directory / "data"
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": str(directory),
        "max_connections": "200",
        "fsync": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
    }
    charge = Charge(
        argv=(
            str(binaries / "postgres"),
            *("-D", str(data)),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ),
        env={"PATH": os.defpath, "LC_ALL": "C"},
        log=str(directory / "log"),
        stop_signal=SIGINT,  # a fast shutdown: does not wait for clients that forgot to leave
        remove=str(directory),
        user=user,
    )
    try:
        await _initdb(binaries / "initdb", data, user)
        async with KeptServer(charge, name="PostgreSQL") as kept:
            server = Postgres(f"postgresql+asyncpg://relay@127.0.0.1:{port}", f"a private cluster ({binaries})")
            await _ready(server, kept)
            yield server
    finally:
        # The keeper does it too; here for a failure before there was one.
        shutil.rmtree(directory, ignore_errors=True)


async def _initdb(initdb: Path, data: Path, user: str | None) -> None:
    process = await asyncio.create_subprocess_exec(
        *(str(initdb), "-D", str(data), "-U", "relay", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd="/",
        user=user,
        group=None if user is None else pwd.getpwnam(user).pw_gid,
        extra_groups=None if user is None else [],
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{said.decode(errors='replace')}")


async def _ready(server: Postgres, kept: KeptServer | None) -> None:
    failure: Exception | None = None
    for _ in range(int(_READY_WITHIN * 10)):
        try:
            connection = await asyncpg.connect(_plain(server.url_of("postgres")), timeout=5)
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            failure = error
            await asyncio.sleep(0.1)
        else:
            await connection.close()
            return
    words = kept.last_words() if kept is not None else ""
    raise RuntimeError(f"PostgreSQL did not answer within {_READY_WITHIN:.0f} s: {failure}\n{words}")


@asynccontextmanager
async def _container(*, durable: bool) -> AsyncIterator[Postgres]:
    container = (
        DockerContainer(IMAGE)
        .with_exposed_ports(5432)
        .with_env("POSTGRES_USER", "relay")
        .with_env("POSTGRES_HOST_AUTH_METHOD", "trust")
        .with_command(["postgres", "-c", f"fsync={'on' if durable else 'off'}", "-c", "max_connections=200"])
    )
    await asyncio.to_thread(container.start)
    try:
        host, port = container.get_container_host_ip(), container.get_exposed_port(5432)
        server = Postgres(f"postgresql+asyncpg://relay@{host}:{port}", f"{_CONTAINER} {IMAGE}")
        await _ready(server, None)
        yield server
    finally:
        await asyncio.to_thread(container.stop)


def _unprivileged() -> str | None:
    """PostgreSQL refuses to be root; anybody else runs it as themselves."""
    if os.geteuid() != 0:
        return None
    names = {account.pw_name for account in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
