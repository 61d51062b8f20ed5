"""Orders: an order as a row, and writing it under conditions (row version, lease) that the database checks.

An order's lease is in its row: ``lease_owner`` is whoever wrote last and ``lease_until`` says for how long nobody
else may, by the database's clock.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, and_, exists, func, literal_column, or_, select

from consumer.domain.order import CallKind, CallOutcome, Intent, Order, OrderState
from consumer.persistence import tables
from consumer.persistence.bulk import Bulk, Incoming
from consumer.persistence.columns import clock, milliseconds
from consumer.persistence.keys import KeySet

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import Dialect

    from consumer.domain.writes import SaveOrder

_TABLE = tables.orders
_ONE = literal_column("1", BigInteger)
_ORDER = (
    "so_id",
    "state",
    "applied_version",
    "content_digest",
    "sequence",
    "online_no",
    "source_system",
    "paid_event_id",
    "retail_order_no",
    "ext_order_no",
    "distribution_on",
    "install_on",
)
_INTENT = (
    "intent_kind",
    "intent_body",
    "intent_digest",
    "intent_version",
    "intent_outcome",
    "intent_event_source",
    "intent_event_id",
    "intent_at",
)
_WRITTEN = (*_ORDER, *_INTENT, "lease_owner")
_READ = (*_ORDER, "row_version", *_INTENT)


class Standing(Enum):
    """How a save that did not hold stands to the row."""

    FITS = auto()
    STALE = auto()
    TAKEN = auto()


class Orders:
    """Statements on ``orders``."""

    def __init__(self, dialect: Dialect) -> None:
        self._save = _save_statement(dialect)
        self._keys = KeySet(dialect, "so_id")
        by_key = _TABLE.c.so_id == self._keys.rows.c.so_id
        self._find = select(*[_TABLE.c[name] for name in _READ]).select_from(self._keys.rows).join(_TABLE, by_key)
        self._look = (
            select(
                _TABLE.c.so_id,
                _TABLE.c.row_version,
                _TABLE.c.lease_owner,
                func.coalesce(_TABLE.c.lease_until > clock(), literal_column("1 = 0")).label("leased"),
            )
            .select_from(self._keys.rows)
            .join(_TABLE, by_key)
        )

        self._count = select(_TABLE.c.state, func.count()).group_by(_TABLE.c.state)

    def save(self, connection: Connection, saves: Sequence[SaveOrder]) -> bool:
        """Write ``saves`` (each order once); False: some condition did not hold."""
        # One order of locking for all writers, or two of them could wait for each other on PostgreSQL.
        rows = [_row(save) for save in sorted(saves, key=lambda save: save.order.so_id)]
        return self._save.execute(connection, rows) == len(rows)

    def find(self, connection: Connection, so_ids: Collection[str]) -> dict[str, Order]:
        """Return those of ``so_ids`` that are in the books."""
        if not so_ids:
            return {}
        result = connection.execute(self._find, self._keys.parameters([(so_id,) for so_id in so_ids]))
        return {order.so_id: order for order in map(_order, result)}

    def count_by_state(self, connection: Connection) -> dict[OrderState, int]:
        """Count the orders of each state."""
        return {OrderState(state): count for state, count in connection.execute(self._count)}

    def standing(self, connection: Connection, saves: Collection[SaveOrder]) -> dict[str, Standing]:
        """Say for each of ``saves`` (by ``so_id``) whether its conditions hold now, and if not, which does not."""
        result = connection.execute(self._look, self._keys.parameters([(save.order.so_id,) for save in saves]))
        rows = {row.so_id: row for row in result}
        return {save.order.so_id: _standing(save, rows.get(save.order.so_id)) for save in saves}


def _save_statement(dialect: Dialect) -> Bulk:
    incoming = Incoming.of(dialect, _TABLE, *_WRITTEN, expected=BigInteger(), lease=BigInteger())
    new = incoming.rows.c
    present = _TABLE.alias("present")
    insert = incoming.insert(_TABLE, row_version=new.expected + _ONE, lease_until=clock() + new.lease)
    return insert.replaced(
        # A row that is expected and gone must not come back as a new one.
        admit=or_(
            new.expected == literal_column("0"),
            exists(select(literal_column("1")).select_from(present).where(present.c.so_id == new.so_id)),
        ),
        when=lambda row: and_(
            _TABLE.c.row_version + _ONE == row.row_version,
            or_(
                _TABLE.c.lease_until.is_(None),
                _TABLE.c.lease_owner == row.lease_owner,
                _TABLE.c.lease_until < clock(),
            ),
        ),
        columns=[name for name in _WRITTEN if name != "so_id"] + ["row_version", "lease_until"],
    )


def _standing(save: SaveOrder, row: Any) -> Standing:
    if row is None:
        return Standing.FITS if save.order.row_version == 0 else Standing.STALE
    # The lease first: while another one stands, reading the order again would not help.
    if row.leased and row.lease_owner != save.owner:
        return Standing.TAKEN
    return Standing.FITS if row.row_version == save.order.row_version else Standing.STALE


def _row(save: SaveOrder) -> tuple[object, ...]:
    order, intent = save.order, save.order.intent
    last_call: tuple[object, ...] = (None,) * 8
    if intent is not None:
        last_call = (
            intent.kind.value,
            intent.body,
            intent.digest,
            intent.version,
            intent.outcome.value,
            intent.event_source,
            intent.event_id,
            intent.occurred_at,
        )
    return (
        order.so_id,
        order.state.value,
        order.applied_version,
        order.content_digest,
        order.sequence,
        order.online_no,
        order.source_system,
        order.paid_event_id,
        order.retail_order_no,
        order.ext_order_no,
        order.distribution_on,
        order.install_on,
        *last_call,
        save.owner,
        order.row_version,
        milliseconds(save.lease),
    )


def _order(row: Any) -> Order:
    so_id, state, applied, content, sequence, online, system, paid, retail, ext, distribution, install, *rest = row
    row_version, *last_call = rest
    return Order(
        so_id=so_id,
        state=OrderState(state),
        applied_version=applied,
        content_digest=content,
        sequence=sequence,
        row_version=row_version,
        online_no=online,
        source_system=system,
        paid_event_id=paid,
        retail_order_no=retail,
        ext_order_no=ext,
        intent=_intent(*last_call),
        distribution_on=distribution,
        install_on=install,
    )


def _intent(
    kind: str | None, body: bytes, digest: str, version: int | None, outcome: str, *caused_by: Any
) -> Intent | None:
    if kind is None:
        return None
    source, event_id, occurred_at = caused_by
    return Intent(CallKind(kind), body, digest, version, CallOutcome(outcome), source, event_id, occurred_at)
