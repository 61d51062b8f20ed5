"""Forgets customers: names, telephone numbers and addresses go some time after their order's or letter's end.

What remains says that there was an order and what became of it (DESIGN section 5). In small bites, as `retention`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, and_, bindparam, func, literal_column, or_, select, update

from consumer.domain.order import OrderState
from consumer.domain.writes import LetterStatus
from consumer.persistence import tables
from consumer.persistence.columns import UTCDateTime, clock, database_time, milliseconds

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy import Update

    from consumer.persistence.engine import Database

_ORDERS = tables.orders
_LETTERS = tables.dead_letters
_BITE: Final = 500
_EMPTY: Final = b""

_OVER = [state.value for state in (OrderState.CANCELLED, OrderState.SETTLED, OrderState.REFUSED)]
"""Nothing is delivered any more."""
_CLOSED = [status.value for status in (LetterStatus.REPLAYED, LetterStatus.DISCARDED, LetterStatus.CLOSED)]


def _orders() -> Update:
    long_over = and_(_ORDERS.c.state.in_(_OVER), _ORDERS.c.state_at <= clock() - bindparam("age", type_=BigInteger))
    long_delivered = _ORDERS.c.delivered_at < bindparam("before", type_=UTCDateTime())
    kept = or_(_ORDERS.c.consignee.is_not(None), func.length(_ORDERS.c.intent_body) > literal_column("0"))
    ended = (
        select(_ORDERS.c.so_id)
        .where(or_(long_over, long_delivered), kept, _ORDERS.c.lease_until.is_(None))
        .limit(literal_column(str(_BITE)))
    )
    return (
        update(_ORDERS)
        .where(_ORDERS.c.so_id.in_(ended))
        .values(
            consignee=None,
            mobile_end=None,
            intent_body=_EMPTY,
            # Whoever has read the order before must not write its customer back.
            row_version=_ORDERS.c.row_version + 1,
        )
    )


def _letters() -> Update:
    ended = (
        select(_LETTERS.c.id)
        .where(
            _LETTERS.c.status.in_(_CLOSED),
            _LETTERS.c.created_at < bindparam("before", type_=UTCDateTime()),
            func.length(_LETTERS.c.body) > literal_column("0"),
        )
        .limit(literal_column(str(_BITE)))
    )
    return update(_LETTERS).where(_LETTERS.c.id.in_(ended)).values(body=_EMPTY)


async def scrub(database: Database, older_than: timedelta) -> int:
    """Forget the customers of what ended longer ago than that, by the database's clock; return of how many."""
    before = await database.read(database_time) - older_than
    return await _all(database, _ORDERS_STATEMENT, {"before": before, "age": milliseconds(older_than)}) + await _all(
        database, _LETTERS_STATEMENT, {"before": before}
    )


_ORDERS_STATEMENT: Final = _orders()
_LETTERS_STATEMENT: Final = _letters()


async def _all(database: Database, statement: Update, parameters: dict[str, object]) -> int:
    total = 0
    while True:
        done = await database.write(lambda connection: connection.execute(statement, parameters).rowcount)
        total += done
        if done < _BITE:
            return total
