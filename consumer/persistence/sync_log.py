"""``haier_sync_log``: what was brought up to date, when, and how it went. A finished row is never written again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, bindparam, literal_column, select

from consumer.domain.writes import SyncLogRow, SyncStatus, SyncType
from consumer.persistence import tables
from consumer.persistence.bulk import Incoming, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import Dialect

_TABLE = tables.sync_log
_OPEN = frozenset({SyncStatus.PENDING, SyncStatus.PROCESSING})


class SyncLog:
    """Statements on ``haier_sync_log``."""

    def __init__(self, dialect: Dialect) -> None:
        self._write = (
            Incoming.of(dialect, _TABLE)
            .insert(_TABLE)
            .replaced(
                when=lambda _: _TABLE.c.status.in_([literal_column(f"'{status}'") for status in sorted(_OPEN)]),
                columns=[name for name in _TABLE.c.keys() if name not in {"id", "created_at"}],  # noqa: SIM118 (a collection of columns)
            )
        )
        self._find = select(_TABLE).where(_TABLE.c.id == bindparam("id"))
        self._recent = (
            select(_TABLE).order_by(_TABLE.c.created_at.desc(), _TABLE.c.id).limit(bindparam("limit", type_=BigInteger))
        )

    def write(self, connection: Connection, rows: Sequence[SyncLogRow]) -> None:
        """Insert ``rows``, or replace those that are not finished yet."""
        self.writing(rows).run(connection)

    def writing(self, rows: Sequence[SyncLogRow]) -> Step:
        """Insert ``rows``, or replace those that are not finished yet."""
        latest: dict[str, SyncLogRow] = {}
        for row in rows:
            known = latest.get(row.id)
            if known is None or known.status in _OPEN:
                latest[row.id] = row
        return Step(self._write, [_row(latest[id_]) for id_ in sorted(latest)])

    def find(self, connection: Connection, id_: str) -> SyncLogRow | None:
        """Return the row ``id_``."""
        row = (connection.execute(self._find, {"id": id_})).one_or_none()
        return None if row is None else sync_log_row(row)

    def recent(self, connection: Connection, limit: int) -> list[SyncLogRow]:
        """Return the newest rows, newest first."""
        return [sync_log_row(row) for row in connection.execute(self._recent, {"limit": limit})]


def _row(row: SyncLogRow) -> tuple[object, ...]:
    return (
        row.id,
        row.sync_type.value,
        row.status.value,
        row.message,
        row.total_count,
        row.success_count,
        row.failed_count,
        row.started_at,
        row.completed_at,
        row.created_at,
        row.config_id,
        row.event_id,
    )


def sync_log_row(row: Any, *, prefix: str = "") -> SyncLogRow:
    """Return the sync-log row of a database row whose columns are named with ``prefix``."""
    of = {name: getattr(row, f"{prefix}{name}") for name in _TABLE.c.keys()}  # noqa: SIM118 (a collection of columns)
    return SyncLogRow(**(of | {"sync_type": SyncType(of["sync_type"]), "status": SyncStatus(of["status"])}))
