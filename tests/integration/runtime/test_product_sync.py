"""Goods, brands and categories in step with Haier, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.events import event

if TYPE_CHECKING:
    from tests.support.relay import Relay


def wanted(event_id: str = "sync-1", **data: Any) -> dict[str, Any]:
    return event("sync.products.requested", data, event_id=event_id)


async def test_the_whole_list_is_stored_and_only_changes_are_told(relay: Relay) -> None:
    await relay.send(wanted())
    done = await relay.result("sync.completed")
    row = done["data"]["sync_log"]
    assert row["status"] == "success"
    assert row["total_count"] == row["success_count"] == done["data"]["changed"] == 190
    await relay.until(lambda: len(relay.of("product.changed")) == 190)
    assert relay.of("product.changed")[0]["data"]["old"] is None

    await relay.box.change_product("BX0000002", procurable=False)
    await relay.send(wanted("sync-2", product_codes=["BX0000001", "BX0000002"]))
    again = await relay.result("sync.completed", count=2)
    # What cannot be ordered is told as changed, and named among the failed.
    assert (again["data"]["changed"], again["data"]["unchanged"]) == (0, 1)
    assert [failed["product_code"] for failed in again["data"]["failed"]] == ["BX0000002"]
    changed = await relay.result("product.changed", "BX0000002", count=2)
    assert changed["data"]["old"]["procurable"] is True
    assert changed["data"]["new"]["procurable"] is False


async def test_codes_go_in_batches_of_twenty_and_an_unknown_one_harms_no_other(relay: Relay) -> None:
    codes = [f"BX{number:07}" for number in range(1, 46)] + ["NOSUCH"]
    await relay.send(wanted(product_codes=codes))
    done = await relay.result("sync.completed")
    assert done["data"]["sync_log"]["status"] == "partial"
    assert done["data"]["sync_log"]["success_count"] == 43
    assert {failed["product_code"] for failed in done["data"]["failed"]} == {"BX0000008", "BX0000028", "NOSUCH"}
    assert (await relay.box.ledger())["calls"]["haier.products"] == 3
    stored = await relay.store.catalogue.products(codes)
    assert len(stored) == 45


async def test_the_row_can_be_watched_and_is_told_once(relay: Relay) -> None:
    await relay.send(wanted(product_codes=["BX0000001"]))
    told = await relay.result("sync_log.recorded")
    row = await relay.store.sync_log(told["data"]["id"])
    assert row is not None
    assert row.completed_at is not None
    assert row.event_id == "sync-1"


async def test_prices_and_stock_follow_and_stand_alone(relay: Relay) -> None:
    codes = [f"BX{number:07}" for number in range(1, 26)]
    await relay.send(wanted(product_codes=codes, with_prices=True, with_stock=True, county_codes=["330106"]))
    done = (await relay.result("sync.completed"))["data"]
    # One of them cannot be ordered (BX0000008), one has no valid price (BX0000014).
    assert (done["sync_log"]["status"], done["sync_log"]["total_count"]) == ("partial", 25 + 25 + 24)
    assert {item["product_code"] for item in done["failed"]} == {"BX0000008", "BX0000014"}
    await relay.until(lambda: len(relay.of("stock.changed")) == 24 and len(relay.of("price.changed")) == 25)
    await relay.send(event("sync.prices.requested", {"product_codes": codes[:3]}, event_id="p"))
    await relay.send(
        event("sync.stock.requested", {"product_codes": codes[:3], "county_codes": ["330106", "370202"]}, event_id="s")
    )
    ends = {
        end["correlationid"]: end["data"]
        for end in [await relay.result("sync.completed", count=3)] and relay.of("sync.completed")
    }
    assert (ends["p"]["changed"], ends["p"]["unchanged"]) == (0, 3)
    assert (ends["s"]["changed"], ends["s"]["unchanged"]) == (3, 3)


async def test_balances_are_reported(relay: Relay) -> None:
    await relay.send(event("sync.balance.requested", {}, event_id="b"))
    report = await relay.result("account.balance.reported")
    assert report["correlationid"] == "b"
    assert {payer["payer_account_balance"] for payer in report["data"]["payers"]} == {"125000.50", "8000"}


async def test_another_shape_is_a_dead_letter_with_the_offending_part(relay: Relay) -> None:
    await relay.box.add_fault({"call": "haier.products", "effect": "other_shape"})
    await relay.send(wanted())
    dead = await relay.result("event.dead_lettered")
    assert dead["data"]["error"]["class"] == "malformed"
