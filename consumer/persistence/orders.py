"""Orders: an order as a row, and writing it under conditions (row version, lease) that the database checks.

An order's lease is in its row: ``lease_owner`` is whoever wrote last and ``lease_until`` says for how long nobody
else may, by the database's clock.
"""

from __future__ import annotations

from collections import defaultdict
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, and_, bindparam, case, exists, func, literal_column, or_, select, union

from consumer.persistence import tables
from consumer.persistence.bulk import Bulk, Incoming, Step
from consumer.persistence.columns import clock, milliseconds
from consumer.persistence.keys import KeySet
from consumer.persistence.order_rows import READ, WRITTEN, order_of, row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import timedelta

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import Dialect

    from consumer.domain.order import Order
    from consumer.domain.writes import SaveOrder

_TABLE = tables.orders
_ONE = literal_column("1", BigInteger)


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
        self._find = select(*[_TABLE.c[name] for name in READ]).select_from(self._keys.rows).join(_TABLE, by_key)
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

        self._numbers = KeySet(dialect, "number")
        number = self._numbers.rows.c.number
        # One look into an index for each way to find an order; an OR over four columns would read the whole table.
        self._by_number = union(
            *(
                select(*[_TABLE.c[name] for name in READ])
                .select_from(self._numbers.rows)
                .join(_TABLE, column == number)
                for column in (_TABLE.c.so_id, _TABLE.c.online_no, _TABLE.c.ext_order_no, _TABLE.c.retail_order_no)
            )
        )
        self._held = (
            select(*[_TABLE.c[name] for name in READ])
            .where(
                _TABLE.c.held.is_not(None),
                _TABLE.c.created_at <= clock() - bindparam("age", type_=BigInteger()),
                _TABLE.c.so_id > bindparam("after"),
            )
            .order_by(_TABLE.c.so_id)
            .limit(bindparam("limit", type_=BigInteger()))
        )

    def saving(self, saves: Sequence[SaveOrder]) -> Step:
        """Write ``saves`` (each order once), unless some condition does not hold."""
        # One order of locking for all writers, or two of them could wait for each other on PostgreSQL.
        rows = [row_of(save) for save in sorted(saves, key=lambda save: save.order.so_id)]
        return Step(self._save, rows, whole=True)

    def find(self, connection: Connection, so_ids: Collection[str]) -> dict[str, Order]:
        """Return those of ``so_ids`` that are in the books."""
        if not so_ids:
            return {}
        result = connection.execute(self._find, self._keys.parameters([(so_id,) for so_id in so_ids]))
        return {order.so_id: order for order in map(order_of, result)}

    def by_numbers(
        self, connection: Connection, numbers: Collection[tuple[str, str | None]]
    ) -> dict[tuple[str, str | None], list[Order]]:
        """Return for each pair of a platform's and Haier's number the orders that one of the two may mean."""
        wanted = {number for pair in numbers for number in pair if number is not None}
        rows = connection.execute(self._by_number, self._numbers.parameters([(one,) for one in wanted]))
        found = [order_of(row) for row in rows]
        shops = _indexed(found, lambda order: (order.so_id, order.online_no))
        haiers = _indexed(found, lambda order: (order.ext_order_no, order.retail_order_no))
        return {
            (shop, haier): list({order.so_id: order for order in (*shops[shop], *haiers[haier])}.values())
            for shop, haier in numbers
        }

    def with_held(self, connection: Connection, *, older_than: timedelta, after: str, limit: int) -> list[Order]:
        """Return orders that came into the books longer ago than ``older_than`` and hold something, by ``so_id``."""
        parameters = {"age": milliseconds(older_than), "after": after, "limit": limit}
        return [order_of(row) for row in connection.execute(self._held, parameters)]

    def standing(self, connection: Connection, saves: Collection[SaveOrder]) -> dict[str, Standing]:
        """Say for each of ``saves`` (by ``so_id``) whether its conditions hold now, and if not, which does not."""
        result = connection.execute(self._look, self._keys.parameters([(save.order.so_id,) for save in saves]))
        rows = {row.so_id: row for row in result}
        return {save.order.so_id: _standing(save, rows.get(save.order.so_id)) for save in saves}


def _indexed(
    orders: Sequence[Order], numbers: Callable[[Order], tuple[str | None, str | None]]
) -> defaultdict[str | None, list[Order]]:
    """Return ``orders`` by each of the two numbers that they have; None leads to none."""
    found: defaultdict[str | None, list[Order]] = defaultdict(list)
    for order in orders:
        for number in set(numbers(order)) - {None}:
            found[number].append(order)
    return found


def _save_statement(dialect: Dialect) -> Bulk:
    incoming = Incoming.of(dialect, _TABLE, *WRITTEN, expected=BigInteger(), lease=BigInteger())
    new = incoming.rows.c
    present = _TABLE.alias("present")
    insert = incoming.insert(
        _TABLE,
        row_version=new.expected + _ONE,
        lease_until=clock() + new.lease,
        created_at=clock(),
        state_at=clock(),
        updated_at=clock(),
    )
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
        columns=[name for name in WRITTEN if name != "so_id"] + ["row_version", "lease_until", "updated_at"],
        state_at=lambda row: case((_TABLE.c.state == row.state, _TABLE.c.state_at), else_=row.state_at),
    )


def _standing(save: SaveOrder, row: Any) -> Standing:
    if row is None:
        return Standing.FITS if save.order.row_version == 0 else Standing.STALE
    # The lease first: while another one stands, reading the order again would not help.
    if row.leased and row.lease_owner != save.owner:
        return Standing.TAKEN
    return Standing.FITS if row.row_version == save.order.row_version else Standing.STALE
