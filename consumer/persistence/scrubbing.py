"""Forgets customers: names, telephone numbers and addresses go some time after their order's or letter's end.

What remains says that there was an order and what became of it (DESIGN section 5). In small bites, as `retention`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, bindparam, case, func, literal_column, or_, select, text, update

from consumer.domain.order import CallOutcome
from consumer.domain.replay import PLAN_HOLDS
from consumer.persistence import ledger_tables, order_kinds, tables
from consumer.persistence.columns import UTCDateTime, clock, clock_once, database_time, milliseconds
from consumer.persistence.retention import IS_CLOSED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from sqlalchemy import ColumnElement, Select, Update

    from consumer.persistence.engine import Database

_ORDERS = tables.orders
_LETTERS = tables.dead_letters
_BITE: Final = 500
_NOTHING: Final = b""
_ITEMS = ledger_tables.replay_letters
_REPLAYS = ledger_tables.replays


async def scrub(database: Database, older_than: timedelta) -> int:
    """Forget the customers of what ended longer ago than that, by the database's clock; return of how many.

    An order has ended when it is final, refused (also at once, for whoever sends it again tells its customer again) or
    delivered: most that are delivered never become final. A letter's age is counted from when it was closed.
    """
    now = await database.read(database_time)
    before = now - older_than
    # A plan that can still be started needs what it would send.
    parameters = {"before": before, "plans": min(before, now - PLAN_HOLDS), "age": milliseconds(older_than)}
    total = 0
    for statement in _STATEMENTS:
        total += await _all(database, statement, parameters)
    return total


async def _all(database: Database, statement: Update, parameters: Mapping[str, object]) -> int:
    total = 0
    while True:
        done = await database.write(lambda connection: connection.execute(statement, parameters).rowcount)
        total += done
        if done < _BITE:
            return total


def _due(customers: str, old: ColumnElement[bool]) -> Select[str]:
    """Return the next orders to scrub; ``customers`` is the condition of an index, which holds none that was."""
    return select(_ORDERS.c.so_id).where(text(customers), old, _FREE).limit(literal_column(str(_BITE)))


def _scrubbed(due: Select[str]) -> Update:
    unanswered = _ORDERS.c.intent_outcome == literal_column(f"'{CallOutcome.UNKNOWN}'")
    kept = or_(_ORDERS.c.intent_body.is_(None), unanswered)
    return (
        update(_ORDERS)
        # Asked again of the row as it is by now: its order may have been taken up meanwhile.
        .where(_ORDERS.c.so_id.in_(due), _FREE)
        .values(
            consignee=None,
            mobile_end=None,
            # To ask for an answer that is still owed takes exactly the bytes that were sent.
            intent_body=case((kept, _ORDERS.c.intent_body), else_=_NOTHING),
            # Whoever has read the order before must not write its customer back.
            row_version=_ORDERS.c.row_version + 1,
        )
    )


_FREE: Final = or_(_ORDERS.c.lease_until.is_(None), _ORDERS.c.lease_until < clock())
_BEFORE: Final = bindparam("before", type_=UTCDateTime())
DUE_ENDED: Final = _due(
    order_kinds.ENDED_WITH_CUSTOMER, _ORDERS.c.state_at <= clock_once() - bindparam("age", type_=BigInteger)
)
DUE_DELIVERED: Final = _due(order_kinds.DELIVERED_WITH_CUSTOMER, _ORDERS.c.delivered_at < _BEFORE)
_LONG_CLOSED: Final = IS_CLOSED & (_LETTERS.c.closed_at < _BEFORE)
DUE_LETTERS: Final = (
    select(_LETTERS.c.id)
    .where(_LONG_CLOSED, func.length(_LETTERS.c.body) > literal_column("0"))
    .limit(literal_column(str(_BITE)))
)

_NEVER_STARTED: Final = _REPLAYS.c.started_at.is_(None) & (
    _REPLAYS.c.planned_at < bindparam("plans", type_=UTCDateTime())
)

_STATEMENTS: Final = (
    _scrubbed(DUE_ENDED),
    _scrubbed(DUE_DELIVERED),
    # Asked again of the row as it is by now: a letter that was opened meanwhile is still to be replayed.
    update(_LETTERS).where(_LETTERS.c.id.in_(DUE_LETTERS), _LONG_CLOSED).values(body=_NOTHING),
    # What a person has made of a letter, also in a plan that nobody started; few have, so all at once.
    update(_ITEMS)
    .where(
        func.length(_ITEMS.c.body) > literal_column("0"),
        _ITEMS.c.replay_id.in_(select(_REPLAYS.c.id).where(or_(_REPLAYS.c.ended_at < _BEFORE, _NEVER_STARTED))),
    )
    .values(body=_NOTHING),
)
