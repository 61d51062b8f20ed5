"""What people ask of orders: how one came about, which ones wait, which one a number means. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Text, and_, bindparam, func, literal, or_, select, union_all

from consumer.domain.audit import AuditRow
from consumer.domain.order import FINAL, Order, OrderState
from consumer.domain.writes import InboxEntry, InboxKey
from consumer.persistence import tables
from consumer.persistence.columns import clock, milliseconds
from consumer.persistence.letters import letter_of_row
from consumer.persistence.order_rows import READ, order_of
from consumer.persistence.outbox import message_of_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from consumer.domain.writes import Letter, OutboxMessage
    from consumer.persistence.engine import Database

_ORDERS = tables.orders
_INBOX = tables.inbox
_OUTBOX = tables.outbox
_LETTERS = tables.dead_letters
_AUDIT = tables.audit_log
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
WAITING: Final = tuple(sorted(set(OrderState) - FINAL))
"""States in which an order waits for something; the others are never left."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who works on an order now; ``until`` by the database's clock."""

    owner: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Traces:
    """All that the books have about one order, each kind oldest first."""

    events: Sequence[InboxEntry]
    messages: Sequence[OutboxMessage]
    letters: Sequence[Letter]
    acts: Sequence[AuditRow]
    lease: Lease | None


class Stories:
    """Looks at orders, none of them on the way of a message.

    Every method raises `DatabaseUnavailable` when the database cannot be used now.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        wanted = [_ORDERS.c[name] for name in READ]
        self._events = select(_INBOX).where(_INBOX.c.subject == bindparam("so_id")).order_by(_INBOX.c.done_at)
        self._messages = (
            select(_OUTBOX)
            .join(
                _INBOX,
                and_(
                    _OUTBOX.c.event_id == _INBOX.c.event_id,
                    _OUTBOX.c.source == _INBOX.c.source,
                    _OUTBOX.c.run == _INBOX.c.run,
                ),
            )
            .where(_INBOX.c.subject == bindparam("so_id"))
            .order_by(_OUTBOX.c.created_at, _OUTBOX.c.id)
        )
        self._letters = (
            select(_LETTERS)
            .where(_LETTERS.c.subject.in_([bindparam("so_id"), bindparam("online_no")]))
            .order_by(_LETTERS.c.created_at)
        )
        self._acts = select(_AUDIT).where(_AUDIT.c.subject == bindparam("so_id")).order_by(_AUDIT.c.sequence)
        self._lease = select(_ORDERS.c.lease_owner, _ORDERS.c.lease_until).where(
            _ORDERS.c.so_id == bindparam("so_id"), _ORDERS.c.lease_until > clock()
        )
        number = bindparam("number", type_=Text)
        self._found = (
            select(*wanted)
            .where(
                or_(
                    _ORDERS.c.so_id == number,
                    _ORDERS.c.online_no == number,
                    _ORDERS.c.retail_order_no == number,
                    _ORDERS.c.ext_order_no == number,
                    _ORDERS.c.mobile_end == bindparam("mobile_end", type_=Text),
                )
            )
            .order_by(_ORDERS.c.so_id)
            .limit(bindparam("limit", type_=BigInteger))
        )
        self._listed = (
            select(*wanted)
            .where(
                _ORDERS.c.state == bindparam("state", type_=Text),
                _ORDERS.c.state_at <= clock() - bindparam("age", type_=BigInteger),
            )
            .order_by(_ORDERS.c.state_at, _ORDERS.c.so_id)
            .limit(bindparam("limit", type_=BigInteger))
        )
        # One step into the index for each state; grouping would read all of it.
        self._oldest = union_all(
            *(
                select(literal(state.value), clock() - func.min(_ORDERS.c.state_at)).where(
                    _ORDERS.c.state == literal(state.value)
                )
                for state in WAITING
            )
        )

    async def traces(self, order: Order) -> Traces:
        """Return what the books have about ``order``."""

        def look(connection: Connection) -> Traces:
            so_id = {"so_id": order.so_id}
            held = connection.execute(self._lease, so_id).one_or_none()
            return Traces(
                events=[_event(row) for row in connection.execute(self._events, so_id)],
                messages=[message_of_row(row) for row in connection.execute(self._messages, so_id)],
                letters=[
                    letter_of_row(row)
                    for row in connection.execute(self._letters, {**so_id, "online_no": order.online_no or order.so_id})
                ],
                acts=[_act(row) for row in connection.execute(self._acts, so_id)],
                lease=None if held is None else Lease(held[0], _EPOCH + timedelta(milliseconds=held[1])),
            )

        return await self._database.read(look)

    async def found(self, number: str, *, mobile_end: str | None, limit: int) -> list[Order]:
        """Return orders that bear ``number`` as any of their numbers, or whose customer's telephone ends so."""
        parameters = {"number": number, "mobile_end": mobile_end, "limit": limit}
        return await self._database.read(
            lambda connection: [order_of(row) for row in connection.execute(self._found, parameters)]
        )

    async def waiting(self, states: Sequence[OrderState], *, older_than: timedelta, limit: int) -> list[Order]:
        """Return orders that have been in one of ``states`` for longer than that, who waits longest first."""

        def look(connection: Connection) -> list[Order]:
            age = milliseconds(older_than)
            found = [
                order_of(row)
                for state in states
                for row in connection.execute(self._listed, {"state": state.value, "age": age, "limit": limit})
            ]
            return sorted(found, key=lambda order: order.state_at or _EPOCH)[:limit]

        return await self._database.read(look)

    async def oldest(self) -> dict[OrderState, timedelta]:
        """Return for each state that is not final and has orders how long the oldest of them has been in it."""
        rows = await self._database.read(lambda connection: connection.execute(self._oldest).all())
        return {
            OrderState(state): max(timedelta(milliseconds=age), timedelta(0)) for state, age in rows if age is not None
        }


def _event(row: Any) -> InboxEntry:
    source, event_id, run, *rest = row
    return InboxEntry(InboxKey(source, event_id, run), *rest)


def _act(row: Any) -> AuditRow:
    return AuditRow(row.sequence, row.at, row.actor, row.action, row.subject, row.reason, row.detail, row.mac)
