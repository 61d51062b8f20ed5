"""Quotas: one row for each account at a supplier, the first slot that nobody has yet (DESIGN section 6, quota).

One statement moves the row on and tells where it stood; the row's lock makes processes come one after the other. A
slot is a moment, so nothing has to be given back, and a row that was lost would cost nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, and_, bindparam, case
from sqlalchemy.dialects import postgresql, sqlite

from consumer.domain.slots import Reservation
from consumer.persistence import tables
from consumer.persistence.columns import clock

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import Dialect

    from consumer.domain.slots import SlotRequest

_TABLE = tables.supplier_quotas


class Quotas:
    """Statements on ``supplier_quotas``."""

    def __init__(self, dialect: Dialect) -> None:
        insert = (postgresql.insert if dialect.name == "postgresql" else sqlite.insert)(_TABLE)
        lead, span, horizon = (bindparam(name, type_=BigInteger) for name in ("lead", "span", "horizon"))
        # `SlotRequest.first`, in SQL. On PostgreSQL the clock is read after the row's lock was waited for: what DO
        # UPDATE sets is computed when the row is ours.
        now = clock() * 1000
        standing = and_(_TABLE.c.next_slot > now + lead, _TABLE.c.next_slot <= now + horizon)
        self._reserve = (
            insert.values(account=bindparam("account"), next_slot=now + lead + span)
            .on_conflict_do_update(
                index_elements=[_TABLE.c.account],
                set_={"next_slot": case((standing, _TABLE.c.next_slot), else_=now + lead) + span},
            )
            .returning(_TABLE.c.next_slot - span, now)
        )

    def reserve(self, connection: Connection, request: SlotRequest) -> Reservation:
        """Give out the next slots of an account."""
        first, now = connection.execute(
            self._reserve,
            {
                "account": request.account,
                "lead": request.lead,
                "span": request.span,
                "horizon": request.horizon,
            },
        ).one()
        return Reservation(first, now)
