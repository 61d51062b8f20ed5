"""Books, YLH and Haier as a batch of a logistics sync meets them, each with its failures at hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from consumer.domain.errors import OrderTaken, StaleOrder, SupplierError
from consumer.domain.order import Order, OrderState
from consumer.domain.shipping import DeliveryPhoto, Kept, SaveShipments, Shipment, ShipmentSource, Trace
from consumer.domain.sync_plan import BatchStanding
from consumer.domain.sync_writes import BatchStatus
from consumer.domain.writes import InboxKey, OutboxMessage, SaveOrder, UnitOfWork
from consumer.handlers.sync_logistics_batch import SyncLogisticsBatchHandler
from schemas.codec import decode, encode, new_event
from schemas.internal import SyncLogisticsBatch

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from consumer.domain.outcome import Outcome


SYNC = "7d0a7d3e-5f6b-4f0e-9a51-0c9f3f1f2b11"
KEY = InboxKey("/haier-relay", "batch-1")
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
ORDERS = [f"SO-{number:03}" for number in range(30)]


def at_ylh(so_id: str, **changes: Any) -> Order:
    fields: dict[str, Any] = {
        "state": OrderState.CONFIRMED,
        "applied_version": 1,
        "row_version": 3,
        "sequence": 4,
        "retail_order_no": f"R-{so_id}",
        **changes,
    }
    return Order(so_id, **fields)


class Books:
    """Orders with their shipments; an order in ``collides`` fails so many commits."""

    def __init__(self, *orders: Order) -> None:
        self.of: dict[str, Order] = {order.so_id: order for order in orders}
        self.kept: dict[str, Kept] = {}
        self.told: list[Any] = []
        self.ids: list[str] = []
        self.collides: dict[str, list[type[OrderTaken | StaleOrder]]] = {}
        self.standing: BatchStanding | None = BatchStanding(1, BatchStatus.OPEN)

    async def orders(self, so_ids: Collection[str]) -> Mapping[str, Order]:
        return {so_id: self.of[so_id] for so_id in so_ids if so_id in self.of}

    async def shipments(self, so_ids: Collection[str]) -> Mapping[str, Kept]:
        return {so_id: self.kept[so_id] for so_id in so_ids if so_id in self.kept}

    async def sync_batch(self, sync_id: str, number: int) -> BatchStanding | None:
        assert (sync_id, number) == (SYNC, 1)
        return self.standing

    async def commit(self, unit: UnitOfWork) -> None:
        (save,) = [write for write in unit.writes if isinstance(write, SaveOrder)]
        so_id = save.order.so_id
        if self.collides.get(so_id):
            raise self.collides[so_id].pop()(so_id)
        if save.order.row_version != self.of[so_id].row_version:
            raise StaleOrder(so_id)
        assert save.lease is None
        for write in unit.writes:
            match write:
                case SaveOrder():
                    self.of[so_id] = replace(write.order, row_version=write.order.row_version + 1)
                case SaveShipments():
                    self.kept[write.so_id] = write.kept
                case OutboxMessage():
                    assert write.id not in self.ids
                    self.ids.append(write.id)
                    self.told.append(decode(write.body))
                case _:
                    raise AssertionError(f"not expected here: {write!r}")


class Suppliers:
    """YLH and Haier; ``fails`` says which number fails which call."""

    def __init__(self, *orders: Order) -> None:
        self.listed = {order.order_no: [parcel(order)] for order in orders if order.order_no}
        self.fails: dict[tuple[str, str], SupplierError] = {}
        self.calls: list[tuple[str, Sequence[str]]] = []

    async def shipments(self, order_nos: Sequence[str]) -> Sequence[Shipment]:
        self._called("list", order_nos)
        return [found for number in order_nos for found in self.listed.get(number, ())]

    async def photos(self, order_no: str) -> Sequence[DeliveryPhoto]:
        self._called("photos", [order_no])
        return [DeliveryPhoto("安装照片", f"https://img/{order_no}", NOW)]

    def _called(self, call: str, numbers: Sequence[str]) -> None:
        self.calls.append((call, numbers))
        for number in numbers:
            if (call, number) in self.fails:
                raise self.fails[call, number]


class Haier:
    def __init__(self, ylh: Suppliers) -> None:
        self._ylh = ylh

    async def shipments(self, order_no: str) -> Sequence[Shipment]:
        self._ylh._called("detail", [order_no])
        step = Trace(NOW, "运输中")
        return [
            replace(found, source=ShipmentSource.WAREHOUSE, traces=(step,))
            for found in self._ylh.listed.get(order_no, ())
        ]


def parcel(order: Order, number: str | None = None, sn: str = "sn") -> Shipment:
    assert order.order_no is not None
    return Shipment(order.order_no, "顺丰", number or f"P-{order.so_id}", "DR", (sn,), ShipmentSource.YLH)


class Sync:
    """The batch's handler with its fakes."""

    def __init__(self, *orders: Order) -> None:
        self.books = Books(*orders)
        self.ylh = Suppliers(*orders)
        self.handed_over: list[OutboxMessage] = []
        self.handler = SyncLogisticsBatchHandler(self.books, self.ylh, Haier(self.ylh), self.handed_over.extend)

    async def run(self, *so_ids: str, detail: bool = False, photos: bool = False) -> Outcome:
        batch = SyncLogisticsBatch(sync_id=SYNC, number=1, so_ids=so_ids, detail=detail, with_photos=photos)
        made = new_event(
            "sync.logistics.batch",
            batch,
            source=KEY.source,
            subject=f"{SYNC}/1",
            id_=KEY.event_id,
            time=NOW,
            correlationid="sync-1",
        )
        return await self.handler(decode(encode(made)), KEY)

    def collisions(self, so_id: str, *kinds: type[OrderTaken | StaleOrder]) -> None:
        self.books.collides[so_id] = list(kinds)
