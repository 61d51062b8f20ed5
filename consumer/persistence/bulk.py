"""Many rows in one statement: compiled once, prepared once by the driver, one return to Python for all rows.

A statement is written over `Incoming`, a relation of the rows to come. On PostgreSQL that is ``unnest`` over one
array a column. On SQLite it is a ``VALUES`` list of one of a few `SIZES`, filled up with empty rows that a condition
leaves out, so that the driver keeps a handful of prepared texts. Both report how many rows were written, which is how
conditional writes are checked.

Statements are built from Core constructs; only their execution goes by `exec_driver_sql`. SQLAlchemy's own multi-row
insert with RETURNING, its text as long as the rows are many, took three times as long on SQLite and 1.4 times on
PostgreSQL. On SQLite, rows as one JSON text took 1.3 times as long; ``executemany`` is as fast while the event loop
is idle, but returns to Python after each row, which a busy loop makes more than ten times slower (`engine`).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, bindparam, column, func, literal_column, select, text
from sqlalchemy.dialects import postgresql, sqlite

from consumer.persistence.columns import UTCDateTime, aware, microseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, CursorResult, FromClause, Select, Table
    from sqlalchemy.engine.interfaces import Dialect
    from sqlalchemy.sql.dml import Insert, UpdateBase
    from sqlalchemy.types import TypeEngine

    Row = tuple[Any, ...]
    Encoder = Callable[[Any], Any]

SIZES = (1, 2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)
"""Rows in one statement on SQLite; 128 rows of the widest table stay well below its limit of 32,766 parameters."""

_VALUES = "VALUES rows_to_come"

ALWAYS: ColumnElement[bool] = literal_column("1 = 1")
"""For inserts without a condition: SQLite cannot parse ``INSERT … SELECT … ON CONFLICT`` without a WHERE between
them."""


class Incoming:
    """The rows to come, as a relation ``new`` with one column for each of ``columns``, in that order."""

    def __init__(self, dialect: Dialect, columns: Mapping[str, TypeEngine[Any]]) -> None:
        self.dialect = dialect
        self.columns = dict(columns)
        self.rows: FromClause = _arrays(columns) if dialect.name == "postgresql" else _values(columns)

    @classmethod
    def of(cls, dialect: Dialect, table: Table, *names: str, **more: TypeEngine[Any]) -> Incoming:
        """Return rows shaped like ``table`` (or like its columns ``names``), with ``more`` columns behind."""
        chosen = names or tuple(table.c.keys())
        return cls(dialect, {name: table.c[name].type for name in chosen} | more)

    def insert(self, table: Table, **computed: Any) -> Conflict:
        """Begin an insert of all incoming columns that ``table`` has; ``computed`` are expressions for others."""
        values = {name: self.rows.c[name] for name in self.columns if name in table.c} | computed
        return Conflict(self, table, values)

    def bulk(self, statement: UpdateBase | Select[Any]) -> Bulk:
        """Compile ``statement``, written over `rows`, for any number of rows."""
        return Bulk(self, statement)


class Conflict:
    """An insert that still has to say what happens to a row that is there already."""

    def __init__(self, incoming: Incoming, table: Table, values: Mapping[str, Any]) -> None:
        self._incoming = incoming
        self._table = table
        self._key = list(table.primary_key.columns)
        self._values = dict(values)

    def ignored(self) -> Bulk:
        """Compile it so that a row that is there stays as it is (and is not counted)."""
        dialect = self._incoming.dialect.name
        if dialect == "postgresql":
            insert: Insert = self._postgresql(ALWAYS).on_conflict_do_nothing(index_elements=self._key)
        else:
            insert = self._sqlite(ALWAYS).on_conflict_do_nothing(index_elements=self._key)
        return self._incoming.bulk(insert)

    def ignored_by_any_key(self) -> Bulk:
        """Compile it so that a row is left out whose primary key, or any other unique key, is taken."""
        if self._incoming.dialect.name == "postgresql":
            return self._incoming.bulk(self._postgresql(ALWAYS).on_conflict_do_nothing())
        return self._incoming.bulk(self._sqlite(ALWAYS).on_conflict_do_nothing())

    def replaced(
        self,
        *,
        when: Callable[[Any], Any],
        columns: Iterable[str],
        admit: Any = ALWAYS,
        **computed: Callable[[Any], Any],
    ) -> Bulk:
        """Compile it so that ``columns`` of a row that is there are replaced.

        Args:
            when: given the row that would have been inserted, the condition for replacing.
            columns: what is taken over from that row.
            admit: condition on an incoming row for being written at all.
            computed: columns with a value of their own, given the row that would have been inserted.
        """
        if self._incoming.dialect.name == "postgresql":
            on_postgresql = self._postgresql(admit)
            new = on_postgresql.excluded
            changed = {name: new[name] for name in columns} | {name: value(new) for name, value in computed.items()}
            return self._incoming.bulk(
                on_postgresql.on_conflict_do_update(index_elements=self._key, set_=changed, where=when(new))
            )
        on_sqlite = self._sqlite(admit)
        new = on_sqlite.excluded
        changed = {name: new[name] for name in columns} | {name: value(new) for name, value in computed.items()}
        return self._incoming.bulk(
            on_sqlite.on_conflict_do_update(index_elements=self._key, set_=changed, where=when(new))
        )

    def _source(self, admit: Any) -> Any:
        return select(*self._values.values()).select_from(self._incoming.rows).where(admit)

    def _postgresql(self, admit: Any) -> postgresql.Insert:
        return postgresql.insert(self._table).from_select(list(self._values), self._source(admit))

    def _sqlite(self, admit: Any) -> sqlite.Insert:
        return sqlite.insert(self._table).from_select(list(self._values), self._source(admit))


class Bulk:
    """A compiled statement over `Incoming`."""

    def __init__(self, incoming: Incoming, statement: UpdateBase | Select[Any]) -> None:
        compiled = statement.compile(dialect=incoming.dialect)
        self._by_column = incoming.dialect.name == "postgresql"
        expected = list(incoming.columns) if self._by_column else []
        if list(getattr(compiled, "positiontup", None) or ()) != expected:
            raise ValueError(f"parameters of a bulk statement are not its incoming columns: {compiled}")
        self._sql = str(compiled)
        self._width = len(incoming.columns)
        self._texts: dict[int, str] = {}
        self._encoders = [
            (position, encoder)
            for position, type_ in enumerate(incoming.columns.values())
            if (encoder := _encoder(type_, incoming.dialect)) is not None
        ]

    @property
    def text(self) -> str:
        """The statement; on PostgreSQL with one array for each column."""
        return self._sql

    def columns(self, rows: Sequence[Row]) -> list[Sequence[Any]]:
        """Return ``rows`` by column, as the driver takes them."""
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for position, encode in self._encoders:
            columns[position] = [encode(value) for value in columns[position]]
        return columns

    def execute(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Run it for ``rows``, tuples in the order of the incoming columns; return how many rows were written."""
        return sum(result.rowcount for result in self._run(connection, rows))

    def found(self, connection: Connection, rows: Sequence[Row]) -> list[Row]:
        """Run it, a select, for ``rows``; return what it finds, as the driver gives it."""
        return [tuple(row) for result in self._run(connection, rows) for row in result]

    def _run(self, connection: Connection, rows: Sequence[Row]) -> Iterator[CursorResult[Any]]:
        if not rows:
            return
        if self._by_column:
            yield connection.exec_driver_sql(self._sql, tuple(self.columns(rows)))
            return
        encoded = list(zip(*self.columns(rows), strict=True)) if self._encoders else rows
        for start in range(0, len(rows), SIZES[-1]):
            yield self._fill(connection, encoded[start : start + SIZES[-1]])

    def _fill(self, connection: Connection, rows: Sequence[Row]) -> CursorResult[Any]:
        size = SIZES[bisect_left(SIZES, len(rows))]
        values = tuple(chain(*rows, repeat(None, (size - len(rows)) * self._width)))
        return connection.exec_driver_sql(self._sized(size), values)

    def _sized(self, size: int) -> str:
        # Kept by the instance: the same text every time is what lets the driver find its prepared statement.
        if size not in self._texts:
            row = f"({', '.join('?' * self._width)})"
            self._texts[size] = self._sql.replace(_VALUES, "VALUES " + ", ".join([row] * size))
        return self._texts[size]


