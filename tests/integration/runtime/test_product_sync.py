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
    assert (again["data"]["changed"], again["data"]["unchanged"]) == (1, 1)
    changed = await relay.result("product.changed", "BX0000002", count=2)
    assert changed["data"]["old"]["procurable"] is True
    assert changed["data"]["new"]["procurable"] is False


async def test_codes_go_in_batches_of_twenty_and_an_unknown_one_harms_no_other(relay: Relay) -> None:
    codes = [f"BX{number:07}" for number in range(1, 46)] + ["NOSUCH"]
    await relay.send(wanted(product_codes=codes))
    done = await relay.result("sync.completed")
    assert done["data"]["sync_log"]["status"] == "partial"
    assert done["data"]["sync_log"]["success_count"] == 45
    assert [failed["product_code"] for failed in done["data"]["failed"]] == ["NOSUCH"]
    assert (await relay.box.ledger())["calls"]["haier.products"] == 3
    stored = await relay.store.products(codes)
    assert len(stored) == 45


async def test_the_row_can_be_watched_and_is_told_once(relay: Relay) -> None:
    await relay.send(wanted(product_codes=["BX0000001"]))
    told = await relay.result("sync_log.recorded")
    row = await relay.store.sync_log(told["data"]["id"])
    assert row is not None
    assert row.completed_at is not None
    assert row.event_id == "sync-1"


async def test_prices_are_said_to_have_no_handler_yet(relay: Relay) -> None:
    await relay.send(wanted(with_prices=True))
    dead = await relay.result("event.dead_lettered")
    assert "no handler yet" in dead["data"]["error"]["message"]
    assert "haier.products" not in (await relay.box.ledger())["calls"]


async def test_another_shape_is_a_dead_letter_with_the_offending_part(relay: Relay) -> None:
    await relay.box.add_fault({"call": "haier.products", "effect": "other_shape"})
    await relay.send(wanted())
    dead = await relay.result("event.dead_lettered")
    assert dead["data"]["error"]["class"] == "malformed"
