"""Suspects: deliveries that may have killed their consumer, and how often each was run alone (DESIGN section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from consumer.persistence import tables
from consumer.persistence.bulk import ALWAYS, Incoming
from consumer.persistence.keys import KeySet

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import Dialect

    from consumer.domain.writes import ClearSuspect, MarkSuspect

_TABLE = tables.suspects


class Suspects:
    """Statements on ``suspects``."""

    def __init__(self, dialect: Dialect) -> None:
        self._mark = (
            Incoming.of(dialect, _TABLE)
            .insert(_TABLE)
            .replaced(when=lambda _: ALWAYS, columns=["marked_at"], runs=lambda new: _TABLE.c.runs + new.runs)
        )
        ended = Incoming.of(dialect, _TABLE, "key")
        self._clear = ended.bulk(delete(_TABLE).where(_TABLE.c.key.in_(select(ended.rows.c.key))))
        self._keys = KeySet(dialect, "key")
        self._find = (
            select(_TABLE.c.key, _TABLE.c.runs)
            .select_from(self._keys.rows)
            .join(_TABLE, _TABLE.c.key == self._keys.rows.c.key)
        )

    def mark(self, connection: Connection, marks: Sequence[MarkSuspect]) -> None:
        """Count one more run for each of ``marks``."""
        runs: dict[str, int] = {}
        for mark in marks:
            runs[mark.key] = runs.get(mark.key, 0) + 1
        latest = {mark.key: mark.marked_at for mark in marks}
        self._mark.execute(connection, [(key, runs[key], latest[key]) for key in sorted(runs)])

    def clear(self, connection: Connection, cleared: Sequence[ClearSuspect]) -> None:
        """Forget suspects whose run ended well."""
        self._clear.execute(connection, [(key,) for key in sorted({clear.key for clear in cleared})])

    def find(self, connection: Connection, keys: Collection[str]) -> dict[str, int]:
        """Return how often those of ``keys`` that are suspects were run alone."""
        if not keys:
            return {}
        result = connection.execute(self._find, self._keys.parameters([(key,) for key in keys]))
        return {row.key: row.runs for row in result}
