"""One row for each order, durable on return: SQLite in WAL with ``synchronous=FULL``, PostgreSQL as its database says.

The benchmark sets it, and looks (`tests.benchmarks.books`).

Through SQLAlchemy, one INSERT that commits itself, which on PostgreSQL saves two round trips of three. SQLite has one
writer, so all share one connection, and coroutines have it in a thread of its own: one trip there for a row costs half
of the three that SQLAlchemy's own asyncio layer makes. On PostgreSQL both have a pool.
"""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import Column, DateTime, Integer, MetaData, String, Table, create_engine, event, insert
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from sqlalchemy import Connection, Engine

POOL: Final = 20
"""Connections to PostgreSQL. With 5 and 10 coroutines wait for one, which costs more than the round trip."""

_AUTOCOMMIT: Final = "AUTOCOMMIT"
_TABLES: Final = MetaData()
_PUSHED: Final = Table(
    "pushed",
    _TABLES,
    Column("so_id", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("retail_order_no", String),
    Column("pushed_at", DateTime(timezone=True), nullable=False),
)
_INSERT: Final = insert(_PUSHED)

Row = dict[str, object]


class Rows(Protocol):
    """Where coroutines note what was pushed."""

    async def add(self, row: Row) -> None:
        """Insert ``row``, committed on return."""


class BlockingRows(Protocol):
    """The same for threads."""

    def add(self, row: Row) -> None:
        """Insert ``row``, committed on return."""


def open_blocking_rows() -> BlockingRows:
    """Open the database that the environment names, and make the table."""
    url = os.environ["RELAY_DATABASE_URL"]
    if url.startswith("sqlite"):
        return _OneConnection(_sqlite(url))
    engine = create_engine(
        url.replace("+asyncpg", "+psycopg"), isolation_level=_AUTOCOMMIT, pool_size=POOL, max_overflow=0
    )
    _TABLES.create_all(engine)
    return _BlockingPool(engine)


async def open_rows(stack: AsyncExitStack) -> Rows:
    """Open the database that the environment names, and make the table."""
    url = os.environ["RELAY_DATABASE_URL"]
    if url.startswith("sqlite"):
        thread = stack.enter_context(ThreadPoolExecutor(1))
        return _InThread(_OneConnection(_sqlite(url)), thread)
    engine = create_async_engine(url, isolation_level=_AUTOCOMMIT, pool_size=POOL, max_overflow=0)
    stack.push_async_callback(engine.dispose)
    async with engine.connect() as connection:
        await connection.run_sync(_TABLES.create_all)
    return _Pool(engine)


class _OneConnection:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # SQLite's own way to wait for its lock is to sleep.
        self._turn = threading.Lock()

    def add(self, row: Row) -> None:
        with self._turn:
            self._connection.execute(_INSERT, row)


class _InThread:
    def __init__(self, rows: BlockingRows, thread: ThreadPoolExecutor) -> None:
        self._rows = rows
        self._thread = thread

    async def add(self, row: Row) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._rows.add, row)


class _Pool:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, row: Row) -> None:
        async with self._engine.connect() as connection:
            await connection.execute(_INSERT, row)


class _BlockingPool:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, row: Row) -> None:
        with self._engine.connect() as connection:
            connection.execute(_INSERT, row)


def _sqlite(url: str) -> Connection:
    engine = create_engine(
        url.replace("+aiosqlite", ""), isolation_level=_AUTOCOMMIT, connect_args={"check_same_thread": False}
    )
    event.listen(engine, "connect", _durable)
    _TABLES.create_all(engine)
    return engine.connect()


def _durable(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