@dataclass(frozen=True, slots=True)
class Step:
    """A bulk statement and its rows, to be run by itself or with others (`consumer.persistence.one_statement`).

    Attributes:
        bulk: writes to one table.
        rows: none: nothing is to be done.
        whole: each row has to be written, or the unit of work does not hold.
    """

    bulk: Bulk
    rows: Sequence[Row]
    whole: bool = False

    def run(self, connection: Connection) -> bool:
        """Run it; False: it is to be written whole and was not."""
        written = self.bulk.execute(connection, self.rows)
        return not self.whole or written == len(self.rows)


def _arrays(columns: Mapping[str, TypeEngine[Any]]) -> FromClause:
    arrays = [bindparam(name, type_=ARRAY(type_)) for name, type_ in columns.items()]
    typed = [column(name, type_) for name, type_ in columns.items()]
    return func.unnest(*arrays).table_valued(*typed).render_derived(name="new")


def _values(columns: Mapping[str, TypeEngine[Any]]) -> FromClause:
    # SQLite names the columns of VALUES itself and takes no other names for them. The first column is a key, so never
    # empty.
    named = [
        literal_column(f"column{place}", type_).label(name) for place, (name, type_) in enumerate(columns.items(), 1)
    ]
    return select(*named).select_from(text(f"({_VALUES})")).where(text("column1 IS NOT NULL")).subquery("new")


def _encoder(type_: TypeEngine[Any], dialect: Dialect) -> Encoder | None:
    # Plain types go to both drivers as they are; only our own stores something else than it shows.
    if not isinstance(type_, UTCDateTime):
        return None
    return microseconds if dialect.name == "sqlite" else aware
