"""Keeping what was told of orders' shipments: each order by itself, and told only where something is new.

The order's row guards its shipments: its ``sequence`` counts up in the unit of work that writes them. An order that
somebody else works on is tried again for a while; the others do not wait for it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from pydantic import ValidationError

from consumer.domain.errors import OrderTaken, StaleOrder
from consumer.domain.results import outgoing, shipments_key
from consumer.domain.shipping import Kept, SaveShipments, delivered_at, joined
from consumer.domain.writes import SaveOrder, UnitOfWork
from consumer.handlers.order_calls import utc_now
from consumer.handlers.order_results import numbered
from schemas.results import OrderLogisticsUpdated, Photo, Shipment, Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.domain.order import Order
    from consumer.domain.ports import ShipmentBooks
    from consumer.domain.shipping import DeliveryPhoto, Parcel
    from consumer.domain.shipping import Shipment as ToldShipment
    from consumer.domain.sync_plan import Tally
    from consumer.domain.writes import OutboxMessage
    from schemas.envelope import Event

AGAIN_AFTER: Final = (0.2, 1.0, 3.0, 6.0)
"""Seconds between tries for orders that somebody else works on: most of their calls are over by then."""

_NOTHING: Final = Kept()


@dataclass(frozen=True, slots=True)
class Told:
    """What the suppliers told of one order.

    Attributes:
        so_id: which order.
        shipments: from all who were asked.
        photos: of delivery and installation.
        failure: why some of it could not be had; what was told is kept all the same.
    """

    so_id: str
    shipments: tuple[ToldShipment, ...] = ()
    photos: tuple[DeliveryPhoto, ...] = ()
    failure: str | None = None


class ShipmentKeeping:
    """Keeps what one batch is told.

    Args:
        books: our state.
        hand_over: where committed results go at once.
        batch: the event in hand; its ``correlationid`` is the request's.
        sync_id: which sync it belongs to.
        tally: its counts.
    """

    def __init__(
        self,
        books: ShipmentBooks,
        hand_over: Callable[[Sequence[OutboxMessage]], None],
        batch: Event,
        sync_id: str,
        tally: Tally,
    ) -> None:
        self._books = books
        self._hand_over = hand_over
        self._batch = batch
        self._sync_id = sync_id
        self._tally = tally
        self._owner = uuid4().hex
        self._waiting: list[Told] = []
        self._collision: OrderTaken | StaleOrder | None = None

    async def keep(self, told: Sequence[Told]) -> None:
        """Keep what is new of it; orders that are being worked on wait for `finish`."""
        so_ids = [one.so_id for one in told]
        # Orders before shipments: a change in between shows in the order's row version.
        orders = await self._books.orders(so_ids)
        kept = await self._books.shipments(so_ids)
        ends = await asyncio.gather(
            *(self._keep(one, orders[one.so_id], kept.get(one.so_id, _NOTHING)) for one in told), return_exceptions=True
        )
        for one, end in zip(told, ends, strict=True):
            match end:
                case OrderTaken() | StaleOrder():
                    self._collision = end
                    self._waiting.append(one)
                case BaseException():
                    raise end
                case _:
                    pass

    async def finish(self) -> None:
        """Try those that are left again.

        Raises:
            OrderTaken: one of them is still being worked on; the batch comes round, and finds the others not new.
            StaleOrder: likewise.
        """
        for pause in AGAIN_AFTER:
            if not self._waiting:
                return
            await asyncio.sleep(pause)
            waiting, self._waiting = self._waiting, []
            await self.keep(waiting)
        if self._waiting and self._collision is not None:
            raise self._collision

    async def _keep(self, told: Told, order: Order, kept: Kept) -> None:
        parcels = joined(kept.parcels, told.shipments, told.photos)
        # Where an earlier round of this batch brought it, it is a change of this sync all the same.
        changed = kept.sync_id == self._sync_id
        if parcels != kept.parcels:
            try:
                unit, rows = self._written(order, parcels)
            except ValidationError as error:
                fields = ", ".join(str(found["loc"][-1]) for found in error.errors()[:3])
                self._tally.fail(told.so_id, f"the supplier's values break our contract: {fields}")
                return
            await self._books.commit(unit)
            self._hand_over(rows)
            changed = True
        if told.failure is None:
            self._tally.succeed(changed=changed)
        else:
            self._tally.fail(told.so_id, told.failure)

    def _written(self, order: Order, parcels: tuple[Parcel, ...]) -> tuple[UnitOfWork, list[OutboxMessage]]:
        now = utc_now()
        seen = order if order.delivered_at else replace(order, delivered_at=delivered_at(parcels, seen_at=now))
        counted, result = numbered(
            seen,
            "order.logistics.updated",
            OrderLogisticsUpdated,
            version=None,
            now=now,
            shipments=tuple(_shown(parcel) for parcel in parcels),
        )
        rows = outgoing(
            [result],
            key=shipments_key(order.so_id, counted.sequence),
            correlationid=self._batch.correlationid,
            traceparent=self._batch.traceparent,
            now=now,
        )
        save = SaveShipments(order.so_id, Kept(parcels, self._sync_id), now)
        return UnitOfWork((SaveOrder(counted, self._owner), save, *rows)), rows


def _shown(parcel: Parcel) -> Shipment:
    return Shipment(
        company=parcel.company,
        number=parcel.number,
        delivery_record_code=parcel.delivery_record_code,
        sn_codes=parcel.sn_codes,
        photos=tuple(Photo(type=photo.kind or None, url=photo.url, at=photo.taken_at) for photo in parcel.photos),
        traces=tuple(Trace(at=step.at, text=step.text) for step in parcel.traces),
    )
