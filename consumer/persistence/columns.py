"""Column types and the database's clock, spelled for SQLite and PostgreSQL.

Times that people and other programs read are `UTCDateTime`. Leases and claims, which only ever meet the database's
own clock, are plain integers of epoch milliseconds (`clock`), so that both databases compute with them alike.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, DateTime, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy import Connection, ScalarSelect
    from sqlalchemy.engine.interfaces import Dialect
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.types import TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NAIVE = "a datetime without a time zone cannot be stored"


class UTCDateTime(TypeDecorator[datetime]):
    """An aware moment: ``timestamptz`` on PostgreSQL, integer microseconds since 1970 on SQLite.

    Read back it is always in UTC. A naive datetime is refused (`ValueError`): nobody could tell what it meant.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the native type where there is one."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Turn an aware moment into what the column stores."""
        if value is None:
            return None
        return microseconds(value) if dialect.name == "sqlite" else aware(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Turn what the column stores into a moment in UTC."""
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return _EPOCH + timedelta(microseconds=value)


def microseconds(value: datetime | None) -> int | None:
    """Return what `UTCDateTime` stores on SQLite."""
    if value is None:
        return None
    try:
        return (value - _EPOCH) // _MICROSECOND
    except TypeError:
        raise ValueError(_NAIVE) from None


def aware(value: datetime | None) -> datetime | None:
    """Return ``value`` if it is aware; asyncpg would take a naive one for local time."""
    if value is not None and value.tzinfo is None:
        raise ValueError(_NAIVE)
    return value


class clock(FunctionElement[int]):  # noqa: N801 (reads as the SQL function that it is)
    """The database's clock in epoch milliseconds: one clock for all processes, whatever their own clocks say."""

    type = BigInteger()
    inherit_cache = True


@compiles(clock, "sqlite")
def _clock_on_sqlite(_element: clock, _compiler: SQLCompiler, **_: Any) -> str:
    # julianday has millisecond resolution and exists in every SQLite; unixepoch('subsec') only since 3.42. Rounded,
    # because the product of the day's fraction is a float that may sit just below the millisecond.
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)"


@compiles(clock, "postgresql")
def _clock_on_postgresql(_element: clock, _compiler: SQLCompiler, **_: Any) -> str:
    # clock_timestamp, not now(): a transaction that waited for a row lock must not judge a lease by the time it
    # began.
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


def clock_once() -> ScalarSelect[int]:
    """Return `clock` read once for a statement: PostgreSQL uses no index for what it has to ask anew for each row."""
    return select(clock()).scalar_subquery()


def database_time(connection: Connection) -> datetime:
    """Return the database's clock as a moment in UTC."""
    return _EPOCH + timedelta(milliseconds=connection.execute(select(clock())).scalar_one())


def milliseconds(span: timedelta | None) -> int | None:
    """Return ``span`` in the unit of `clock`."""
    return None if span is None else span // timedelta(milliseconds=1)
