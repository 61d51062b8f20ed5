"""What people ask of orders: how one came about, which ones wait, which one a number means. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Text, bindparam, func, literal, select, union, union_all

from consumer.domain.audit import AuditRow
from consumer.domain.order import FINAL, Order, OrderState
from consumer.domain.results import shipments_key
from consumer.domain.writes import InboxEntry, InboxKey
from consumer.persistence import sync_tables, tables
from consumer.persistence.columns import clock, clock_once, milliseconds
from consumer.persistence.letters import letter_of_row
from consumer.persistence.order_rows import READ, digits_of, mobile_end, order_of
from consumer.persistence.outbox import message_of_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from consumer.domain.writes import Letter, OutboxMessage
    from consumer.persistence.engine import Database

_ORDERS = tables.orders
_INBOX = tables.inbox
_OUTBOX = tables.outbox
_LETTERS = tables.dead_letters
_AUDIT = tables.audit_log
_SHIPMENTS = sync_tables.shipments
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
WAITING: Final = tuple(sorted(set(OrderState) - FINAL))
"""States in which an order waits for something; the others are never left."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who works on an order now; ``until`` by the database's clock."""

    owner: str
    until: datetime


@dataclass(frozen=True, slots=True)
class KeptParcel:
    """A parcel of an order, and when our books first and last were told something new of it."""

    company: str | None
    number: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Traces:
    """All that the books have about one order, each kind oldest first.

    Attributes:
        events: done events of it, callbacks among them.
        messages: what any event that is known of it caused, and what was told of its parcels; such an event may have
            caused messages of other orders.
        letters: what of it was dead-lettered or refused, and callbacks under its online order's number.
        acts: of people.
        parcels: as last told.
        lease: None while nobody works on it.
    """

    events: Sequence[InboxEntry]
    messages: Sequence[OutboxMessage]
    letters: Sequence[Letter]
    acts: Sequence[AuditRow]
    parcels: Sequence[KeptParcel]
    lease: Lease | None


