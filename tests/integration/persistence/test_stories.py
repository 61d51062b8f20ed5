"""What people ask of orders, on both databases: traces, numbers, who waits; and that customers are forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from consumer.domain.errors import StaleOrder
from consumer.domain.order import CallOutcome, Order, OrderState
from consumer.domain.order_parts import Consignee
from consumer.domain.results import shipments_key
from consumer.domain.shipping import Kept, Parcel, SaveShipments
from consumer.domain.writes import InboxEntry, LetterStatus, SaveOrder, UnitOfWork
from tests.integration.persistence.making import NOW, full_order, key, letter, message

if TYPE_CHECKING:
    from consumer.persistence.store import Store


async def _write(store: Store, *writes: object) -> None:
    outcome = await store.apply([UnitOfWork(tuple(writes))])  # type: ignore[arg-type]  # whatever a test writes
    assert outcome == [None]


async def test_an_orders_traces_are_found_together(store: Store) -> None:
    order = full_order("SO-1")
    await _write(
        store,
        SaveOrder(order, "worker", lease=timedelta(minutes=1)),
        InboxEntry(key("e1"), "d", "order.paid", "done", NOW, "SO-1", NOW, '[{"attempt": 1}]'),
        InboxEntry(key("e2"), "d", "order.paid", "done", NOW, "SO-2", NOW),
        message("m1", "e1"),
        message("m2", "e2"),
        message("m3", "of a letter"),
        message("m4", "e9"),
        replace(message("m5", "e9"), key=shipments_key("SO-1", 7)),
        replace(message("m6", "e9"), key=shipments_key("SO-2", 7)),
        replace(letter("l1"), event_source="urn:shop", event_id="of a letter"),
        SaveShipments("SO-1", Kept((Parcel(company="SF", number="SF1"),), "s1"), NOW),
    )
    traces = await store.stories.traces(order)
    assert [entry.key.event_id for entry in traces.events] == ["e1"]
    assert traces.events[0].attempts == '[{"attempt": 1}]'
    assert [one.id for one in traces.messages] == ["m1", "m3", "m4", "m5"]
    assert [(one.company, one.number, one.updated_at) for one in traces.parcels] == [("SF", "SF1", NOW)]
    assert [one.id for one in traces.letters] == ["l1"]
    assert traces.lease is not None
    assert traces.lease.owner == "worker"


async def test_any_number_finds_an_order(store: Store) -> None:
    await _write(store, SaveOrder(full_order("SO-1"), "w"), SaveOrder(Order("SO-2", online_no="other"), "w"))
    for number in ("SO-1", "线上-1", "r", "x"):
        found = await store.stories.found(number, limit=10)
        assert [order.so_id for order in found] == ["SO-1"]
    assert await store.stories.found("nobody", limit=10) == []


async def test_more_digits_of_a_telephone_number_find_one_customer_among_many_with_the_same_end(store: Store) -> None:
    def of(number: int) -> Order:
        who = Consignee("王小明", f"+86 138 {number:04} 5678", "山东省 青岛市 市南区 1号")
        return replace(full_order(f"SO-{number:03}"), consignee=who)

    await store.apply([UnitOfWork((SaveOrder(of(number), "w"),)) for number in range(120)])
    assert [one.so_id for one in await store.stories.of_mobile("01195678", limit=5)] == ["SO-119"]
    assert [one.so_id for one in await store.stories.of_mobile("5678", limit=2)] == ["SO-000", "SO-001"]
    assert await store.stories.of_mobile("4445678", limit=5) == []


async def test_candidates_for_a_callback_come_by_either_number(store: Store) -> None:
    await _write(
        store,
        SaveOrder(replace(full_order("SO-1"), online_no="T1"), "w"),
        SaveOrder(Order("SO-2", online_no="T1"), "w"),
        SaveOrder(Order("T1"), "w"),
    )
    found = await store.orders_by_numbers([("T1", None), ("nobody", "x"), ("nobody", None)])
    assert sorted(order.so_id for order in found["T1", None]) == ["SO-1", "SO-2", "T1"]
    assert [order.so_id for order in found["nobody", "x"]] == ["SO-1"]
    assert found["nobody", None] == []


async def test_who_waits_longest_comes_first_and_a_state_keeps_its_time(store: Store) -> None:
    for so_id in ("SO-1", "SO-2"):
        await _write(store, SaveOrder(Order(so_id, state=OrderState.PUSHED), "w"))
        await asyncio.sleep(0.01)
    first = (await store.orders(["SO-1"]))["SO-1"]
    await _write(store, SaveOrder(replace(first, sequence=1), "w"))
    again = (await store.orders(["SO-1"]))["SO-1"]
    assert again.state_at == first.state_at
    assert again.updated_at is not None
    assert first.updated_at is not None
    assert again.updated_at > first.updated_at
    waiting = await store.stories.waiting([OrderState.PUSHED], older_than=timedelta(0), limit=10)
    assert [order.so_id for order in waiting] == ["SO-1", "SO-2"]
    assert await store.stories.waiting([OrderState.PUSHED], older_than=timedelta(hours=1), limit=10) == []

    assert set(await store.stories.oldest()) == {OrderState.PUSHED}
    assert await store.stories.counts() == {OrderState.PUSHED: 2}
    await _write(store, SaveOrder(replace(again, state=OrderState.CANCELLED), "w"))
    ended = (await store.orders(["SO-1"]))["SO-1"]
    assert ended.state_at is not None
    assert again.state_at is not None
    assert ended.state_at > again.state_at


async def test_customers_are_forgotten_after_the_end_and_not_before(store: Store) -> None:
    answered = replace(full_order("SO-1").answered(CallOutcome.DONE), delivered_at=None)
    over = replace(answered, state=OrderState.CANCELLED)
    on_its_way = replace(answered, so_id="SO-2", state=OrderState.CONFIRMED)
    delivered = replace(on_its_way, so_id="SO-3", delivered_at=NOW - timedelta(days=400))
    unanswered = replace(over.answered(CallOutcome.UNKNOWN), so_id="SO-4")
    bare = replace(over, so_id="SO-5", intent=None)
    taken = replace(over, so_id="SO-6")
    refused = replace(over.answered(CallOutcome.REFUSED), so_id="SO-7", state=OrderState.NEW)
    await _write(
        store,
        *(SaveOrder(order, "w") for order in (over, on_its_way, delivered, unanswered, bare, refused)),
        SaveOrder(taken, "w", lease=timedelta(hours=1)),
        letter("open"),
        letter("closed", status=LetterStatus.CLOSED),
    )
    assert await store.scrub(timedelta(days=300)) == 1
    orders = await store.orders(ids := [f"SO-{number}" for number in range(1, 8)])
    assert [so_id for so_id in ids if orders[so_id].consignee is None] == ["SO-3"]
    assert await store.scrub(timedelta(0)) == 5
    orders = await store.orders(ids)
    assert [so_id for so_id in ids if orders[so_id].consignee is not None] == ["SO-2", "SO-6"]
    bodies = {so_id: order.intent.body for so_id, order in orders.items() if order.intent is not None}
    # What was never answered is asked for with exactly the bytes that were sent.
    assert [so_id for so_id in sorted(bodies) if bodies[so_id]] == ["SO-2", "SO-4", "SO-6"]
    assert orders["SO-5"].intent is None
    assert [one.so_id for one in await store.stories.of_mobile("5678", limit=10)] == ["SO-2", "SO-6"]
    stale = replace(over, row_version=1)
    assert isinstance((await store.apply([UnitOfWork((SaveOrder(stale, "w"),))]))[0], StaleOrder)
    for id_, scrubbed in (("open", False), ("closed", True)):
        kept = await store.letter(id_)
        assert kept is not None
        assert (kept.body == b"") is scrubbed
    assert await store.scrub(timedelta(0)) == 0


async def test_what_is_held_is_found_once_it_is_old(store: Store) -> None:
    await _write(store, SaveOrder(full_order("SO-1"), "w"), SaveOrder(Order("SO-2"), "w"))
    assert [one.so_id for one in await store.orders_with_held(timedelta(0), after="", limit=5)] == ["SO-1"]
    assert await store.orders_with_held(timedelta(0), after="SO-1", limit=5) == []
    assert await store.orders_with_held(timedelta(hours=1), after="", limit=5) == []
