"""``audit_log``: acts of people, numbered without a gap, each row signed together with the one before it.

What is read may have been changed by anybody, also into what no row can hold: it is read all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, bindparam, insert, select, text, type_coerce

from consumer.domain.audit import AuditRow, chain
from consumer.persistence import tables
from consumer.persistence.announcing import note
from consumer.persistence.columns import UTCDateTime

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import Dialect

    from consumer.domain.audit import AuditEntry, ChainKey

_TABLE = tables.audit_log
_NO_MOMENT: Final = datetime(1, 1, 3, tzinfo=UTC)
"""Stands for a time that cannot be read; a day that every time zone has."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which acts.

    Attributes:
        since: at that time or later.
        until: before that time.
        action: of this name, or of this group of names: ``replay`` is all that begin with ``replay.``.
        actor: whose name holds this text.
        subject: on exactly this.
    """

    since: datetime | None = None
    until: datetime | None = None
    action: str | None = None
    actor: str | None = None
    subject: str | None = None


class _Moment(UTCDateTime):
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        try:
            return super().process_result_value(value, dialect)
        except (TypeError, OverflowError, ValueError):
            return _NO_MOMENT


_COLUMNS: Final = [
    _TABLE.c.sequence,
    type_coerce(_TABLE.c.at, _Moment).label("at"),
    *(_TABLE.c[name] for name in ("actor", "action", "subject", "reason", "detail", "mac")),
]


class Audit:
    """Statements on ``audit_log``.

    Args:
        dialect: of the database.
        key: what rows are signed with; None leaves them unsigned.
    """

    def __init__(self, dialect: Dialect, key: ChainKey | None = None) -> None:
        self._key = key
        # Whoever writes next must see the row before it. SQLite's BEGIN IMMEDIATE lets one transaction write at a time;
        # on PostgreSQL this lock does the same for this table, until the end of the transaction.
        self._alone = text("LOCK TABLE audit_log IN SHARE ROW EXCLUSIVE MODE") if dialect.name == "postgresql" else None
        self._last = select(_TABLE.c.sequence, _TABLE.c.mac).order_by(_TABLE.c.sequence.desc()).limit(1)
        self._insert = insert(_TABLE)
        self._page = (
            select(*_COLUMNS)
            .where(_TABLE.c.sequence > bindparam("after", type_=BigInteger))
            .order_by(_TABLE.c.sequence)
            .limit(bindparam("limit", type_=BigInteger))
        )

    def add(self, connection: Connection, entry: AuditEntry) -> AuditRow:
        """Write ``entry`` in the transaction of the deed, as its last statement: others wait from here to its end.

        Returns:
            The row, which is now the head of the chain.
        """
        if self._alone is not None:
            connection.execute(self._alone)
        last = connection.execute(self._last).one_or_none()
        row = AuditRow.of(entry, 1 if last is None else last.sequence + 1)
        if self._key is not None:
            row = replace(row, mac=chain(self._key, None if last is None else last.mac, row))
        connection.execute(
            self._insert,
            {
                "sequence": row.sequence,
                "at": row.at,
                "actor": row.actor,
                "action": row.action,
                "subject": row.subject,
                "reason": row.reason,
                "detail": row.detail,
                "mac": row.mac,
            },
        )
        note(connection, row)
        return row

    def page(self, connection: Connection, after: int, limit: int) -> Sequence[AuditRow]:
        """Return up to ``limit`` rows behind number ``after``, the oldest first."""
        return [_row(row) for row in connection.execute(self._page, {"after": after, "limit": limit})]

    def head(self, connection: Connection) -> AuditRow | None:
        """Return the newest row."""
        row = connection.execute(select(*_COLUMNS).order_by(_TABLE.c.sequence.desc()).limit(1)).one_or_none()
        return None if row is None else _row(row)

    def macs(self, connection: Connection, numbers: Collection[int]) -> dict[int, str | None]:
        """Return the signatures of those of ``numbers`` that are there."""
        query = select(_TABLE.c.sequence, _TABLE.c.mac).where(_TABLE.c.sequence.in_(numbers))
        return {row.sequence: _text(row.mac) for row in connection.execute(query)}

    def search(self, connection: Connection, wanted: AuditFilter, limit: int) -> Sequence[AuditRow]:
        """Return up to ``limit`` rows, the newest first."""
        query = select(*_COLUMNS).order_by(_TABLE.c.sequence.desc()).limit(limit)
        if wanted.since is not None:
            query = query.where(_TABLE.c.at >= wanted.since)
        if wanted.until is not None:
            query = query.where(_TABLE.c.at < wanted.until)
        if wanted.action is not None:
            group = _TABLE.c.action.startswith(f"{wanted.action}.", autoescape=True)
            query = query.where((_TABLE.c.action == wanted.action) | group)
        if wanted.actor is not None:
            query = query.where(_TABLE.c.actor.contains(wanted.actor, autoescape=True))
        if wanted.subject is not None:
            query = query.where(_TABLE.c.subject == wanted.subject)
        return [_row(row) for row in connection.execute(query)]


def _row(row: Any) -> AuditRow:
    subject, reason, mac = _text(row.subject), _text(row.reason), _text(row.mac)
    return AuditRow(row.sequence, row.at, str(row.actor), str(row.action), subject, reason, str(row.detail), mac)


def _text(value: object) -> str | None:
    """SQLite keeps in a column of texts what it is given, also a number or bytes."""
    return None if value is None else str(value)
