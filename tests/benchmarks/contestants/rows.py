"""One row for each order, durable on return: SQLite in WAL with ``synchronous=FULL``, PostgreSQL as it comes.

SQLite has one writer, so all share one connection behind a lock: a pool made a row 1.6 times as dear. In PostgreSQL
each thread has a connection of its own, and a loop a pool of them.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import Column, DateTime, Engine, Integer, MetaData, String, Table, create_engine, event, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

POOL: Final = 16
"""Connections to PostgreSQL."""

_TABLES = MetaData()
PUSHED: Final = Table(
    "pushed",
    _TABLES,
    Column("so_id", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("retail_order_no", String),
    Column("pushed_at", DateTime(timezone=True), nullable=False),
)


class Rows(Protocol):
    """Where pushed orders are noted by a coroutine."""

    async def add(self, row: dict[str, object]) -> None:
        """Insert ``row``, committed on return."""


class _OneConnection:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()

    async def add(self, row: dict[str, object]) -> None:
        async with self._turn:
            await self._connection.execute(insert(PUSHED), row)
            await self._connection.commit()


class _Pool:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, row: dict[str, object]) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(insert(PUSHED), row)


async def open_rows(stack: AsyncExitStack) -> Rows:
    """Open the database that the environment names, and make the table."""
    url = os.environ["RELAY_DATABASE_URL"]
    if url.startswith("sqlite"):
        engine = create_async_engine(url)
        event.listen(engine.sync_engine, "connect", _durable)
    else:
        engine = create_async_engine(url, pool_size=POOL, max_overflow=0, pool_timeout=None)
    stack.push_async_callback(engine.dispose)
    async with engine.begin() as connection:
        await connection.run_sync(_TABLES.create_all)
    if url.startswith("sqlite"):
        return _OneConnection(await stack.enter_async_context(engine.connect()))
    return _Pool(engine)


class BlockingRows:
    """The same for threads."""

    def __init__(self) -> None:
        url = os.environ["RELAY_DATABASE_URL"]
        self._engine = _for_threads(url)
        # Nobody else waits for SQLite's lock in here: its busy handler sleeps, a lock of ours does not.
        self._turn = threading.Lock() if url.startswith("sqlite") else None
        with self._engine.begin() as connection:
            _TABLES.create_all(connection)

    def add(self, row: dict[str, object]) -> None:
        """Insert ``row``, committed on return."""
        if self._turn is None:
            self._add(row)
        else:
            with self._turn:
                self._add(row)

    def _add(self, row: dict[str, object]) -> None:
        with self._engine.begin() as connection:
            connection.execute(insert(PUSHED), row)


def _for_threads(url: str) -> Engine:
    if url.startswith("sqlite"):
        engine = create_engine(
            url.replace("+aiosqlite", ""), poolclass=StaticPool, connect_args={"check_same_thread": False}
        )
        event.listen(engine, "connect", _durable)
        return engine
    return create_engine(url.replace("+asyncpg", "+psycopg"), pool_size=POOL, max_overflow=0, pool_timeout=None)


def _durable(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
