"""How data is shown: a table for people, JSON or NDJSON for programs. Data on stdout, talk on stderr.

Rows are mappings of plain values. Times in them are aware: in RELAY_TIMEZONE for people, in UTC in data.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rich.console import Console
    from rich.table import Table

    Row = Mapping[str, object]


class Output(StrEnum):
    """What a command writes on stdout."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="table for people; json: one document; ndjson: one object a line.")
]

NOTHING: Final = "–"
_WIDE: Final = 10_000
"""Columns of an output that is no terminal: nothing is wrapped or cut there."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        key: of the row.
        title: head of the column.
        right: figures stand to the right.
        show: turns the value into what people read; None for the usual way.
    """

    key: str
    title: str
    right: bool = False
    show: Callable[[object], str] | None = None


@dataclass(frozen=True, slots=True)
class Printer:
    """Writes data on stdout the way that was asked for."""

    output: Output
    timezone: tzinfo = field(default=UTC)

    @property
    def for_people(self) -> bool:
        """Is it a table that is asked for."""
        return self.output is Output.TABLE

    def rows(self, rows: Sequence[Row], columns: Sequence[Column], *, empty: str) -> None:
        """Show rows: a table, a JSON list, or a JSON object a line; ``empty`` is said where there are none."""
        match self.output:
            case Output.JSON:
                write(document(list(rows)))
            case Output.NDJSON:
                for row in rows:
                    self.line(row)
            case Output.TABLE if rows:
                console().print(self.table(rows, columns))
            case Output.TABLE:
                say(empty)

    def record(self, record: Row, columns: Sequence[Column]) -> None:
        """Show one thing: its fields one below the other, or one JSON object."""
        match self.output:
            case Output.JSON:
                write(document(record))
            case Output.NDJSON:
                self.line(record)
            case Output.TABLE:
                console().print(self._fields(record, columns))

    @staticmethod
    def line(row: Row) -> None:
        """Write one object of NDJSON."""
        write(as_line(row))

    def table(self, rows: Iterable[Row], columns: Sequence[Column]) -> Table:
        """Return the rows as a table of rich."""
        from rich.table import Table  # noqa: PLC0415 - 0.1 s that `relay event publish` need not spend
        from rich.text import Text  # noqa: PLC0415 - as above

        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column.title, justify="right" if column.right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(self._cell(row.get(column.key), column)) for column in columns))
        return table

    def _fields(self, record: Row, columns: Sequence[Column]) -> Table:
        from rich.table import Table  # noqa: PLC0415 - as above
        from rich.text import Text  # noqa: PLC0415 - as above

        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for column in columns:
            table.add_row(column.title, Text(self._cell(record.get(column.key), column)))
        return table

    def _cell(self, value: object, column: Column) -> str:
        return clean(column.show(value) if column.show is not None else self.shown(value))

    def shown(self, value: object) -> str:
        """Return a value as people read it."""
        match value:
            case None | "" | [] | ():
                return NOTHING
            case bool():
                return "yes" if value else "no"
            case datetime():
                return value.astimezone(self.timezone).strftime("%Y-%m-%d %H:%M:%S")
            case list() | tuple():
                return ", ".join(self.shown(entry) for entry in value)
            case float():
                return f"{value:.1f}"
            case _:
                return str(value)


def document(value: object) -> str:
    """Return a value as an indented JSON document."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=_plain)


def as_line(row: Row) -> str:
    """Return an object as a line of NDJSON."""
    return json.dumps(row, ensure_ascii=False, default=_plain, separators=(",", ":"))


def write(text: str) -> None:
    """Write a line of data on stdout, at once: who reads a pipe sees it now."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def say(sentence: str) -> None:
    """Write a line of talk on stderr."""
    sys.stderr.write(f"{clean(sentence)}\n")
    sys.stderr.flush()


def console() -> Console:
    """Return rich's console on stdout; it honours NO_COLOR, and is as wide as needed where nobody sees its edge."""
    from rich.console import Console  # noqa: PLC0415 - as above

    return Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def talk() -> Console:
    """Return rich's console on stderr, for progress bars."""
    from rich.console import Console  # noqa: PLC0415 - as above

    return Console(file=sys.stderr, highlight=False)


def clean(text: str) -> str:
    """Return text without what could steer a terminal: names and suppliers' words come from outside."""
    return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text)


def _plain(value: object) -> object:
    """Turn what JSON does not know into what it does."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case tuple() | set() | frozenset():
            return list(value)
        case _:
            return str(value)
