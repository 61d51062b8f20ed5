"""``audit_log``: acts of people, numbered without a gap, each row signed together with the one before it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, bindparam, insert, select, text

from consumer.domain.audit import AuditRow, chain
from consumer.persistence import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import Dialect

    from consumer.domain.audit import AuditEntry, ChainKey

_TABLE = tables.audit_log


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
            select(_TABLE)
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
        return row

    def page(self, connection: Connection, after: int, limit: int) -> Sequence[AuditRow]:
        """Return up to ``limit`` rows behind number ``after``, the oldest first."""
        return [
            AuditRow(row.sequence, row.at, row.actor, row.action, row.subject, row.reason, row.detail, row.mac)
            for row in connection.execute(self._page, {"after": after, "limit": limit})
        ]
