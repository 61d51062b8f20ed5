"""Syncs of logistics: planned in hundreds, kept order by order, told where something is new; no order harms another."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from consumer.domain.errors import Malformed, OrderTaken, Rejected, StaleOrder, SupplierError, Throttled, Transient
from consumer.domain.order import Order, OrderState
from consumer.domain.outcome import Ending, Outcome
from consumer.domain.results import outgoing
from consumer.domain.shipping import DeliveryPhoto, Kept, SaveShipments, Shipment, ShipmentSource, Trace
from consumer.domain.sync_plan import BatchStanding
from consumer.domain.sync_writes import BatchStatus, CountBatch, PlanSync
from consumer.domain.writes import InboxKey, OutboxMessage, SaveOrder, SyncLogRow, SyncStatus, SyncType, UnitOfWork
from consumer.handlers import shipment_keeping
from consumer.handlers.sync_logistics import SyncLogisticsHandler
from consumer.handlers.sync_logistics_batch import SyncLogisticsBatchHandler
from schemas.codec import decode, encode, new_event
from schemas.internal import SyncLogisticsBatch
from tests.support.events import event
from tests.unit.domain.failures import supplier_error

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

SYNC = "7d0a7d3e-5f6b-4f0e-9a51-0c9f3f1f2b11"
KEY = InboxKey("/haier-relay", "batch-1")
REQUEST = InboxKey("/shop", "sync-1")
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


def count(outcome: Outcome) -> CountBatch:
    (write,) = outcome.writes
    assert isinstance(write, CountBatch)
    return write


def counts(outcome: Outcome) -> tuple[int, int, int]:
    counted = count(outcome)
    return counted.succeeded, counted.changed, counted.failed


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipment_keeping, "AGAIN_AFTER", (0, 0))


# ---- the batch ----


async def test_what_is_new_is_told_under_the_requests_id() -> None:
    sync = Sync(*map(at_ylh, ORDERS[:3]))
    outcome = await sync.run(*ORDERS[:3])
    assert (outcome.ending, outcome.results, counts(outcome)) == (Ending.DONE, (), (3, 3, 0))
    assert sync.ylh.calls == [("list", [f"R-{so_id}" for so_id in ORDERS[:3]])]
    assert [told.subject for told in sync.books.told] == ORDERS[:3]
    first = sync.books.told[0]
    assert (first.type, first.correlationid, first.data.sequence) == ("order.logistics.updated", "sync-1", 5)
    assert first.data.shipments[0].sn_codes == ("sn",)
    assert [row.id for row in sync.handed_over] == sync.books.ids


async def test_what_is_kept_already_is_not_told_again() -> None:
    sync = Sync(*map(at_ylh, ORDERS[:2]))
    await sync.run(*ORDERS[:2])
    sync.ylh.listed["R-SO-000"].append(parcel(at_ylh("SO-000"), "P-2"))
    sync.books.kept = {so_id: replace(kept, sync_id="another") for so_id, kept in sync.books.kept.items()}
    assert counts(await sync.run(*ORDERS[:2])) == (2, 1, 0)
    assert [len(told.data.shipments) for told in sync.books.told] == [1, 1, 2]


async def test_what_an_earlier_round_of_the_batch_brought_is_a_change_of_it() -> None:
    sync = Sync(*map(at_ylh, ORDERS[:2]))
    sync.ylh.fails["photos", "R-SO-001"] = supplier_error(Transient)
    with pytest.raises(Transient):
        await sync.run(*ORDERS[:2], photos=True)
    assert [told.subject for told in sync.books.told] == ["SO-000"]
    sync.ylh.fails.clear()
    assert counts(await sync.run(*ORDERS[:2], photos=True)) == (2, 2, 0)
    assert [told.subject for told in sync.books.told] == ["SO-000", "SO-001"]


async def test_an_order_that_changes_between_two_rounds_is_told_twice() -> None:
    sync = Sync(at_ylh("SO-000"))
    await sync.run("SO-000")
    sync.ylh.listed["R-SO-000"].append(parcel(at_ylh("SO-000"), "P-2"))
    await sync.run("SO-000")
    assert [told.data.sequence for told in sync.books.told] == [5, 6]


async def test_an_order_is_asked_for_by_the_number_that_there_is() -> None:
    sync = Sync(at_ylh("SO-1", retail_order_no=None, ext_order_no="X-1"))
    assert counts(await sync.run("SO-1")) == (1, 1, 0)
    assert sync.ylh.calls == [("list", ["X-1"])]


async def test_orders_that_cannot_be_asked_about_are_named() -> None:
    sync = Sync(
        at_ylh("SO-1"),
        at_ylh("NO-NUMBER", retail_order_no=None),
        Order("NEVER", state=OrderState.CANCELLED, row_version=1),
    )
    outcome = await sync.run("SO-1", "NO-NUMBER", "NEVER", "UNKNOWN")
    assert (outcome.ending, counts(outcome)) == (Ending.PARTIAL, (1, 1, 3))
    reasons = {part.item: part.reason for part in count(outcome).failures}
    assert set(reasons) == {"NO-NUMBER", "NEVER", "UNKNOWN"}
    assert "number" in reasons["NO-NUMBER"]
    assert "not at YLH" in reasons["NEVER"]
    assert "books" in reasons["UNKNOWN"]


async def test_nobody_is_called_where_no_order_has_a_number() -> None:
    sync = Sync()
    outcome = await sync.run("UNKNOWN", detail=True, photos=True)
    assert (outcome.ending, outcome.refusal, sync.ylh.calls) == (Ending.REFUSED, None, [])


@pytest.mark.parametrize("kind", [OrderTaken, StaleOrder])
async def test_one_order_that_is_worked_on_does_not_fail_the_others(kind: type[OrderTaken | StaleOrder]) -> None:
    sync = Sync(*map(at_ylh, ORDERS))
    sync.collisions("SO-007", kind, kind)
    assert counts(await sync.run(*ORDERS)) == (30, 30, 0)
    assert sync.books.told[-1].subject == "SO-007"


async def test_an_order_that_stays_taken_sends_the_batch_round_and_the_others_are_kept() -> None:
    sync = Sync(*map(at_ylh, ORDERS))
    sync.collisions("SO-007", *[OrderTaken] * 9)
    with pytest.raises(OrderTaken):
        await sync.run(*ORDERS)
    assert len(sync.books.told) == 29
    sync.books.collides.clear()
    assert counts(await sync.run(*ORDERS)) == (30, 30, 0)
    assert len(sync.books.told) == 30


async def test_a_refused_list_fails_its_orders_and_goes_to_the_ledger() -> None:
    sync = Sync(*map(at_ylh, ORDERS[:2]))
    refusal = sync.ylh.fails["list", "R-SO-001"] = supplier_error(Rejected, words="系统繁忙")
    outcome = await sync.run(*ORDERS[:2], detail=True)
    assert (outcome.ending, outcome.refusal, counts(outcome)) == (Ending.REFUSED, refusal, (0, 0, 2))
    assert all("系统繁忙" in part.reason for part in count(outcome).failures)
    assert len(sync.ylh.calls) == 1


@pytest.mark.parametrize("kind", [Rejected, Malformed])
@pytest.mark.parametrize("call", ["detail", "photos"])
async def test_one_refused_look_fails_its_order_only_and_what_was_told_is_kept(
    kind: type[SupplierError], call: str
) -> None:
    sync = Sync(*map(at_ylh, ORDERS))
    sync.ylh.fails[call, "R-SO-007"] = supplier_error(kind, words="单号错误")
    outcome = await sync.run(*ORDERS, detail=True, photos=True)
    assert (outcome.ending, outcome.refusal, counts(outcome)) == (Ending.PARTIAL, None, (29, 29, 1))
    assert [part.item for part in count(outcome).failures] == ["SO-007"]
    assert set(sync.books.kept) == set(ORDERS)


async def test_a_format_that_changed_for_every_order_is_for_a_person_to_see() -> None:
    sync = Sync(*map(at_ylh, ORDERS[:3]))
    for so_id in ORDERS[:3]:
        sync.ylh.fails["detail", f"R-{so_id}"] = supplier_error(Malformed)
    with pytest.raises(Malformed):
        await sync.run(*ORDERS[:3], detail=True)
    assert set(sync.books.kept) == set(ORDERS[:3])


async def test_a_supplier_that_is_away_is_not_asked_for_all_the_rest() -> None:
    sync = Sync(*map(at_ylh, ORDERS))
    for so_id in ORDERS:
        sync.ylh.fails["photos", f"R-{so_id}"] = Throttled("too fast", supplier="ylh", operation="photos")
    with pytest.raises(Throttled):
        await sync.run(*ORDERS, photos=True)
    assert len([call for call, _ in sync.ylh.calls if call == "photos"]) == 10


async def test_values_that_break_our_contract_fail_their_order_only() -> None:
    sync = Sync(*map(at_ylh, ORDERS[:2]))
    sync.ylh.listed["R-SO-000"] = [parcel(at_ylh("SO-000"), "9" * 3000)]
    outcome = await sync.run(*ORDERS[:2])
    assert counts(outcome) == (1, 1, 1)
    assert count(outcome).failures[0].reason.endswith("number")


async def test_parcels_that_nobody_asked_for_are_nobodys() -> None:
    sync = Sync(at_ylh("SO-000"))
    sync.ylh.listed["R-SO-000"] = [parcel(at_ylh("SO-001"))]
    assert counts(await sync.run("SO-000")) == (1, 0, 0)


async def test_a_delivered_order_is_known_as_such() -> None:
    sync = Sync(at_ylh("SO-000"))
    await sync.run("SO-000")
    assert sync.books.of["SO-000"].delivered_at is None
    await sync.run("SO-000", photos=True)
    assert sync.books.of["SO-000"].delivered_at == NOW


@pytest.mark.parametrize("standing", [None, BatchStanding(1, BatchStatus.LOST), BatchStanding(1, BatchStatus.DONE)])
async def test_a_batch_that_was_counted_before_mends_and_says_so_by_a_row_of_its_own(
    standing: BatchStanding | None,
) -> None:
    sync = Sync(at_ylh("SO-000"))
    sync.books.standing = standing
    outcome = await sync.run("SO-000", "UNKNOWN")
    (row,) = outcome.writes
    assert isinstance(row, SyncLogRow)
    assert (row.sync_type, row.status, row.total_count, row.failed_count) == (
        SyncType.MANUAL,
        SyncStatus.PARTIAL,
        2,
        1,
    )
    assert SYNC in row.message
    assert [result.type for result in outcome.results] == ["sync_log.recorded"]
    assert len(sync.books.told) == 1


# ---- the request ----


class Open:
    """Open orders, by pages."""

    def __init__(self, so_ids: Sequence[str] = ()) -> None:
        self._so_ids = sorted(so_ids)
        self.pages = 0

    async def open_orders(self, *, after: str, limit: int) -> Sequence[str]:
        self.pages += 1
        return [so_id for so_id in self._so_ids if so_id > after][:limit]


async def account() -> str:
    return SYNC


async def planned(books: Open, **data: Any) -> Outcome:
    document = event("sync.logistics.requested", data, event_id="sync-1")
    return await SyncLogisticsHandler(books, account)(decode(json.dumps(document).encode()), REQUEST)


async def test_a_long_list_is_split_and_never_cut() -> None:
    so_ids = [f"SO-{number}" for number in range(250)]
    outcome = await planned(Open(), so_ids=[*so_ids, *so_ids[:9]], detail=True)
    batches: list[Any] = [result.data for result in outcome.results]
    assert [len(batch.so_ids) for batch in batches] == [100, 100, 50]
    assert [so_id for batch in batches for so_id in batch.so_ids] == so_ids
    assert {(batch.detail, batch.with_photos) for batch in batches} == {(True, False)}
    assert len({result.subject for result in outcome.results}) == 3
    row, plan = outcome.writes
    assert isinstance(row, SyncLogRow)
    assert (row.status, row.total_count, row.config_id, row.event_id) == (SyncStatus.PENDING, 250, SYNC, "sync-1")
    assert isinstance(plan, PlanSync)
    assert (plan.sync_id, plan.key) == (row.id, REQUEST)
    assert [(batch.number, batch.items) for batch in plan.batches] == [(1, 100), (2, 100), (3, 50)]


async def test_all_open_orders_are_found_page_by_page() -> None:
    books = Open([f"SO-{number:05}" for number in range(2_345)])
    outcome = await planned(books, scope="open")
    assert len(outcome.results) == 24
    assert books.pages == 4


async def test_thirty_thousand_open_orders_are_planned_in_a_few_megabytes() -> None:
    books = Open([f"SO.20251122.{number:012}" for number in range(30_000)])
    tracemalloc.start()
    try:
        outcome = await planned(books, scope="open")
        rows = outgoing(outcome.results, key=REQUEST, correlationid="sync-1", traceparent=None, now=NOW)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(rows) == 300
    assert peak < 20_000_000


async def test_nothing_open_ends_at_once() -> None:
    outcome = await planned(Open(), scope="open")
    (row,) = outcome.writes
    assert isinstance(row, SyncLogRow)
    assert (row.status, row.completed_at is None) == (SyncStatus.SUCCESS, False)
    assert [result.type for result in outcome.results] == ["sync.completed", "sync_log.recorded"]
