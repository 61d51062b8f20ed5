"""Databases for the persistence tests: the same tests run on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest

from consumer.persistence import migrations
from consumer.persistence.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_BIN = Path("/usr/lib/postgresql/15/bin")


def _run(*command: str | Path) -> None:
    prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    subprocess.run([*prefix, *map(str, command)], check=True, capture_output=True)  # noqa: S603


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not (_BIN / "initdb").exists():
        pytest.skip("no PostgreSQL on this machine")
    directory = Path("/tmp") / f"pg-{uuid4().hex[:8]}"  # noqa: S108
    directory.mkdir()
    if os.getuid() == 0:
        shutil.chown(directory, "postgres", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    _run(_BIN / "initdb", "-D", directory / "data", "-U", "relay", "-A", "trust", "-N")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {directory}"
    _run(_BIN / "pg_ctl", "-D", directory / "data", "-w", "-l", directory / "log", "-o", options, "start")
    try:
        yield f"postgresql+asyncpg://relay@127.0.0.1:{port}"
    finally:
        _run(_BIN / "pg_ctl", "-D", directory / "data", "-m", "immediate", "stop")
        shutil.rmtree(directory)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    server: str = request.getfixturevalue("postgres")
    name = f"t{uuid4().hex}"
    connection = await asyncpg.connect(server.replace("+asyncpg", "") + "/postgres")
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return f"{server}/{name}"


@pytest.fixture
async def migrated_url(database_url: str) -> str:
    await migrations.upgrade(database_url)
    return database_url


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[Store]:
    async with Store.open(migrated_url) as opened:
        yield opened
