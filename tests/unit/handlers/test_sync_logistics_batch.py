"""Batches of logistics syncs: kept order by order, told where something is new; no order harms another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consumer.domain.errors import Malformed, OrderTaken, Rejected, StaleOrder, SupplierError, Throttled, Transient
from consumer.domain.order import Order, OrderState
from consumer.domain.outcome import Ending, Outcome
from consumer.domain.sync_plan import BatchStanding
from consumer.domain.sync_writes import BatchStatus, CountBatch
from consumer.domain.writes import SyncLogRow, SyncStatus, SyncType
from consumer.handlers import shipment_keeping
from tests.unit.domain.failures import supplier_error
from tests.unit.handlers.logistics_world import NOW, ORDERS, SYNC, Sync, at_ylh, parcel


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
