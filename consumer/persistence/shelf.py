"""A table of values that the supplier is looked at for: written as a set, and only what really changed.

A row is written where it is still at the version that the change builds on. So what a change tells as old is what
stood there, whoever else looked at the same time; and an older look, committed late, undoes nothing that a newer one
has written (`consumer.domain.looks.changes`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import and_, literal_column, or_, select

from consumer.domain.looks import Known
from consumer.persistence.bulk import Incoming
from consumer.persistence.keys import KeySet

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from sqlalchemy import Connection, Table
    from sqlalchemy.engine.interfaces import Dialect

    from consumer.domain.looks import Change

T = TypeVar("T")
Key = tuple[str, ...]


class Shelf(Generic[T]):
    """Statements on one such table.

    Args:
        dialect: of the database.
        table: with ``row_version``, ``created_at`` and ``updated_at`` behind its key and its values.
        to_row: turns a value into the columns of the key and, behind them, of the values.
        to_value: turns a database row into a value.
    """

    def __init__(
        self,
        dialect: Dialect,
        table: Table,
        to_row: Callable[[T], tuple[object, ...]],
        to_value: Callable[[Any], T],
    ) -> None:
        self._to_row = to_row
        self._to_value = to_value
        self._key = [column.name for column in table.primary_key.columns]
        own = {*self._key, "row_version", "created_at", "updated_at"}
        values = [column.name for column in table.columns if column.name not in own]
        incoming = Incoming.of(dialect, table, *self._key, *values, "row_version", "updated_at")
        self._write = incoming.insert(table, created_at=incoming.rows.c.updated_at).replaced(
            when=lambda new: table.c.row_version == new.row_version - literal_column("1"),
            columns=[*values, "row_version", "updated_at"],
        )
        looked = Incoming.of(dialect, table, *self._key, *values)
        new = looked.rows.c
        self._differ = looked.bulk(
            select(*[new[name] for name in self._key], table.c.row_version)
            .select_from(looked.rows.outerjoin(table, and_(*[table.c[name] == new[name] for name in self._key])))
            .where(or_(table.c.row_version.is_(None), *[table.c[name].is_distinct_from(new[name]) for name in values]))
        )
        self._keys = KeySet(dialect, *self._key)
        wanted = self._keys.rows
        self._find = (
            select(table)
            .select_from(wanted)
            .join(table, and_(*[table.c[name] == wanted.c[name] for name in self._key]))
        )

    def save(self, connection: Connection, changes: Iterable[Change[T]]) -> bool:
        """Write ``changes``, each of another key; False: one of them builds on a row that has changed."""
        rows = sorted((self.row(change) for change in changes), key=lambda row: row[: len(self._key)])
        return self._write.execute(connection, rows) == len(rows)

    def row(self, change: Change[T]) -> tuple[Any, ...]:
        """Return ``change`` as a row: key, values, version, time of the look."""
        return (*self._to_row(change.new), change.row_version + 1, change.seen_at)

    def find(self, connection: Connection, keys: Collection[Key]) -> dict[Key, Known[T]]:
        """Return what is known of ``keys``."""
        if not keys:
            return {}
        rows = connection.execute(self._find, self._keys.parameters(keys))
        return {
            tuple(row[: len(self._key)]): Known(self._to_value(row), row.row_version, row.updated_at) for row in rows
        }

    def differing(self, connection: Connection, values: Collection[T]) -> dict[Key, Known[T] | None]:
        """Return, by key, what is held instead of ``values``, None for nothing; what is held just so has no entry.

        The database compares, so that what is the same, which is most of it, is not even read.
        """
        looked = {self._key_of(row): row for row in map(self._to_row, values)}
        versions = {row[:-1]: row[-1] for row in self._differ.found(connection, list(looked.values()))}
        held = self.find(connection, [key for key, version in versions.items() if version is not None])
        return {key: held.get(key) for key in versions}

    def stale(self, connection: Connection, changes: Sequence[Change[T]]) -> set[Key]:
        """Return the keys of those of ``changes`` that build on a row that has changed."""
        versions = {self.key(change.new): change.row_version for change in changes}
        known = self.find(connection, list(versions))
        return {key for key, version in versions.items() if (known[key].row_version if key in known else 0) != version}

    def key(self, value: T) -> Key:
        """Return the key of ``value``."""
        return self._key_of(self._to_row(value))

    def _key_of(self, row: tuple[object, ...]) -> Key:
        return tuple(str(part) for part in row[: len(self._key)])
