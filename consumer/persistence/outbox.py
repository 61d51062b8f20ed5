"""The outbox: messages that must go out because a unit of work holds. Three verbs: store, claim, set as dispatched.

Rows have a status; nothing is ever found by "id greater than the last one". Whoever commits a message sends it at
once, and the claim written with it keeps other processes' sweepers away meanwhile; if its process dies, the claim
runs out by the database's clock and a sweeper takes the message over.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, bindparam, func, literal_column, select, update

from consumer.domain.writes import InboxKey, OutboxMessage
from consumer.persistence import tables
from consumer.persistence.bulk import Incoming, Step
from consumer.persistence.columns import clock, milliseconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection
    from sqlalchemy.engine.interfaces import Dialect

    from consumer.domain.writes import MarkDispatched

FIRST_CLAIM = timedelta(seconds=15)
"""How long a fresh row belongs to the process that wrote it."""

_TABLE = tables.outbox
_PENDING: ColumnElement[str] = literal_column("'pending'")
_CONTENT = (
    "id",
    "source",
    "event_id",
    "run",
    "exchange",
    "routing_key",
    "body",
    "mandatory",
    "headers",
    "created_at",
)


class Outbox:
    """Statements on ``outbox``.

    Args:
        dialect: of the database.
        claim: how long fresh rows belong to the process that writes them, which is nothing where it leaves them to
            others; None: `FIRST_CLAIM`.
    """

    def __init__(self, dialect: Dialect, claim: timedelta | None = None) -> None:
        first_claim = literal_column(str(milliseconds(FIRST_CLAIM if claim is None else claim)), BigInteger)
        self._add = (
            Incoming.of(dialect, _TABLE, *_CONTENT)
            .insert(_TABLE, status=_PENDING, claimed_until=clock() + first_claim)
            .ignored()
        )
        confirmed = Incoming.of(dialect, _TABLE, "id", "dispatched_at")
        self._dispatched = confirmed.bulk(
            update(_TABLE)
            .where(_TABLE.c.id == confirmed.rows.c.id, _TABLE.c.status == _PENDING)
            .values(status=literal_column("'dispatched'"), dispatched_at=confirmed.rows.c.dispatched_at)
        )
        self._of_key = (
            select(_TABLE)
            .where(
                _TABLE.c.source == bindparam("source"),
                _TABLE.c.event_id == bindparam("event_id"),
                _TABLE.c.run == bindparam("run"),
            )
            .order_by(_TABLE.c.created_at, _TABLE.c.id)
        )
        self._claim = _claim_statement()
        self._pending = select(func.count(), func.min(_TABLE.c.created_at, type_=_TABLE.c.created_at.type)).where(
            _TABLE.c.status == _PENDING
        )

    def add(self, connection: Connection, messages: Sequence[OutboxMessage]) -> None:
        """Write ``messages``, claimed; one whose id is there already stays as it was."""
        self.adding(messages).run(connection)

    def adding(self, messages: Sequence[OutboxMessage]) -> Step:
        """Write ``messages``, as `add` does."""
        first: dict[str, OutboxMessage] = {}
        for message in messages:
            first.setdefault(message.id, message)
        return Step(self._add, [_row(first[id_]) for id_ in sorted(first)])

    def marking(self, marks: Sequence[MarkDispatched]) -> Step:
        """Set rows as dispatched, whatever their claim."""
        rows = {id_: mark.dispatched_at for mark in marks for id_ in mark.ids}
        return Step(self._dispatched, sorted(rows.items()))

    def of_key(self, connection: Connection, key: InboxKey) -> list[OutboxMessage]:
        """Return all messages that the event ``key`` caused, oldest first, dispatched or not."""
        result = connection.execute(self._of_key, {"source": key.source, "event_id": key.event_id, "run": key.run})
        return [message_of_row(row) for row in result]

    def claim(self, connection: Connection, limit: int, claim_for: timedelta) -> list[OutboxMessage]:
        """Claim up to ``limit`` pending rows whose claim has run out, oldest claims first; no row goes to two."""
        result = connection.execute(self._claim, {"limit": limit, "claim_for": milliseconds(claim_for)})
        return sorted((message_of_row(row) for row in result), key=lambda message: (message.created_at, message.id))

    def pending(self, connection: Connection) -> tuple[int, datetime | None]:
        """Return how many rows are pending and when the oldest of them was made."""
        row = (connection.execute(self._pending)).one()
        return row[0], row[1]


def _claim_statement() -> Any:
    # As a subquery it is asked once, so that PostgreSQL can use the index on claimed_until for it.
    now = select(clock()).scalar_subquery()
    due = (
        select(_TABLE.c.id)
        .where(_TABLE.c.status == _PENDING, _TABLE.c.claimed_until <= now)
        .order_by(_TABLE.c.claimed_until)
        .limit(bindparam("limit", type_=BigInteger))
        # Left out by SQLite, where the writer has the database to itself.
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    return (
        update(_TABLE)
        .where(_TABLE.c.id.in_(select(due.c.id)))
        .values(claimed_until=clock() + bindparam("claim_for", type_=BigInteger))
        .returning(_TABLE)
    )


def _row(message: OutboxMessage) -> tuple[object, ...]:
    key = message.key
    return (
        message.id,
        key.source,
        key.event_id,
        key.run,
        message.exchange,
        message.routing_key,
        message.body,
        message.mandatory,
        json.dumps(dict(message.headers), ensure_ascii=False) if message.headers else "{}",
        message.created_at,
    )


def message_of_row(row: Any) -> OutboxMessage:
    """Return the message of a row."""
    return OutboxMessage(
        id=row.id,
        key=InboxKey(row.source, row.event_id, row.run),
        exchange=row.exchange,
        routing_key=row.routing_key,
        body=row.body,
        mandatory=row.mandatory,
        created_at=row.created_at,
        headers=json.loads(row.headers),
    )
