"""Connections, set up the way each database promises durability (DESIGN section 5: acked means durable).

Work on the database is plain synchronous code over a SQLAlchemy connection, handed to `Database.read` or
`Database.write`, which runs it off the event loop: on SQLite in a thread of its own, on PostgreSQL over asyncpg.
Whatever goes wrong leaves this room as `DatabaseUnavailable`.

SQLite has a module of its own (`sqlite`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from sqlalchemy import exc, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from consumer.persistence.errors import DatabaseUnavailable, translated
from consumer.persistence.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import URL, Connection
    from sqlalchemy.engine.interfaces import Dialect

T = TypeVar("T")

BUSY_TIMEOUT_MS = 10_000
"""How long a writer waits for another process's transaction before it says "locked"."""

ANSWER_WITHIN = 30.0
"""Seconds after which a server that says nothing counts as gone; more than any lock is waited for."""

_POSTGRESQL_POOL = 5
_EXPECTED = "Expected sqlite+aiosqlite:///relay.db or postgresql+asyncpg://user:password@host/database."


class Database(Protocol):
    """What is behind ``RELAY_DATABASE_URL``.

    Both methods raise `DatabaseUnavailable` instead of a driver's error, unless the error is about the values of a
    statement.
    """

    url: URL
    writes_at_once: int
    """Transactions that are worth having under way side by side."""

    @property
    def dialect(self) -> Dialect:
        """The dialect that statements are compiled for."""
        ...

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one transaction: committed, and durable, when it returns; rolled back when it raises."""
        ...

    async def write_at_once(self, work: Callable[[Connection], T]) -> T:
        """Run ``work``, which runs one statement, as `write` would, and with it its commit."""
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


class PostgresDatabase:
    """A server, over asyncpg and one pool."""

    # A transaction is a dozen trips to the server, in which a process of a hundred deliveries runs out of work.
    writes_at_once = 3

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
                    # We look rows up by their keys. The default, made for disks that turn, has a hundred keys looked
                    # up by reading a table of ten thousand rows whole: ten times the time.
                    "random_page_cost": "1.1",
                },
            },
        )
        # The same pool; a statement without BEGIN and its end is one round trip instead of three.
        self._by_itself = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def dialect(self) -> Dialect:
        """The dialect that statements are compiled for."""
        return self._engine.dialect

    async def write(self, work: Callable[[Connection], T]) -> T:
        """See `Database.write`."""
        with translated(self.url) as progress:
            async with self._engine.begin() as connection:
                result = await connection.run_sync(work)
                progress.committing = True
            return result

    async def write_at_once(self, work: Callable[[Connection], T]) -> T:
        """See `Database.write_at_once`."""
        with translated(self.url) as progress:
            async with self._by_itself.connect() as connection:
                progress.committing = True
                return await connection.run_sync(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """See `Database.read`."""
        with translated(self.url):
            async with self._by_itself.connect() as connection:
                return await connection.run_sync(work)

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


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
