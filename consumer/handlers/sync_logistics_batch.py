"""``sync.logistics.batch``: bring the shipments of up to a hundred orders into step (SUPPLIERS, logistics, photos).

One call at YLH for all of them, by the order's number; then, where asked, Haier's detail and YLH's photos order by
order, a few at once. What a supplier refuses, or answers in another shape, for one order fails that order; what ends a
call for other reasons sends the whole batch round, where what was kept already is found not to be new.

An order that YLH does not have is known as such only where a call says so: its list of parcels leaves out an order that
it has not sent as well as one that it does not have.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from consumer.domain.errors import Malformed, Rejected
from consumer.domain.ports import ORDERS_PER_CALL
from consumer.domain.shipping import DeliveryPhoto
from consumer.domain.sync_plan import Tally, batch_ended
from consumer.handlers.order_calls import utc_now
from consumer.handlers.shipment_keeping import ShipmentKeeping, Told
from schemas.internal import SyncLogisticsBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from consumer.domain.order import Order
    from consumer.domain.outcome import Outcome
    from consumer.domain.ports import HaierShipments, ShipmentBooks, YlhShipments
    from consumer.domain.shipping import Shipment
    from consumer.domain.writes import InboxKey, OutboxMessage
    from schemas.envelope import Event

ORDERS_AT_ONCE: Final = 10
"""Orders whose detail and photos are asked for together: at 0.3 s a call a hundred orders take some six seconds."""


class SyncLogisticsBatchHandler:
    """Carries out ``sync.logistics.batch``.

    Args:
        books: our state.
        ylh: lists of parcels, and photos.
        haier: couriers' steps.
        hand_over: where committed results go at once.
    """

    def __init__(
        self,
        books: ShipmentBooks,
        ylh: YlhShipments,
        haier: HaierShipments,
        hand_over: Callable[[Sequence[OutboxMessage]], None],
    ) -> None:
        self._books = books
        self._ylh = ylh
        self._haier = haier
        self._hand_over = hand_over

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:
        """Ask, keep what is new, and count.

        Raises:
            SupplierError: a look found no answer; what was told before is kept.
            OrderTaken: an order is being worked on for longer than is waited for.
            StaleOrder: likewise.
        """
        batch = event.data
        if not isinstance(batch, SyncLogisticsBatch):
            raise TypeError(f"sync.logistics.batch carries {type(batch).__name__}")
        began = utc_now()
        tally = Tally()
        numbers = _numbers(batch, await self._books.orders(batch.so_ids), tally)
        try:
            listed = await self._listed(numbers)
        except Rejected as refusal:
            tally.refusal = refusal
            for so_id in numbers:
                tally.fail(so_id, _refused("YLH", refusal))
        else:
            await self._bring(event, batch, listed, numbers, tally)
        standing = await self._books.sync_batch(batch.sync_id, batch.number)
        return batch_ended(event, key, batch, tally, standing, began=began, now=utc_now())

    async def _listed(self, numbers: Mapping[str, str]) -> dict[str, list[Shipment]]:
        """Return YLH's parcels by number of the order."""
        listed: dict[str, list[Shipment]] = {number: [] for number in numbers.values()}
        for shipment in await self._ylh.shipments(list(listed)) if listed else ():
            # What was not asked for is nobody's.
            listed.get(shipment.order_no, []).append(shipment)
        return listed

    async def _bring(
        self,
        event: Event,
        batch: SyncLogisticsBatch,
        listed: Mapping[str, Sequence[Shipment]],
        numbers: Mapping[str, str],
        tally: Tally,
    ) -> None:
        keeping = ShipmentKeeping(self._books, self._hand_over, event, batch.sync_id, tally)
        looks = _Looks(self._ylh, self._haier if batch.detail else None, with_photos=batch.with_photos)
        for so_ids in _parts(numbers, ORDERS_AT_ONCE if batch.detail or batch.with_photos else ORDERS_PER_CALL):
            told = await asyncio.gather(
                *(looks.at(so_id, numbers[so_id], listed[numbers[so_id]]) for so_id in so_ids), return_exceptions=True
            )
            # What was told is kept before the batch goes round for what was not.
            await keeping.keep([one for one in told if isinstance(one, Told)])
            for one in told:
                if isinstance(one, BaseException):
                    raise one
        await keeping.finish()
        tally.refusal = looks.refusal
        if looks.malformed is not None and not tally.succeeded:
            # Not one order's trouble: the supplier has changed its format, and a person has to see how.
            raise looks.malformed


class _Looks:
    """What is asked about one order after the other; ``haier`` None: no detail."""

    def __init__(self, ylh: YlhShipments, haier: HaierShipments | None, *, with_photos: bool) -> None:
        self._ylh = ylh
        self._haier = haier
        self._with_photos = with_photos
        self.refusal: Rejected | None = None
        self.malformed: Malformed | None = None

    async def at(self, so_id: str, order_no: str, listed: Sequence[Shipment]) -> Told:
        """Return what is told of one order, and what of it could not be had."""
        shipments, photos, failures = list(listed), list[DeliveryPhoto](), list[str]()
        if self._haier is not None:
            try:
                shipments += await self._haier.shipments(order_no)
            except (Rejected, Malformed) as error:
                failures.append(self._noted("Haier's detail", error))
        if self._with_photos:
            try:
                photos += await self._ylh.photos(order_no)
            except (Rejected, Malformed) as error:
                failures.append(self._noted("YLH's photos", error))
        return Told(so_id, tuple(shipments), tuple(photos), "; ".join(failures) or None)

    def _noted(self, what: str, error: Rejected | Malformed) -> str:
        if isinstance(error, Rejected):
            self.refusal = error
        else:
            self.malformed = error
        return _refused(what, error)


def _numbers(batch: SyncLogisticsBatch, known: Mapping[str, Order], tally: Tally) -> dict[str, str]:
    """Return by which number YLH has each order of the batch; those without are failed items."""
    numbers: dict[str, str] = {}
    for so_id in dict.fromkeys(batch.so_ids):
        order = known.get(so_id)
        if order is None:
            tally.fail(so_id, "not in our books")
        elif order.at_supplier is False:
            tally.fail(so_id, f"not at YLH: the order is {order.state.value}")
        elif order.order_no is None:
            tally.fail(so_id, f"YLH has told no number of the order yet; it is {order.state.value}")
        else:
            numbers[so_id] = order.order_no
    return numbers


def _parts(so_ids: Iterable[str], size: int) -> Iterator[list[str]]:
    every = list(so_ids)
    for start in range(0, len(every), size):
        yield every[start : start + size]


def _refused(what: str, error: Rejected | Malformed) -> str:
    return f"{what}: {error.supplier_message or error.message}"
