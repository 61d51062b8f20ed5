"""Looks into the ledger of dead letters: by group, by what a person asks for. None of them on the way of a message."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import case, func, literal, select

from consumer.domain.errors import ErrorClass
from consumer.domain.ledger import Group, Note, Standing
from consumer.domain.writes import InboxKey, LetterStatus
from consumer.persistence import ledger_tables, tables
from consumer.persistence.columns import database_time
from consumer.persistence.letters import letter_of_row
from consumer.persistence.retention import IS_CLOSED

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from consumer.domain.ledger import Selection
    from consumer.domain.writes import Letter
    from consumer.persistence.engine import Database

_LETTERS = tables.dead_letters
_NOTES = ledger_tables.letter_notes
LISTED: Final = (
    _LETTERS.c.attempt_count.label("attempts"),
    *(
        _LETTERS.c[name]
        for name in (
            "id",
            "created_at",
            "first_seen_at",
            "lane",
            "type",
            "subject",
            "event_id",
            "error_class",
            "code",
            "message",
            "supplier",
            "supplier_code",
            "supplier_message",
            "fingerprint",
            "status",
            "replay_id",
        )
    ),
)
"""Columns that are small: no body, no headers, no history."""
_NEWEST_FIRST: Final = (_LETTERS.c.created_at.desc(), _LETTERS.c.id)
_HOUR: Final = timedelta(hours=1)
_ESCAPE: Final = "\\"


def meant(selection: Selection) -> list[ColumnElement[bool]]:
    """Return the conditions on ``dead_letters`` for what ``selection`` says."""
    column = _LETTERS.c
    named: dict[Any, object] = {
        column.lane: selection.lane,
        column.type: selection.type,
        column.error_class: selection.error_class,
        column.code: selection.code,
        column.fingerprint: selection.fingerprint,
        column.subject: selection.so_id,
        column.event_id: selection.event_id,
        column.status: selection.status,
    }
    conditions = [place == str(value) for place, value in named.items() if value is not None]
    if selection.ids:
        conditions.append(column.id.in_(selection.ids))
    if selection.since is not None:
        conditions.append(column.created_at >= selection.since)
    if selection.until is not None:
        conditions.append(column.created_at < selection.until)
    if selection.text is not None:
        words = func.lower(column.message + " " + func.coalesce(column.supplier_message, ""))
        conditions.append(words.like(f"%{_literal(selection.text.lower())}%", escape=_ESCAPE))
    return conditions


class Ledger:
    """The part of `consumer.persistence.store.Store` that people look at dead letters through.

    Every method raises `DatabaseUnavailable` when the database cannot be used now.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def letters(self, selection: Selection, *, limit: int) -> list[Letter]:
        """Return up to ``limit`` letters that ``selection`` means, the newest first."""
        query = select(_LETTERS).where(*meant(selection)).order_by(*_NEWEST_FIRST).limit(limit)
        return await self._database.read(lambda connection: [letter_of_row(row) for row in connection.execute(query)])

    async def listed(self, selection: Selection, *, limit: int) -> list[dict[str, Any]]:
        """Return what a line of a list shows (`LISTED`), by name, of up to ``limit`` letters, the newest first."""
        query = select(*LISTED).where(*meant(selection)).order_by(*_NEWEST_FIRST).limit(limit)
        return await self._database.read(lambda connection: [dict(row) for row in connection.execute(query).mappings()])

    async def ids(self, selection: Selection) -> list[str]:
        """Return ids of all letters that ``selection`` means, the oldest first."""
        query = select(_LETTERS.c.id).where(*meant(selection)).order_by(_LETTERS.c.created_at, _LETTERS.c.id)
        return await self._database.read(lambda connection: list(connection.execute(query).scalars()))

    async def by_ids(self, ids: Sequence[str]) -> list[Letter]:
        """Return the letters of ``ids`` (hundreds at most), in that order; one that is gone is left out."""
        query = select(_LETTERS).where(_LETTERS.c.id.in_(ids))

        def look(connection: Connection) -> list[Letter]:
            found = {row.id: letter_of_row(row) for row in connection.execute(query)}
            return [found[id_] for id_ in ids if id_ in found]

        return await self._database.read(look)

    async def current(self, keys: Collection[InboxKey]) -> dict[InboxKey, Standing]:
        """Return for each of those events (hundreds at most) the letter that stands for it.

        That is the one that a replay has in hand, else the newest open one; an event without either is left out.
        """
        column = _LETTERS.c
        query = (
            select(column.id, column.event_source, column.event_id, column.status, column.replay_id)
            .where(column.event_id.in_({key.event_id for key in keys}), ~IS_CLOSED)
            .order_by(column.status == LetterStatus.REPLAYING.value, column.created_at, column.id)
        )

        def look(connection: Connection) -> dict[InboxKey, Standing]:
            # Of several the last stays.
            return {
                InboxKey(row.event_source, row.event_id): Standing(
                    row.id, row.replay_id if row.status == LetterStatus.REPLAYING else None
                )
                for row in connection.execute(query)
            }

        return await self._database.read(look)

    async def count(self, selection: Selection) -> int:
        """Return how many letters ``selection`` means."""
        query = select(func.count()).select_from(_LETTERS).where(*meant(selection))
        return await self._database.read(lambda connection: connection.execute(query).scalar_one())

    async def beginning_with(self, start: str, *, limit: int) -> list[Letter]:
        """Return letters whose id begins with ``start``, so that a person need not type all of it."""
        query = select(_LETTERS).where(_LETTERS.c.id.like(f"{_literal(start)}%", escape=_ESCAPE)).limit(limit)
        return await self._database.read(lambda connection: [letter_of_row(row) for row in connection.execute(query)])

    async def groups(self, selection: Selection) -> list[Group]:
        """Return the letters that ``selection`` means by cause, the largest group first."""
        return await self._database.read(lambda connection: self._groups(connection, selection))

    async def following(self, letter_id: str) -> list[Letter]:
        """Return the letters that replays of a letter came back as, the newest first."""
        query = select(_LETTERS).where(_LETTERS.c.follows == letter_id).order_by(_LETTERS.c.created_at.desc())
        return await self._database.read(lambda connection: [letter_of_row(row) for row in connection.execute(query)])

    async def notes(self, letter_id: str) -> list[Note]:
        """Return what people noted on a letter, the oldest first."""
        query = select(_NOTES).where(_NOTES.c.letter_id == letter_id).order_by(_NOTES.c.number)
        return await self._database.read(
            lambda connection: [Note(row.number, row.at, row.actor, row.note) for row in connection.execute(query)]
        )

    def _groups(self, connection: Connection, selection: Selection) -> list[Group]:
        now = database_time(connection)
        column, conditions = _LETTERS.c, meant(selection)
        figures = select(
            column.fingerprint,
            func.count().label("letters"),
            func.count(column.subject.distinct()).label("subjects"),
            func.min(column.created_at, type_=column.created_at.type).label("first_at"),
            func.max(column.created_at, type_=column.created_at.type).label("last_at"),
            _counted(column.created_at >= now - _HOUR).label("last_hour"),
            _counted((column.created_at < now - _HOUR) & (column.created_at >= now - 2 * _HOUR)).label("hour_before"),
        )
        figures = figures.where(*conditions).group_by(column.fingerprint)
        kinds = select(column.fingerprint, column.lane, column.type).where(*conditions).distinct()
        lanes: dict[str, set[str]] = {}
        types: dict[str, set[str]] = {}
        for row in connection.execute(kinds):
            lanes.setdefault(row.fingerprint, set()).add(row.lane)
            types.setdefault(row.fingerprint, set()).update({row.type} - {None})
        newest = {row.fingerprint: row for row in connection.execute(_newest(conditions))}
        found = [
            Group(
                fingerprint=row.fingerprint,
                count=row.letters,
                error_class=ErrorClass(newest[row.fingerprint].error_class),
                code=newest[row.fingerprint].code,
                supplier=newest[row.fingerprint].supplier,
                message=newest[row.fingerprint].message,
                lanes=tuple(sorted(lanes[row.fingerprint])),
                types=tuple(sorted(types[row.fingerprint])),
                subjects=row.subjects,
                first_at=row.first_at,
                last_at=row.last_at,
                last_hour=row.last_hour,
                hour_before=row.hour_before,
                sample=newest[row.fingerprint].id,
            )
            for row in connection.execute(figures)
            # A letter that came between the looks shows the next time.
            if row.fingerprint in newest and row.fingerprint in lanes
        ]
        return sorted(found, key=lambda group: (-group.count, group.fingerprint))


def _newest(conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    column = _LETTERS.c
    place = func.row_number().over(
        partition_by=column.fingerprint, order_by=(column.created_at.desc(), column.id.desc())
    )
    wanted = (column.fingerprint, column.id, column.error_class, column.code, column.supplier, column.message)
    ranked = select(*wanted, place.label("place")).where(*conditions).subquery()
    return select(ranked).where(ranked.c.place == literal(1))


def _counted(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _literal(text: str) -> str:
    """Return ``text`` so that LIKE takes it for itself."""
    for one in (_ESCAPE, "%", "_"):
        text = text.replace(one, _ESCAPE + one)
    return text
