"""SQLite over aiosqlite: WAL, ``synchronous=FULL``, one writing connection and a few reading ones beside it.

Every writing transaction is ``BEGIN IMMEDIATE``: one that reads first and then wants to write could otherwise fail
half-way with "locked".

A whole transaction is one trip to aiosqlite's thread, and not one for each statement: every return from SQLite to
Python has to win the interpreter's lock back from the event loop. With a loop that is busy in slices of 0.1 ms, a
commit of 100 units in three trips a statement took 2.7 times as long as in one trip, and with a return for each row
(``executemany``) more than ten times as long. So each of a transaction's statements returns once, too (`bulk`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import aiosqlite
from sqlalchemy import StaticPool, create_engine, event

from consumer.persistence.errors import translated

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Connection as RawConnection

    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.engine.interfaces import Dialect
    from sqlalchemy.pool import ConnectionPoolEntry

T = TypeVar("T")

_READERS = 4
_CACHED_STATEMENTS = 500
"""A bulk statement has one text for each size of `bulk.SIZES`."""


class SqliteDatabase:
    """One file; see `consumer.persistence.engine.Database`.

    Args:
        url: ``sqlite+aiosqlite:///file``.
        busy_timeout_ms: how long to wait for another process's transaction.
    """

    writes_at_once = 1

    def __init__(self, url: URL, busy_timeout_ms: int) -> None:
        self.url = url
        self._busy_timeout_ms = busy_timeout_ms
        self._writer = _Line(self._engine(self._set_up_writer, begin="BEGIN IMMEDIATE"))
        self._readers = [_Line(self._engine(self._set_up_reader)) for _ in range(_READERS)]
        self._free: asyncio.LifoQueue[_Line] = asyncio.LifoQueue()
        for reader in self._readers:
            self._free.put_nowait(reader)

    @property
    def dialect(self) -> Dialect:
        """The dialect that statements are compiled for."""
        return self._writer.engine.dialect

    async def write(self, work: Callable[[Connection], T]) -> T:
        """See `Database.write`; for a caller that is cancelled the transaction ends by itself, whole or not at all."""

        def transaction() -> T:
            with translated(self.url) as progress, self._writer.engine.begin() as connection:
                result = work(connection)
                progress.committing = True
                return result

        with translated(self.url):
            return await self._writer.run(transaction)

    async def write_at_once(self, work: Callable[[Connection], T]) -> T:
        """See `Database.write_at_once`; a transaction like any other here."""
        return await self.write(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """See `Database.read`."""
        line = await self._free.get()

        def look() -> T:
            with line.engine.connect() as connection:
                return work(connection)

        try:
            with translated(self.url):
                return await line.run(look)
        finally:
            self._free.put_nowait(line)

    async def close(self) -> None:
        """Let running work end, then close the file."""
        for line in (*self._readers, self._writer):
            await line.close()

    def _engine(self, set_up: Callable[[RawConnection, ConnectionPoolEntry], None], begin: str | None = None) -> Engine:
        engine = create_engine(
            # The connection is made in aiosqlite's thread and used there alone, so SQLAlchemy takes it as a plain one.
            self.url.set(drivername="sqlite+pysqlite"),
            poolclass=StaticPool,
            hide_parameters=True,
            connect_args={"cached_statements": _CACHED_STATEMENTS},
        )
        event.listen(engine, "connect", set_up)
        if begin is not None:
            event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine

    def _set_up_writer(self, connection: RawConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver's own BEGIN is switched off (SQLAlchemy, "Transactions with SQLite and the sqlite3 driver"); ours
        # is BEGIN IMMEDIATE.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={self._busy_timeout_ms}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    def _set_up_reader(self, connection: RawConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={self._busy_timeout_ms}")
        connection.execute("PRAGMA query_only=ON")


class _Line:
    """One connection of aiosqlite, opened when it is first needed, on which SQLAlchemy runs whole transactions."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._connection: _InOneTrip | None = None
        self._opening = asyncio.Lock()

    async def run(self, work: Callable[[], T]) -> T:
        """Run ``work`` in the connection's thread."""
        if self._connection is None:
            async with self._opening:
                if self._connection is None:
                    self._connection = await _opened(self._open)
        return await self._connection.run(work)

    async def close(self) -> None:
        """Close the connection after what is queued on it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
            self.engine.dispose()

    def _open(self) -> RawConnection:
        with self.engine.connect() as connection:
            raw: RawConnection = connection.connection.driver_connection  # type: ignore[assignment]  # pysqlite's own
            return raw


async def _opened(connector: Callable[[], RawConnection]) -> _InOneTrip:
    connection = _InOneTrip(connector, iter_chunk_size=1)
    try:
        await connection
    except BaseException:
        # Whatever stopped it, a cancel too, is raised on. The connection's thread has been told to end, and tells the
        # event loop so: that must still be there then.
        await asyncio.to_thread(connection.join)
        raise
    return connection


class _InOneTrip(aiosqlite.Connection):
    def join(self) -> None:
        """Wait until this connection's thread has ended."""
        self._thread.join()

    async def run(self, work: Callable[[], T]) -> T:
        """Run ``work`` in this connection's thread, as each of its own methods runs one statement."""
        result: T = await self._execute(work)  # type: ignore[no-untyped-call]  # aiosqlite has no types here
        return result
