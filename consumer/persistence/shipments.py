"""``shipments``: the parcels of each order, and which orders still wait for theirs.

A parcel's row is its order and its place among that order's parcels: told again it is the same row. What guards it is
the order's row: both are written in one unit of work, so that of two syncs at once only one holds.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, bindparam, select, text

from consumer.domain.shipping import DeliveryPhoto, Kept, Parcel, Trace
from consumer.persistence import order_kinds, sync_tables, tables
from consumer.persistence.bulk import ALWAYS, Incoming
from consumer.persistence.keys import KeySet

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from consumer.domain.shipping import SaveShipments
    from consumer.persistence.engine import Database

_TABLE = sync_tables.shipments
_CONTENT = ("company", "number", "delivery_record_code", "sn_codes", "traces", "photos", "sync_id")
_NONE = Kept()


class Shipments:
    """Statements on ``shipments``, and on ``orders`` as far as they are about being delivered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = database.dialect
        incoming = Incoming.of(dialect, _TABLE, "so_id", "place", *_CONTENT, "updated_at")
        self._save = incoming.insert(_TABLE, created_at=incoming.rows.c.updated_at).replaced(
            when=lambda _: ALWAYS, columns=[*_CONTENT, "updated_at"]
        )
        self._keys = KeySet(dialect, "so_id")
        self._find = (
            select(_TABLE)
            .select_from(self._keys.rows)
            .join(_TABLE, _TABLE.c.so_id == self._keys.rows.c.so_id)
            .order_by(_TABLE.c.so_id, _TABLE.c.place)
        )
        so_id = tables.orders.c.so_id
        self._open = (
            select(so_id)
            .where(text(order_kinds.OPEN), so_id > bindparam("after"))
            .order_by(so_id)
            .limit(bindparam("limit", type_=BigInteger))
        )

    def save(self, connection: Connection, saves: Sequence[SaveShipments]) -> None:
        """Write all parcels of the orders in ``saves`` (each order once)."""
        rows = [
            (save.so_id, place, *_columns(parcel), save.kept.sync_id, save.saved_at)
            for save in sorted(saves, key=lambda save: save.so_id)
            for place, parcel in enumerate(save.kept.parcels)
        ]
        self._save.execute(connection, rows)

    async def find(self, so_ids: Collection[str]) -> dict[str, Kept]:
        """Return what is kept of those of ``so_ids`` that have shipments."""
        if not so_ids:
            return {}
        parameters = self._keys.parameters([(so_id,) for so_id in so_ids])
        return await self._database.read(lambda connection: _kept(connection.execute(self._find, parameters)))

    async def open_orders(self, *, after: str, limit: int) -> list[str]:
        """Return the next ``limit`` orders at YLH that are not final, not refused and not known to be delivered.

        In the order of ``so_id``; ``after`` is the last one of the page before, or empty.
        """
        parameters = {"after": after, "limit": limit}
        return await self._database.read(lambda connection: list(connection.execute(self._open, parameters).scalars()))


def _kept(rows: Any) -> dict[str, Kept]:
    found: dict[str, Kept] = {}
    for row in rows:
        before = found.get(row.so_id, _NONE)
        # The parcels of one order are written together, so they all name the same sync.
        found[row.so_id] = Kept((*before.parcels, _parcel(row)), row.sync_id)
    return found


def _columns(parcel: Parcel) -> tuple[object, ...]:
    return (
        parcel.company,
        parcel.number,
        parcel.delivery_record_code,
        _dumped(parcel.sn_codes),
        _dumped([[_iso(step.at), step.text] for step in parcel.traces]),
        _dumped([[photo.kind, photo.url, _iso(photo.taken_at)] for photo in parcel.photos]),
    )


def _parcel(row: Any) -> Parcel:
    return Parcel(
        company=row.company,
        number=row.number,
        delivery_record_code=row.delivery_record_code,
        sn_codes=tuple(json.loads(row.sn_codes)),
        traces=tuple(Trace(_moment(at), said) for at, said in json.loads(row.traces)),
        photos=tuple(DeliveryPhoto(kind, url, _moment(at)) for kind, url, at in json.loads(row.photos)),
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(iso: str | None) -> datetime | None:
    return None if iso is None else datetime.fromisoformat(iso)


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
