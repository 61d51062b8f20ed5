"""Connections, set up the way each database promises durability (DESIGN section 5: acked means durable).

Work on the database is plain synchronous code over a SQLAlchemy connection, handed to `Database.read` or
`Database.write`, which runs it off the event loop: on SQLite in a thread of its own, on PostgreSQL over asyncpg.
Whatever goes wrong leaves this room as `DatabaseUnavailable`.

SQLite: WAL, ``synchronous=FULL``, one writing connection whose every transaction is ``BEGIN IMMEDIATE`` (one that
reads first and then wants to write could otherwise fail half-way with "locked"), and a few reading ones beside it.

Why a whole transaction goes to a thread, and not each statement through aiosqlite: every return from SQLite to Python
has to win the interpreter's lock back from the event loop. With a loop that is busy in slices of 0.1 ms, a commit of
100 units in three trips a statement took 2.7 times as long as in one trip, and with a return for each row
(``executemany``) more than ten times as long. So a transaction is one trip, and each of its statements returns once
(`bulk`).
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from sqlalchemy import create_engine, event, exc, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from consumer.persistence.errors import DatabaseUnavailable, translate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from sqlite3 import Connection as SqliteConnection

    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.engine.interfaces import Dialect
    from sqlalchemy.pool import ConnectionPoolEntry

T = TypeVar("T")

BUSY_TIMEOUT_MS = 10_000
"""How long a writer waits for another process's transaction before it says "locked"."""

ANSWER_WITHIN = 30.0
"""Seconds after which a server that says nothing counts as gone; more than any lock is waited for."""

_SQLITE_READERS = 4
_POSTGRESQL_POOL = 5
_EXPECTED = "Expected sqlite+aiosqlite:///relay.db or postgresql+asyncpg://user:password@host/database."


class Database(Protocol):
    """What is behind ``RELAY_DATABASE_URL``.

    Both methods raise `DatabaseUnavailable` instead of a driver's error, unless the error is about the values of a
    statement.
    """

    url: URL

    @property
    def dialect(self) -> Dialect:
        """The dialect that statements are compiled for."""
        ...

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one transaction: committed, and durable, when it returns; rolled back when it raises."""
        ...

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work``, which only reads."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


def open_database(
    url: str, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS, answer_within: float | None = ANSWER_WITHIN
) -> Database:
    """Prepare the database behind ``url``; no connection is made yet.

    Args:
        url: ``sqlite+aiosqlite:///file`` or ``postgresql+asyncpg://user:password@host/database``.
        busy_timeout_ms: how long to wait for somebody else's lock.
        answer_within: seconds for a server's answer to one statement; None: as long as it takes.

    Raises:
        DatabaseUnavailable: code ``bad_url``.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return SqliteDatabase(parsed, busy_timeout_ms)
    return PostgresDatabase(parsed, busy_timeout_ms, answer_within)


