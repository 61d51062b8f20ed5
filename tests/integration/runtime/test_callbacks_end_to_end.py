"""YLH's callbacks as events on the real broker, with the sandbox behind the orders, on both databases."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from ops.orders_import import read_lines, write
from tests.support.events import CODE, cancelled, event, paid
from tests.support.relay import eventually, serving, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.relay import Relay

SOURCE = "/haier-relay/callbacks/ylh"


def callback(kind: str, number: str, at: str, *, state: int = 1, **more: Any) -> dict[str, Any]:
    """A callback's event, as the receiver publishes it; ``at`` is its TimeStamp, such as 10:00:01."""
    moment = f"2026-11-22T{at}+08:00"
    return {
        "specversion": "1.0",
        "id": f"{kind}-{number}-{state}-{at}",
        "source": SOURCE,
        "type": f"supplier.callback.{kind}",
        "subject": number,
        "time": moment,
        "datacontenttype": "application/json",
        "data": {"platform_order_no": number, "state": state, "occurred_at": moment, **more},
    }


async def test_a_confirmed_order_is_told_with_its_number(relay: Relay) -> None:
    await relay.send(paid("SO1"))
    await relay.result("order.push.succeeded", "SO1")
    await relay.send(callback("confirmed", "SO1", "10:00:01", ext_order_no="E1"))
    told = await relay.result("order.confirmed", "SO1")

    assert told["correlationid"] == "paid-SO1-1"
    assert told["causationid"] == "confirmed-SO1-1-10:00:01"
    assert told["data"]["state"] == "confirmed"
    assert told["data"]["ext_order_no"] == "E1"
    assert told["data"]["sequence"] == 2


async def test_a_cancel_ends_with_its_callback(relay: Relay) -> None:
    await relay.send(paid("SO1"))
    await relay.result("order.push.succeeded", "SO1")
    await relay.send(cancelled("SO1"))
    await relay.result("order.cancel.accepted", "SO1")
    await relay.send(callback("cancelled", "SO1", "10:00:02"))
    told = await relay.result("order.cancel.succeeded", "SO1")
    assert told["data"]["state"] == "cancelled"
    assert told["data"]["refundable"] is True

    # What was said before it, and what comes after the end, changes nothing.
    await relay.send(
        callback("confirmed", "SO1", "10:00:01", ext_order_no="E1"), callback("cancelled", "SO1", "10:00:03")
    )
    await relay.send(callback("cancelled", "SO1", "10:00:04", state=0, fail_msg="已发货"))
    parked = await relay.result("event.dead_lettered", "SO1")
    assert parked["data"]["error"]["class"] == "unmatched"
    assert parked["data"]["error"]["code"] == "contradiction"
    order = (await relay.store.orders(["SO1"]))["SO1"]
    assert (order.state.value, order.ext_order_no) == ("cancelled", "E1")


async def test_quantities_settle_an_order(relay: Relay) -> None:
    document = paid("SO1")
    code = document["data"]["items"][0]["product_code"]
    units = sum(item["quantity"] for item in document["data"]["items"] if item["product_code"] == code)
    await relay.send(document)
    await relay.result("order.push.succeeded", "SO1")
    item = {"product_code": code, "total": units, "received": units - 1, "returned": 1, "rejected": 0}
    await relay.send(callback("cancelled", "SO1", "10:00:01", state=2, items=[item]))
    told = await relay.result("order.settled", "SO1")
    assert told["data"]["items"] == [item]
    assert told["data"]["state"] == "settled"

    strange = {**item, "product_code": "ANOTHER"}
    await relay.send(callback("cancelled", "SO1", "10:00:02", state=2, items=[strange]))
    parked = await relay.result("event.dead_lettered", "SO1")
    assert parked["data"]["error"]["code"] == "quantities_do_not_fit"


async def test_a_callback_proves_that_an_unanswered_create_arrived(relay: Relay) -> None:
    await relay.box.add_fault({"call": "ylh.create", "key": "SO1", "times": 2, "effect": "lost_answer"})
    await relay.send(paid("SO1"))
    await relay.until(lambda: bool(relay.wiring))
    await relay.send(callback("confirmed", "SO1", "10:00:01", ext_order_no="E1"))
    confirmed = await relay.result("order.confirmed", "SO1")
    pushed = await relay.result("order.push.succeeded", "SO1")
    assert confirmed["data"]["ext_order_no"] == "E1"
    assert pushed["correlationid"] == "paid-SO1-1"
    assert (await relay.box.order("SO1"))["creates"] == 1
    assert (await relay.store.orders(["SO1"]))["SO1"].state.value == "confirmed"


async def test_what_fits_no_order_is_parked(relay: Relay) -> None:
    await relay.send(callback("confirmed", "NOBODY", "10:00:01"))
    parked = await relay.result("event.dead_lettered", "NOBODY")
    assert (parked["data"]["error"]["class"], parked["data"]["error"]["code"]) == ("unmatched", "unmatched")


