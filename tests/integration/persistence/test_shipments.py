"""Shipments on both databases: kept with their order or not at all; open orders are found by pages, by an index."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from consumer.domain.order import FINAL, Order, OrderState
from consumer.domain.shipping import DeliveryPhoto, Kept, Parcel, SaveShipments, Trace
from consumer.domain.writes import SaveOrder
from tests.integration.persistence.making import LEASE, NOW, kinds, unit

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from consumer.persistence.store import Store

FULL = Parcel(
    company="顺丰速运",
    number="SF1",
    delivery_record_code="DR1",
    sn_codes=("a", "b"),
    traces=(Trace(NOW, "已揽收"), Trace(None, "运输中")),
    photos=(DeliveryPhoto("配送照片", "https://img/1", NOW), DeliveryPhoto("", "https://img/2", None)),
)


def save(so_id: str, *parcels: Parcel, sync_id: str = "sync-1") -> SaveShipments:
    return SaveShipments(so_id, Kept(parcels, sync_id), NOW)


async def test_what_is_kept_is_read_back_as_it_was_written(store: Store) -> None:
    await store.apply([unit(SaveOrder(Order("a"), "me"), save("a", FULL, Parcel()))])
    await store.apply([unit(SaveOrder(Order("b"), "me"), save("b", Parcel(number="X"), sync_id="sync-2"))])
    assert await store.shipments.find(["a", "b", "c"]) == {
        "a": Kept((FULL, Parcel()), "sync-1"),
        "b": Kept((Parcel(number="X"),), "sync-2"),
    }
    assert await store.shipments.find([]) == {}


async def test_a_parcel_keeps_its_row(store: Store) -> None:
    def rows(connection: Connection) -> list[Any]:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT so_id, place, number FROM shipments")]

    await store.apply([unit(SaveOrder(Order("a"), "me"), save("a", Parcel(delivery_record_code="DR1")))])
    grown = replace(Parcel(delivery_record_code="DR1"), number="SF1")
    again = unit(SaveOrder(Order("a", row_version=1), "me"), save("a", grown, FULL, sync_id="sync-2"))
    assert await store.apply([again]) == [None]
    assert await store._database.read(rows) == [("a", 0, "SF1"), ("a", 1, "SF1")]
    assert (await store.shipments.find(["a"]))["a"] == Kept((grown, FULL), "sync-2")


async def test_of_two_syncs_of_one_order_one_holds_and_the_other_keeps_nothing(store: Store) -> None:
    await store.apply([unit(SaveOrder(Order("a"), "me")), unit(SaveOrder(Order("b"), "me", LEASE))])
    outcomes = await store.apply(
        [
            unit(SaveOrder(Order("a", row_version=1), "one"), save("a", FULL)),
            unit(SaveOrder(Order("a", row_version=1), "two"), save("a", Parcel(), sync_id="sync-2")),
            unit(SaveOrder(Order("b", row_version=1), "three"), save("b", FULL)),
        ]
    )
    assert kinds(outcomes) == ["-", "StaleOrder", "OrderTaken"]
    assert await store.shipments.find(["a", "b"]) == {"a": Kept((FULL,), "sync-1")}


async def test_open_orders_are_those_at_ylh_that_are_not_over(store: Store) -> None:
    orders = [Order(f"{state}", state=state) for state in OrderState]
    orders += [Order(f"{state}-delivered", state=state, delivered_at=NOW) for state in OrderState]
    await store.apply([unit(SaveOrder(order, "me")) for order in orders])
    found = await store.shipments.open_orders(after="", limit=100)
    assert set(found) == set(OrderState) - FINAL - {OrderState.NEW, OrderState.PUSHING, OrderState.REFUSED}


@pytest.mark.parametrize("limit", [1, 7, 100])
async def test_every_open_order_is_on_one_page(store: Store, limit: int) -> None:
    so_ids = [f"SO-{number:03}" for number in range(50)] + ["a.b", "a-b", "a_b", "A", "Z", "z", "0"]
    random.shuffle(so_ids)
    await store.apply([unit(SaveOrder(Order(so_id, state=OrderState.PUSHED), "me")) for so_id in so_ids])
    seen: list[str] = []
    while page := await store.shipments.open_orders(after=seen[-1] if seen else "", limit=limit):
        assert len(page) <= limit
        seen += page
    assert sorted(seen) == sorted(so_ids)


async def test_open_orders_are_found_by_their_index(store: Store) -> None:
    def plan(connection: Connection) -> str:
        statement = store.shipments._open.params(after="SO-1", limit=1000).compile(
            dialect=connection.dialect, compile_kwargs={"literal_binds": True}
        )
        if connection.dialect.name == "sqlite":
            return str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").fetchall())
        connection.exec_driver_sql("SET enable_seqscan = off")
        return str(connection.exec_driver_sql(f"EXPLAIN {statement}").fetchall())

    await store.apply([unit(SaveOrder(Order("a", state=OrderState.PUSHED), "me"))])
    told = await store._database.read(plan)
    assert "ix_orders_open" in told
    assert "Sort" not in told
    assert "TEMP B-TREE" not in told
