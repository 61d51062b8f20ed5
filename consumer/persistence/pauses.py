"""``supplier_pauses``: which suppliers a person has paused. One row each, gone when it is resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select

from consumer.domain.interventions import SupplierPause
from consumer.persistence import tables
from consumer.persistence.bulk import ALWAYS, Incoming

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import Dialect

_TABLE = tables.supplier_pauses


class SupplierPauses:
    """Statements on ``supplier_pauses``."""

    def __init__(self, dialect: Dialect) -> None:
        self._pause = (
            Incoming.of(dialect, _TABLE)
            .insert(_TABLE)
            .replaced(when=lambda _: ALWAYS, columns=["paused_by", "reason", "paused_at"])
        )
        self._resume = delete(_TABLE).where(_TABLE.c.supplier == bindparam("resumed"))
        self._standing = select(_TABLE)

    def pause(self, connection: Connection, pause: SupplierPause) -> None:
        """Write ``pause`` down, in place of an earlier one of that supplier."""
        self._pause.execute(connection, [(pause.supplier, pause.paused_by, pause.reason, pause.paused_at)])

    def resume(self, connection: Connection, supplier: str) -> bool:
        """Forget the pause of ``supplier``; False if there was none."""
        return connection.execute(self._resume, {"resumed": supplier}).rowcount > 0

    def standing(self, connection: Connection) -> dict[str, SupplierPause]:
        """Return all of them by supplier."""
        return {
            row.supplier: SupplierPause(row.supplier, row.paused_by, row.reason, row.paused_at)
            for row in connection.execute(self._standing)
        }
