"""Shipments and photos in step with both suppliers, on both databases: broker, sandbox, service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.domain.writes import SyncStatus
from tests.support.events import CODE, cancelled, event, paid
from tests.support.relay import eventually, serving, system

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.support.relay import Relay

TWO_GOODS = [
    {
        "product_code": code,
        "quantity": 1,
        "retail_price": "10.00",
        "discount": "0.00",
        "actual_price": "10.00",
        "is_gift": False,
    }
    for code in (CODE, "BX0000002")
]


def wanted(event_id: str = "sync-1", **data: Any) -> dict[str, Any]:
    return event("sync.logistics.requested", data, event_id=event_id)


async def pushed(relay: Relay, *so_ids: str, **changes: Any) -> None:
    before = len(relay.of("order.push.succeeded"))
    await relay.send(*(paid(so_id, **changes) for so_id in so_ids))
    await relay.until(lambda: len(relay.of("order.push.succeeded")) == before + len(so_ids))


async def test_what_is_new_is_told_once_with_all_shipments_of_the_order(relay: Relay) -> None:
    await pushed(relay, "SO-1", items=TWO_GOODS, total_amount="20.00")
    await relay.send(wanted(so_ids=["SO-1"]))
    done = await relay.result("sync.completed")
    assert done["correlationid"] == "sync-1"
    assert (done["data"]["changed"], done["data"]["unchanged"], done["data"]["failed"]) == (1, 0, [])
    row = done["data"]["sync_log"]
    assert (row["sync_type"], row["status"], row["total_count"], row["success_count"]) == ("logistics", "success", 1, 1)
    told = (await relay.result("order.logistics.updated", "SO-1"))["data"]
    assert len(told["shipments"]) == 2
    assert all(len(shipment["sn_codes"]) == 1 for shipment in told["shipments"])
    pushed_before = relay.of("order.push.succeeded", "SO-1")[0]["data"]
    assert told["sequence"] == pushed_before["sequence"] + 1

    await relay.send(wanted("sync-2", so_ids=["SO-1"]))
    again = await relay.result("sync.completed", count=2)
    assert (again["data"]["changed"], again["data"]["unchanged"]) == (0, 1)
    assert len(relay.of("order.logistics.updated")) == 1
    assert (await relay.result("sync_log.recorded", row["id"]))["correlationid"] == "sync-1"


async def test_detail_and_photos_join_the_same_parcels_and_prove_the_delivery(relay: Relay) -> None:
    await pushed(relay, "SO-1", "SO-2", items=TWO_GOODS, total_amount="20.00")
    await relay.send(wanted(so_ids=["SO-1"]))
    await relay.result("sync.completed")
    await relay.send(wanted("sync-2", so_ids=["SO-1"], detail=True, with_photos=True))
    done = await relay.result("sync.completed", count=2)
    assert done["data"]["sync_log"]["status"] == "success"
    shipments = (await relay.result("order.logistics.updated", "SO-1", count=2))["data"]["shipments"]
    assert len(shipments) == 2
    assert [[step["text"] for step in shipment["traces"]] for shipment in shipments] == [
        ["仓库已出库", "运输中", "已签收"]
    ] * 2
    assert [len(shipment["photos"]) for shipment in shipments] == [2, 0]
    assert (await relay.store.orders(["SO-1"]))["SO-1"].delivered_at is not None

    await relay.send(wanted("sync-3", scope="open"))
    await relay.result("sync.completed", count=3)
    assert relay.of("sync.completed")[2]["data"]["sync_log"]["total_count"] == 1
    assert relay.of("order.logistics.updated", "SO-2")


async def test_a_long_list_is_split_and_what_is_unknown_is_named(relay: Relay) -> None:
    real = [f"SO-{number:03}" for number in range(120)]
    await pushed(relay, *real)
    await relay.send(cancelled("SO-GONE"))
    await relay.result("order.cancel.succeeded", "SO-GONE")
    await relay.send(wanted(so_ids=[*real, "SO-GONE", *(f"NONE-{number:03}" for number in range(105))]))
    done = await relay.result("sync.completed")
    row = done["data"]["sync_log"]
    assert (row["status"], row["total_count"], row["success_count"], row["failed_count"]) == ("partial", 226, 120, 106)
    assert len(done["data"]["failed"]) == 100
    reasons = {failed["so_id"]: failed["reason"] for failed in done["data"]["failed"]}
    assert "not at YLH" in reasons["SO-GONE"]
    assert reasons["NONE-000"] == "not in our books"
    assert (await relay.box.ledger())["calls"]["ylh.logistics"] == 2
    assert len(relay.of("order.logistics.updated")) == 120


async def test_nothing_open_is_a_success_at_once(relay: Relay) -> None:
    await relay.send(wanted(scope="open"))
    done = await relay.result("sync.completed")
    assert (done["data"]["sync_log"]["status"], done["data"]["sync_log"]["total_count"]) == ("success", 0)


async def test_one_refused_call_fails_its_orders_only(relay: Relay) -> None:
    await pushed(relay, "SO-1", "SO-2", "SO-3")
    number = (await relay.store.orders(["SO-2"]))["SO-2"].retail_order_no
    await relay.box.add_fault({"call": "ylh.photos", "effect": "refuse", "key": number})
    await relay.send(wanted(so_ids=["SO-1", "SO-2", "SO-3"], with_photos=True))
    done = await relay.result("sync.completed")
    assert done["data"]["sync_log"]["status"] == "partial"
    assert [failed["so_id"] for failed in done["data"]["failed"]] == ["SO-2"]
    # Its parcels are kept all the same.
    assert len(await relay.store.shipments.find(["SO-1", "SO-2", "SO-3"])) == 3


async def test_a_batch_that_is_dead_lettered_fails_its_orders_and_the_sync_ends(relay: Relay) -> None:
    await pushed(relay, "SO-1", "SO-2")
    await relay.box.add_fault({"call": "ylh.logistics", "effect": "other_shape"})
    await relay.send(wanted(so_ids=["SO-1", "SO-2"]))
    dead = await relay.result("event.dead_lettered")
    assert dead["correlationid"] == "sync-1"
    done = await relay.result("sync.completed")
    assert done["data"]["sync_log"]["status"] == "failed"
    assert [failed["so_id"] for failed in done["data"]["failed"]] == ["SO-1", "SO-2"]


async def test_a_supplier_that_is_away_sends_the_batch_round(relay: Relay) -> None:
    await pushed(relay, "SO-1")
    await relay.box.add_fault({"call": "haier.logistics", "effect": "status", "status": 503, "times": 2})
    await relay.send(wanted(so_ids=["SO-1"], detail=True))
    done = await relay.result("sync.completed")
    assert (done["data"]["sync_log"]["status"], done["data"]["changed"]) == ("success", 1)


async def test_what_a_crash_left_open_is_closed_by_the_next_process(
    amqp_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    async with system(amqp_url, database) as relay:
        async with serving(relay) as wiring:
            await pushed(relay, "SO-1")
            # As if the process had died between the last batch's commit and the end of its sync.
            monkeypatch.setattr(wiring.store.syncs, "ended", _nothing)
            await relay.send(wanted(so_ids=["SO-1"]))
            await relay.result("order.logistics.updated", "SO-1")

            async def counted() -> bool:
                (row, *_) = await relay.store.recent_sync_logs(1)
                return row.success_count == 1

            await eventually(counted)
        (row, *_) = await relay.store.recent_sync_logs(1)
        assert row.status is SyncStatus.PROCESSING
        monkeypatch.undo()
        async with serving(relay):
            done = await relay.result("sync.completed")
        assert (done["data"]["sync_log"]["status"], done["data"]["changed"]) == ("success", 1)


async def _nothing() -> list[Any]:
    return []