class SqliteDatabase:
    """One file; transactions run in a writing thread, look-ups in reading threads."""

    def __init__(self, url: URL, busy_timeout_ms: int) -> None:
        self.url = url
        self._busy_timeout_ms = busy_timeout_ms
        self._writer = self._engine(1, self._set_up_writer)
        self._reader = self._engine(_SQLITE_READERS, self._set_up_reader)
        self._writing = ThreadPoolExecutor(1, "relay-db-writer")
        self._reading = ThreadPoolExecutor(_SQLITE_READERS, "relay-db-reader")
        event.listen(self._writer, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))

    @property
    def dialect(self) -> Dialect:
        """The dialect that statements are compiled for."""
        return self._writer.dialect

    async def write(self, work: Callable[[Connection], T]) -> T:
        """See `Database.write`; for a caller that is cancelled the transaction ends by itself, whole or not at all."""
        return await asyncio.get_running_loop().run_in_executor(self._writing, self._write, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """See `Database.read`."""
        return await asyncio.get_running_loop().run_in_executor(self._reading, self._read, work)

    async def close(self) -> None:
        """Let running work end, then close the file."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writing, self._writer.dispose)
        await loop.run_in_executor(None, self._reading.shutdown)
        self._reader.dispose()
        self._writing.shutdown()

    def _write(self, work: Callable[[Connection], T]) -> T:
        with _translated(self.url) as progress, self._writer.begin() as connection:
            result = work(connection)
            progress.committing = True
            return result

    def _read(self, work: Callable[[Connection], T]) -> T:
        with _translated(self.url), self._reader.connect() as connection:
            return work(connection)

    def _engine(self, connections: int, set_up: Callable[[SqliteConnection, ConnectionPoolEntry], None]) -> Engine:
        engine = create_engine(
            # The setting's name is the public one; what aiosqlite would add is said at the top.
            self.url.set(drivername="sqlite+pysqlite"),
            pool_size=connections,
            max_overflow=0,
            hide_parameters=True,
            # A bulk statement has one text for each size of `bulk.SIZES`.
            connect_args={"cached_statements": 500},
        )
        event.listen(engine, "connect", set_up)
        return engine

    def _set_up_writer(self, connection: SqliteConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver's own BEGIN is switched off (SQLAlchemy, "Transactions with SQLite and the sqlite3 driver"); ours
        # is above.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={self._busy_timeout_ms}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    def _set_up_reader(self, connection: SqliteConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={self._busy_timeout_ms}")
        connection.execute("PRAGMA query_only=ON")


class PostgresDatabase:
    """A server, over asyncpg and one pool."""

    def __init__(self, url: URL, lock_timeout_ms: int, answer_within: float | None) -> None:
        self.url = url
        self._engine = create_async_engine(
            url,
            pool_size=_POSTGRESQL_POOL,
            max_overflow=_POSTGRESQL_POOL,
            pool_timeout=10,
            hide_parameters=True,
            connect_args={
                "timeout": min(10.0, answer_within or ANSWER_WITHIN),
                "command_timeout": answer_within,
                "server_settings": {
                    "application_name": "haier-relay",
                    "synchronous_commit": "on",
                    "lock_timeout": str(lock_timeout_ms),
                },
            },
        )
        # The same pool; a look-up without BEGIN and ROLLBACK is one round trip instead of three.
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def dialect(self) -> Dialect:
        """The dialect that statements are compiled for."""
        return self._engine.dialect

    async def write(self, work: Callable[[Connection], T]) -> T:
        """See `Database.write`."""
        with _translated(self.url) as progress:
            async with self._engine.begin() as connection:
                result = await connection.run_sync(work)
                progress.committing = True
            return result

    async def read(self, work: Callable[[Connection], T]) -> T:
        """See `Database.read`."""
        with _translated(self.url):
            async with self._reader.connect() as connection:
                return await connection.run_sync(work)

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


class _Progress:
    committing = False


@contextmanager
def _translated(url: URL) -> Iterator[_Progress]:
    progress = _Progress()
    try:
        yield progress
    except (exc.SQLAlchemyError, OSError) as error:
        unavailable = translate(error, url)
        if unavailable is None:
            raise
        unavailable.commit_unknown = progress.committing
        raise unavailable from error


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except exc.ArgumentError:
        # The library's words may quote the URL, password and all.
        raise DatabaseUnavailable(f"RELAY_DATABASE_URL is not a database URL. {_EXPECTED}", code="bad_url") from None
    if url.drivername not in {"sqlite+aiosqlite", "postgresql+asyncpg"}:
        raise DatabaseUnavailable(
            f"RELAY_DATABASE_URL names the driver {url.drivername}, which is not supported. {_EXPECTED}", code="bad_url"
        )
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        raise DatabaseUnavailable(
            f"RELAY_DATABASE_URL names no file; a database in memory would lose every event. {_EXPECTED}",
            code="bad_url",
        )
    return url
