"""Books that have seen many orders: copies of rows that the service itself wrote, under other keys.

So they are as wide as real ones, whatever columns there are. Events' ids are scattered, as UUIDs are. The orders have
been delivered and their customers forgotten, as has happened to all but the latest of a long history.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Text, cast, func, insert, literal, null, select, text

from consumer.persistence import tables
from consumer.persistence.engine import open_database

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement, Connection, Table
    from sqlalchemy.engine.interfaces import Dialect

_BITE: Final = 100
"""Copies of each row in one transaction, so that no log grows without end."""
_COPY: Final = "+"
"""In the keys of copies alone."""


async def multiply(url: str, copies: int) -> int:
    """Copy each row of ``inbox`` and ``orders`` ``copies`` times; returns how many orders there are then."""
    database = open_database(url, answer_within=None)
    try:
        for first in range(1, copies + 1, _BITE):
            last = min(first + _BITE - 1, copies)
            await database.write(lambda connection, first=first, last=last: _bite(connection, first, last))  # type: ignore[misc]
        if database.dialect.name == "postgresql":
            # Left to the server it would come in the middle of a round.
            for statement in ("VACUUM ANALYZE", "CHECKPOINT"):
                await database.read(lambda connection, statement=statement: connection.execute(text(statement)))  # type: ignore[misc]
        counted = select(func.count()).select_from(tables.orders)
        return int(await database.read(lambda connection: connection.execute(counted).scalar_one()))
    finally:
        await database.close()


def _bite(connection: Connection, first: int, last: int) -> None:
    numbers = select(literal(first).label("number")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.number + 1).where(numbers.c.number < last))
    key, scattered = cast(numbers.c.number, Text), _scattered(connection.dialect)
    orders, inbox = tables.orders.c, tables.inbox.c
    changed: Mapping[Table, tuple[ColumnElement[str], Mapping[str, ColumnElement[Any]]]] = {
        tables.orders: (
            orders.so_id,
            {
                **{name: orders[name] + _COPY + key for name in ("so_id", "online_no", "retail_order_no")},
                **dict.fromkeys(("paid_event_id", "intent_event_id", "applied_event_id"), scattered),
                **dict.fromkeys(("consignee", "mobile_end"), null()),
                "state": literal("confirmed"),
                "delivered_at": literal(datetime.now(UTC), orders.delivered_at.type),
            },
        ),
        tables.inbox: (inbox.subject, {"event_id": scattered, "subject": inbox.subject + _COPY + key}),
    }
    for table, (named, columns) in changed.items():
        copied = select(*(columns.get(column.name, column) for column in table.c)).select_from(
            table.join(numbers, literal(value=True))
        )
        connection.execute(insert(table).from_select(list(table.c), copied.where(named.not_like(f"%{_COPY}%"))))


def _scattered(dialect: Dialect) -> ColumnElement[str]:
    if dialect.name == "postgresql":
        return func.md5(cast(func.random(), Text))
    return func.lower(func.hex(func.randomblob(16)))