@pytest.mark.parametrize("numbered", [True, False])
async def test_sub_orders_of_one_online_order_are_never_guessed(relay: Relay, numbered: bool) -> None:  # noqa: FBT001
    await relay.send(*(paid(f"SO{number}", online_no="JD-1") for number in (1, 2)))
    for so_id in ("SO1", "SO2"):
        await relay.result("order.push.succeeded", so_id)
    if numbered:
        await relay.send(callback("confirmed", "SO1", "10:00:01", ext_order_no="E1"))
        await relay.result("order.confirmed", "SO1")
        await relay.send(callback("confirmed", "JD-1", "10:00:01", ext_order_no="E2"))
        assert (await relay.result("order.confirmed", "SO2"))["data"]["ext_order_no"] == "E2"
    else:
        await relay.send(callback("confirmed", "JD-1", "10:00:01", ext_order_no="E2"))
        parked = await relay.result("event.dead_lettered", "JD-1")
        assert parked["data"]["error"]["code"] == "unmatched"


@pytest.fixture
async def unhurried(amqp_url: str, database_url: str) -> AsyncIterator[Relay]:
    """The running service, with a way round that is long enough for a callback to come before it ends."""
    async with system(amqp_url, database_url, RELAY_RETRY_DELAYS="2s,3s,4s") as relay, serving(relay):
        yield relay


async def test_a_create_that_its_callback_proved_is_not_sent_again(unhurried: Relay) -> None:
    relay = unhurried
    await relay.box.add_fault({"call": "ylh.create", "key": "SO1", "times": 2, "effect": "lost_answer"})
    await relay.send(rescheduled("SO1", 3, install_on="2026-12-03"), paid("SO1"))
    await eventually(partial(_waits_for_its_answer, relay))
    calls = (await relay.box.order("SO1"))["create_calls"]
    await relay.send(callback("confirmed", "SO1", "10:00:01", ext_order_no="E1"))
    confirmed = await relay.result("order.confirmed", "SO1")
    assert confirmed["data"]["version"] == 3
    held = await relay.result("order.reschedule.succeeded", "SO1")
    assert held["correlationid"] == "moved-SO1-3"
    assert relay.of("order.push.succeeded") == []

    pushed = await relay.result("order.push.succeeded", "SO1")
    assert (pushed["correlationid"], pushed["data"]["state"]) == ("paid-SO1-1", "confirmed")
    assert pushed["data"]["ext_order_no"] == "E1"
    assert (await relay.box.order("SO1"))["create_calls"] == calls
    await relay.until(lambda: len(relay.of("sync_log.recorded")) >= 1)


async def test_a_cancel_that_its_callback_answered_is_not_sent_again(unhurried: Relay) -> None:
    relay = unhurried
    await relay.send(paid("SO1"))
    await relay.result("order.push.succeeded", "SO1")
    await relay.box.add_fault({"call": "ylh.cancel", "key": "SO1", "times": 2, "effect": "lost_answer"})
    await relay.send(cancelled("SO1"))
    await eventually(partial(_waits_for_its_answer, relay))
    calls = (await relay.box.order("SO1"))["cancel_calls"]
    await relay.send(callback("cancelled", "SO1", "10:00:01"))
    own = await relay.result("order.cancel.succeeded", "SO1", count=2)
    assert own["correlationid"] == "cancel-SO1-2"
    assert own["data"]["sequence"] == 3
    assert (await relay.box.order("SO1"))["cancel_calls"] == calls


async def test_a_callback_for_a_stranger_applies_once_the_order_is_imported(relay: Relay) -> None:
    told = callback("confirmed", "JD-7", "10:00:01", ext_order_no="E7")
    await relay.send(told)
    parked = await relay.result("event.dead_lettered", "JD-7")
    assert (parked["data"]["error"]["class"], parked["data"]["error"]["code"]) == ("unmatched", "unmatched")
    items = [{"product_code": CODE, "quantity": 1}]
    line = {"so_id": "SO7", "online_no": "JD-7", "version": 4, "state": "pushed", "items": items}
    (order,), faults = read_lines([json.dumps(line).encode()])
    assert faults == []
    assert await write(relay.store, [order]) == []
    await relay.send(told)
    confirmed = await relay.result("order.confirmed", "SO7")
    assert (confirmed["data"]["version"], confirmed["data"]["online_no"]) == (4, "JD-7")
    # Of an order that another system pushed no order.paid is known.
    assert confirmed["correlationid"] == confirmed["causationid"] == told["id"]


async def test_twice_is_once(relay: Relay) -> None:
    await relay.send(paid("SO1"))
    await relay.result("order.push.succeeded", "SO1")
    told = callback("out_of_stock", "SO1", "10:00:01")
    await relay.send(told)
    await relay.result("order.out_of_stock", "SO1")
    await relay.send(told, callback("confirmed", "SO1", "10:00:02", ext_order_no="E1"), told)
    confirmed = await relay.result("order.confirmed", "SO1")
    assert confirmed["data"]["sequence"] == 3
    # An event that is done has no second effect: its result goes out again under its old id.
    await relay.result("order.out_of_stock", "SO1", count=3)
    assert len({result["id"] for result in relay.of("order.out_of_stock")}) == 1
    order = (await relay.store.orders(["SO1"]))["SO1"]
    assert (order.state.value, order.sequence) == ("confirmed", 3)


async def _waits_for_its_answer(relay: Relay) -> bool:
    """Whether the last call for SO1 is unanswered and its worker has given the order up."""
    order = (await relay.store.orders(["SO1"])).get("SO1")
    if order is None or order.intent is None or not order.intent.unanswered:
        return False
    return (await relay.store.stories.traces(order)).lease is None


def rescheduled(so_id: str, version: int, **days: str) -> dict[str, Any]:
    data = {"so_id": so_id, "version": version, **days}
    return event("order.rescheduled", data, event_id=f"moved-{so_id}-{version}", subject=so_id)
