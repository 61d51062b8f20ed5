"""The ledger's letters (``dead_letters``).

Archiving the same letter again leaves the first row as it is. Where that is closed, and its event has been sent anew
and has failed anew in the same way, it is open again with what is known now: whoever closed it did not know of that.
"""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, and_, bindparam, collate, func, literal_column, select

from consumer.domain.errors import ErrorClass
from consumer.domain.writes import Letter, LetterStatus
from consumer.persistence import tables
from consumer.persistence.bulk import Incoming
from consumer.persistence.retention import IS_CLOSED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import Dialect

_TABLE = tables.dead_letters
_FIELDS = tuple(field.name for field in fields(Letter))
_values = attrgetter(*_FIELDS)
_AT_ONCE: Final = 500


class Letters:
    """Statements on ``dead_letters``, whose columns are the fields of `Letter`."""

    def __init__(self, dialect: Dialect) -> None:
        self._add = (
            Incoming.of(dialect, _TABLE, *_FIELDS)
            .insert(_TABLE)
            .replaced(
                when=lambda row: and_(
                    IS_CLOSED,
                    row.status == literal_column(f"'{LetterStatus.OPEN}'"),
                    # A redelivery of the same message was first seen when the letter was; only another one is later.
                    row.first_seen_at > _TABLE.c.first_seen_at,
                ),
                columns=[name for name in _FIELDS if name != "id"],
            )
        )
        self._find = select(_TABLE).where(_TABLE.c.id == bindparam("id"))
        is_open = _TABLE.c.status == literal_column(f"'{LetterStatus.OPEN}'")
        self._open = (
            select(_TABLE)
            .where(is_open)
            .order_by(_TABLE.c.created_at.desc(), _TABLE.c.id)
            .limit(bindparam("limit", type_=BigInteger))
        )
        self._count = (
            select(_TABLE.c.lane, _TABLE.c.error_class, func.count())
            .where(is_open)
            .group_by(_TABLE.c.lane, _TABLE.c.error_class)
        )

    def add(self, connection: Connection, letters: Sequence[Letter]) -> None:
        """Write ``letters`` by id; one that is there stays, unless it is closed and its event has failed anew."""
        newest = {letter.id: letter for letter in sorted(letters, key=lambda letter: letter.first_seen_at)}
        self._add.execute(connection, [_row(newest[id_]) for id_ in sorted(newest)])

    def find(self, connection: Connection, id_: str) -> Letter | None:
        """Return the letter ``id_``."""
        row = (connection.execute(self._find, {"id": id_})).one_or_none()
        return None if row is None else letter_of_row(row)

    def open(self, connection: Connection, limit: int) -> list[Letter]:
        """Return the newest open letters, newest first."""
        return [letter_of_row(row) for row in connection.execute(self._open, {"limit": limit})]

    def count_open(self, connection: Connection) -> dict[tuple[str, ErrorClass], int]:
        """Count open letters by lane and error class."""
        return {(lane, ErrorClass(class_)): count for lane, class_, count in connection.execute(self._count)}


def hold_letters(connection: Connection, ids: Collection[str]) -> None:
    """Have letters until the end of the transaction, before they are changed.

    They are taken in the order in which everybody takes several, that of their ids byte by byte: two acts on the same
    letters then come one after the other, and never wait for each other. On SQLite whoever writes has all of them.

    Args:
        connection: of a transaction that writes.
        ids: hundreds at most; for more see `bites`.
    """
    if connection.dialect.name == "postgresql":
        in_order = select(_TABLE.c.id).where(_TABLE.c.id.in_(ids)).order_by(collate(_TABLE.c.id, "C"))
        connection.execute(in_order.with_for_update())


def bites(ids: Collection[str]) -> Iterator[Sequence[str]]:
    """Return ``ids``, each once, in the order in which letters are held, hundreds at a time."""
    in_order = sorted(set(ids))
    for start in range(0, len(in_order), _AT_ONCE):
        yield in_order[start : start + _AT_ONCE]


def _row(letter: Letter) -> tuple[object, ...]:
    # The drivers take plain text only as fast as it should go, so the two enumerations are spelled out.
    named = dict(zip(_FIELDS, _values(letter), strict=True))
    return tuple((named | {"error_class": letter.error_class.value, "status": letter.status.value}).values())


def letter_of_row(row: Any) -> Letter:
    """Return the letter of a row."""
    named = dict(row._mapping)  # noqa: SLF001 (the public name for a row by column names)
    return Letter(**(named | {"error_class": ErrorClass(row.error_class), "status": LetterStatus(row.status)}))
