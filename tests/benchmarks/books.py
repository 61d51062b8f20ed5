"""Where a round's rows are kept: a fresh database each, durable because we say so, not because the server does.

What a contestant sets for its own connections stands beside its code (`tests.benchmarks.contestants.rows`, the
service's `consumer.persistence`). SQLite keeps no such setting in the file; PostgreSQL does, for each database.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import asyncpg  # type: ignore[import-untyped]  # it brings no types

from tests.benchmarks.usage import family_cpu_seconds
from tests.support.postgres import create_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.support.postgres import Postgres

DURABLE: Final = {"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on"}
"""What a connection to PostgreSQL has to see, or nothing is measured."""


class NotDurable(RuntimeError):
    """The server would lose what it has confirmed; a round on it would be compared with something else."""


class Books(Protocol):
    """One kind of database."""

    @property
    def name(self) -> str:
        """For tables."""
        ...

    def opened(self, directory: Path) -> AbstractAsyncContextManager[str]:
        """URL of the database for one round, which may use ``directory``."""
        ...

    def cpu_seconds(self) -> float:
        """What the server has used since it started, all its processes; 0 where it has none, or cannot be seen."""
        ...


@dataclass(frozen=True, slots=True)
class SqliteBooks:
    """A file for each round. Its threads are the contestant's own."""

    name: str = "SQLite"

    @asynccontextmanager
    async def opened(self, directory: Path) -> AsyncIterator[str]:
        """See `Books.opened`."""
        yield f"sqlite+aiosqlite:///{directory / 'books.db'}"

    def cpu_seconds(self) -> float:
        """See `Books.cpu_seconds`."""
        return 0.0


@dataclass(frozen=True, slots=True)
class PostgresBooks:
    """A database for each round on one server."""

    server: Postgres
    version: str
    pid: int | None
    """None: the server runs where its processes cannot be seen, as in a container."""
    name: str = "PostgreSQL"

    @classmethod
    async def on(cls, server: Postgres) -> PostgresBooks:
        """Ask ``server`` what it is."""
        connection = await asyncpg.connect(_plain(server.url_of("postgres")))
        try:
            version = await connection.fetchval("SHOW server_version")
            pid = int((await connection.fetchval("SELECT pg_read_file('postmaster.pid')")).split()[0])
        finally:
            await connection.close()
        return cls(server, version, pid if server.is_ours else None)

    @asynccontextmanager
    async def opened(self, directory: Path) -> AsyncIterator[str]:  # noqa: ARG002 - it needs no file of its own
        """See `Books.opened`; raises `NotDurable`."""
        url = await create_database(self.server)
        database = url.rpartition("/")[2]
        try:
            await self._execute(f"ALTER DATABASE {database} SET synchronous_commit = on")
            await _see(url)
            yield url
        finally:
            # Hundreds of rounds would fill the disk.
            await self._execute(f"DROP DATABASE {database} WITH (FORCE)")

    @property
    def settings(self) -> str:
        """What was seen of its durability, for people."""
        return ", ".join(f"{name} {value}" for name, value in DURABLE.items())

    def cpu_seconds(self) -> float:
        """See `Books.cpu_seconds`."""
        return 0.0 if self.pid is None else family_cpu_seconds(self.pid)

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(_plain(self.server.url_of("postgres")))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@dataclass(frozen=True, slots=True)
class KeptBooks:
    """One database for several rounds: ``books`` opened at ``url``."""

    books: Books
    url: str

    @property
    def name(self) -> str:
        """See `Books.name`."""
        return self.books.name

    @asynccontextmanager
    async def opened(self, directory: Path) -> AsyncIterator[str]:  # noqa: ARG002 - it is there already
        """See `Books.opened`."""
        yield self.url

    def cpu_seconds(self) -> float:
        """See `Books.cpu_seconds`."""
        return self.books.cpu_seconds()


async def _see(url: str) -> None:
    connection = await asyncpg.connect(_plain(url))
    try:
        seen = {setting: await connection.fetchval(f"SHOW {setting}") for setting in DURABLE}
    finally:
        await connection.close()
    if seen != DURABLE:
        raise NotDurable(f"PostgreSQL has {seen}, and what is measured needs {DURABLE}")


def _plain(url: str) -> str:
    return url.replace("+asyncpg", "", 1)
