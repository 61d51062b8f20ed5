"""Connections, opened and set up the way each database promises durability (DESIGN section 5: acked means durable).

SQLite: WAL, ``synchronous=FULL``, one writing connection whose every transaction is ``BEGIN IMMEDIATE`` (a transaction that reads
first and then wants to write could otherwise fail half-way with "locked"), and a few reading ones beside it. PostgreSQL: one pool,
``synchronous_commit=on``. Whatever goes wrong below leaves this room as `DatabaseUnavailable`.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import event, exc, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from consumer.persistence.errors import DatabaseUnavailable, translate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import URL, Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
    from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_MS = 10_000
"""How long a writer waits for another process's transaction before it says "locked"."""

_SQLITE_READERS = 4
_POSTGRESQL_POOL = 5


class Database:
    """The engines behind one ``RELAY_DATABASE_URL``; opening makes no connection.

    Args:
        url: ``sqlite+aiosqlite:///file`` or ``postgresql+asyncpg://user:password@host/database``.
        busy_timeout_ms: for tests; see `BUSY_TIMEOUT_MS`.

    Raises:
        DatabaseUnavailable: code ``bad_url``: the URL cannot be used at all.
    """

    def __init__(self, url: str, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
        self.url: URL = _parse(url)
        if self.url.get_backend_name() == "sqlite":
            self._writer, self._reader = _sqlite_engines(self.url, busy_timeout_ms)
        else:
            self._writer = self._reader = _postgresql_engine(self.url, busy_timeout_ms)

    @property
    def dialect(self) -> Dialect:
        """The dialect that statements are compiled for."""
        return self._writer.dialect

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Give one transaction that may write: committed on leaving, rolled back on an error.

        Raises:
            DatabaseUnavailable: instead of any driver's error that is not about the values written.
        """
        committing = False
        try:
            async with self._writer.begin() as connection:
                yield connection
                committing = True
        except (exc.SQLAlchemyError, OSError) as error:
            unavailable = translate(error, self.url)
            if unavailable is None:
                raise
            unavailable.commit_unknown = committing
            raise unavailable from error

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection for reads, each statement by itself (no transaction stays open).

        Raises:
            DatabaseUnavailable: instead of any driver's error.
        """
        try:
            async with self._reader.connect() as connection:
                yield connection
        except (exc.SQLAlchemyError, OSError) as error:
            unavailable = translate(error, self.url)
            if unavailable is None:
                raise
            raise unavailable from error

    async def close(self) -> None:
        """Close all connections."""
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except exc.ArgumentError:
        # The library's words may quote the URL, password and all.
        raise DatabaseUnavailable(
            "RELAY_DATABASE_URL is not a database URL. "
            "Expected sqlite+aiosqlite:///relay.db or postgresql+asyncpg://user:password@host/database.",
            code="bad_url",
        ) from None
    if url.drivername not in {"sqlite+aiosqlite", "postgresql+asyncpg"}:
        raise DatabaseUnavailable(
            f"RELAY_DATABASE_URL names the driver {url.drivername}. Expected sqlite+aiosqlite or postgresql+asyncpg.",
            code="bad_url",
        )
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        raise DatabaseUnavailable(
            "RELAY_DATABASE_URL names no file: a database in memory would lose every event at the next start. "
            "Expected sqlite+aiosqlite:///relay.db.",
            code="bad_url",
        )
    return url


def _sqlite_engines(url: URL, busy_timeout_ms: int) -> tuple[AsyncEngine, AsyncEngine]:
    writer = create_async_engine(url, pool_size=1, max_overflow=0, hide_parameters=True)
    reader = create_async_engine(
        url,
        pool_size=_SQLITE_READERS,
        max_overflow=0,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        # Nothing is open when a reader is given back; each rollback would cost a trip to the connection's thread.
        skip_autocommit_rollback=True,
        pool_reset_on_return=None,
    )

    @event.listens_for(writer.sync_engine, "connect")
    def set_up_writer(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver's own BEGIN is switched off (SQLAlchemy, "Transactions with SQLite and the sqlite3 driver"); ours
        # is below.
        connection.isolation_level = None
        _pragmas(
            connection, f"busy_timeout={busy_timeout_ms}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"
        )

    @event.listens_for(writer.sync_engine, "begin")
    def begin_immediate(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    @event.listens_for(reader.sync_engine, "connect")
    def set_up_reader(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        _pragmas(connection, f"busy_timeout={busy_timeout_ms}", "query_only=ON")

    return writer, reader


def _pragmas(connection: DBAPIConnection, *pragmas: str) -> None:
    cursor = connection.cursor()
    try:
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _postgresql_engine(url: URL, lock_timeout_ms: int) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=_POSTGRESQL_POOL,
        max_overflow=_POSTGRESQL_POOL,
        pool_timeout=10,
        hide_parameters=True,
        connect_args={
            "timeout": 10,
            "server_settings": {
                "application_name": "haier-relay",
                "synchronous_commit": "on",
                "lock_timeout": str(lock_timeout_ms),
            },
        },
    )