class Stories:
    """Looks at orders, none of them on the way of a message.

    Every method raises `DatabaseUnavailable` when the database cannot be used now.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        wanted = [_ORDERS.c[name] for name in READ]
        so_id, limit = bindparam("so_id", type_=Text), bindparam("limit", type_=BigInteger)
        self._events = select(_INBOX).where(_INBOX.c.subject == so_id).order_by(_INBOX.c.done_at)
        self._messages = (
            select(_OUTBOX)
            .where(_OUTBOX.c.event_id.in_(bindparam("event_ids", expanding=True)))
            .order_by(_OUTBOX.c.created_at, _OUTBOX.c.id)
        )
        self._letters = (
            select(_LETTERS)
            .where(_LETTERS.c.subject.in_([so_id, bindparam("online_no", type_=Text)]))
            .order_by(_LETTERS.c.created_at)
        )
        self._acts = select(_AUDIT).where(_AUDIT.c.subject == so_id).order_by(_AUDIT.c.sequence)
        self._parcels = (
            select(*[_SHIPMENTS.c[name] for name in ("company", "number", "created_at", "updated_at")])
            .where(_SHIPMENTS.c.so_id == so_id)
            .order_by(_SHIPMENTS.c.place)
        )
        self._lease = select(_ORDERS.c.lease_owner, _ORDERS.c.lease_until).where(
            _ORDERS.c.so_id == so_id, _ORDERS.c.lease_until > clock()
        )
        # One look into an index for each number; an OR over four columns may read the whole table.
        self._found = union(
            *(
                select(*wanted).where(_ORDERS.c[name] == bindparam("number", type_=Text))
                for name in ("so_id", "online_no", "retail_order_no", "ext_order_no")
            )
        ).limit(limit)
        self._of_mobile = (
            select(*wanted).where(_ORDERS.c.mobile_end == bindparam("mobile_end", type_=Text)).order_by(_ORDERS.c.so_id)
        )
        self._listed = (
            select(*wanted)
            .where(
                _ORDERS.c.state == bindparam("state", type_=Text),
                _ORDERS.c.state_at <= clock_once() - bindparam("age", type_=BigInteger),
            )
            .order_by(_ORDERS.c.state_at, _ORDERS.c.so_id)
            .limit(limit)
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
        self._count = select(_ORDERS.c.state, func.count()).group_by(_ORDERS.c.state)

    async def traces(self, order: Order) -> Traces:
        """Return what the books have about ``order``, which need not be in them."""

        def look(connection: Connection) -> Traces:
            of = {"so_id": order.so_id}
            events = [_event(row) for row in connection.execute(self._events, of)]
            either = {**of, "online_no": order.online_no or order.so_id}
            letters = [letter_of_row(row) for row in connection.execute(self._letters, either)]
            known = _caused_by(order, events, letters)
            told = connection.execute(self._messages, {"event_ids": sorted({event_id for _, event_id in known})})
            held = connection.execute(self._lease, of).one_or_none()
            return Traces(
                events=events,
                messages=[
                    message
                    for message in map(message_of_row, told)
                    if (message.key.source, message.key.event_id) in known
                ],
                letters=letters,
                acts=[_act(row) for row in connection.execute(self._acts, of)],
                parcels=[KeptParcel(*row) for row in connection.execute(self._parcels, of)],
                lease=None if held is None else Lease(held[0], _EPOCH + timedelta(milliseconds=held[1])),
            )

        return await self._database.read(look)

    async def found(self, number: str, *, limit: int) -> list[Order]:
        """Return orders that bear ``number`` as any of their numbers, by ``so_id``."""
        parameters = {"number": number, "limit": limit}
        rows = await self._database.read(lambda connection: connection.execute(self._found, parameters).all())
        return sorted(map(order_of, rows), key=lambda order: order.so_id)

    async def of_mobile(self, digits: str, *, limit: int) -> list[Order]:
        """Return orders whose customer's telephone number ends with ``digits`` (four or more), by ``so_id``.

        The books find by the last four. Of the hundreds of customers that share them only some have the others.
        """

        def look(connection: Connection) -> list[Order]:
            rows = connection.execute(self._of_mobile, {"mobile_end": mobile_end(digits)})
            return list(islice((order for order in map(order_of, rows) if _reached_by(order, digits)), limit))

        return await self._database.read(look)

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

    async def counts(self) -> dict[OrderState, int]:
        """Count the orders of each state that has any. Reads a whole index: ask for it seldom."""
        rows = await self._database.read(lambda connection: connection.execute(self._count).all())
        return {OrderState(state): count for state, count in rows}


def _caused_by(order: Order, events: Iterable[InboxEntry], letters: Iterable[Letter]) -> set[tuple[str, str]]:
    """Return (source, id) of every event that is known of ``order``, done or not; news of its parcels has one too."""
    known = {(entry.key.source, entry.key.event_id) for entry in events}
    parcels = shipments_key(order.so_id, order.sequence)
    known.add((parcels.source, parcels.event_id))
    known |= {(letter.event_source or "", letter.event_id) for letter in letters if letter.event_id is not None}
    known |= {(held.key.source, held.key.event_id) for held in order.held}
    if order.intent is not None:
        # Its event may still be on its way while others have told of it.
        known.add((order.intent.event_source, order.intent.event_id))
    return known


def _reached_by(order: Order, digits: str) -> bool:
    return order.consignee is not None and digits_of(order.consignee.mobile).endswith(digits)


def _event(row: Any) -> InboxEntry:
    source, event_id, run, *rest = row
    return InboxEntry(InboxKey(source, event_id, run), *rest)


def _act(row: Any) -> AuditRow:
    return AuditRow(row.sequence, row.at, row.actor, row.action, row.subject, row.reason, row.detail, row.mac)
