"""New days and compensations on the real broker, against the sandbox, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from consumer.domain.order import OrderState
from consumer.domain.order_parts import Days
from consumer.handlers.held_lapsing import HeldLapsing
from consumer.runtime.books import BatchedBooks
from tests.support.events import cancelled, event, paid
from tests.support.relay import eventually
from tests.support.supplier_clients import create, ylh_client

if TYPE_CHECKING:
    from consumer.domain.writes import OutboxMessage
    from tests.support.relay import Relay


def rescheduled(so_id: str, version: int, **days: str) -> dict[str, Any]:
    data = {"so_id": so_id, "version": version, **days}
    return event("order.rescheduled", data, event_id=f"days-{so_id}-{version}", subject=so_id)


def confirmed(so_id: str, ext_order_no: str) -> dict[str, Any]:
    moment = "2026-11-22T10:00:05+08:00"
    data = {"platform_order_no": so_id, "ext_order_no": ext_order_no, "state": 1, "occurred_at": moment}
    return event("supplier.callback.confirmed", data, event_id=f"confirmed-{so_id}", subject=so_id)


async def test_days_wait_for_the_number_that_the_callback_brings(relay: Relay) -> None:
    # The answer with the number is lost, and the duplicate refusal that proves the arrival has none.
    await relay.box.add_fault({"call": "ylh.create", "key": "SO1", "times": 1, "effect": "lost_answer"})
    await relay.send(paid("SO1"))
    pushed = await relay.result("order.push.succeeded", "SO1")
    assert pushed["data"]["retail_order_no"] is None
    await relay.send(rescheduled("SO1", 2, install_on="2026-12-02"))
    await asyncio.sleep(0.5)
    assert not relay.of("order.reschedule.succeeded")
    ledger = await relay.box.order("SO1")
    assert ledger["reschedule_calls"] == 0

    await relay.send(confirmed("SO1", ledger["ext_order_no"]))
    told = await relay.result("order.reschedule.succeeded", "SO1")
    assert told["data"]["ext_order_no"] == ledger["ext_order_no"]
    # 2026-12-02T23:59:59+08:00
    assert (await relay.box.order("SO1"))["install_time"] == "1796227199000"


async def test_refused_days_leave_the_old_ones_and_a_letter(relay: Relay) -> None:
    await relay.box.add_fault(
        {"call": "ylh.reschedule", "times": 1, "effect": "refuse", "code": "E7", "message": "配送中，不能改约"}
    )
    await relay.send(paid("SO1", distribution_on="2026-12-01"))
    await relay.result("order.push.succeeded", "SO1")
    await relay.send(rescheduled("SO1", 2, distribution_on="2026-12-05"))
    failed = await relay.result("order.reschedule.failed", "SO1")
    assert failed["data"]["error"]["supplier_message"] == "配送中，不能改约"
    books = (await relay.store.orders(["SO1"]))["SO1"]
    assert (books.days, books.applied_version) == (Days("2026-12-01"), 1)
    assert [letter.supplier_code for letter in await relay.store.open_letters(10)] == ["E7"]


async def test_days_whose_answer_is_lost_are_sent_again_and_told_once(relay: Relay) -> None:
    await relay.box.add_fault({"call": "ylh.reschedule", "times": 3, "effect": "lost_answer"})
    await relay.send(paid("SO1"))
    await relay.result("order.push.succeeded", "SO1")
    await relay.send(rescheduled("SO1", 2, distribution_on="2026-12-05"))
    await relay.send(rescheduled("SO1", 3, install_on="2026-12-06"))
    await relay.until(lambda: len(relay.of("order.reschedule.succeeded", "SO1")) == 2)
    books = (await relay.store.orders(["SO1"]))["SO1"]
    assert (books.days, books.applied_version) == (Days("2026-12-05", "2026-12-06"), 3)
    ledger = await relay.box.order("SO1")
    assert (ledger["distribution_time"], ledger["install_time"]) == ("1796486399000", "1796572799000")


async def test_what_waits_for_a_create_that_never_comes_lapses_once_whoever_looks(relay: Relay) -> None:
    so_ids = [f"SO{number:03}" for number in range(130)]
    await relay.send(*[rescheduled(so_id, 2, install_on="2026-12-02") for so_id in so_ids])
    await eventually(lambda: _all_held(relay, so_ids))
    handed_over: list[OutboxMessage] = []
    # Two processes look at the same moment; more than one page.
    looks = [HeldLapsing(BatchedBooks(relay.store), handed_over.extend, keep=timedelta(0)) for _ in range(2)]
    await asyncio.gather(*(look.once() for look in looks))
    assert sorted(message.key.event_id for message in handed_over) == [f"days-{so_id}-2" for so_id in so_ids]
    await relay.until(lambda: len(relay.of("order.reschedule.failed")) == len(so_ids), within=40)
    told = relay.of("order.reschedule.failed", "SO007")[0]
    assert (told["data"]["error"]["code"], told["correlationid"]) == ("order_unknown", "days-SO007-2")
    assert not any(books.held for books in (await relay.store.orders(so_ids)).values())


async def test_what_is_younger_is_left(relay: Relay) -> None:
    await relay.send(rescheduled("SO1", 2, install_on="2026-12-02"))
    await eventually(lambda: _all_held(relay, ["SO1"]))
    await HeldLapsing(BatchedBooks(relay.store), lambda _: None, keep=timedelta(hours=1)).once()
    assert (await relay.store.orders(["SO1"]))["SO1"].held


async def _all_held(relay: Relay, so_ids: list[str]) -> bool:
    books = await relay.store.orders(so_ids)
    return len(books) == len(so_ids) and all(one.held for one in books.values())


async def test_an_order_that_is_at_ylh_after_all_is_cancelled_there(relay: Relay) -> None:
    await relay.send(cancelled("SO-1"))
    done = await relay.result("order.cancel.succeeded", "SO-1")
    assert done["data"]["at_supplier"] is False
    # Another system pushes it afterwards, and YLH takes it on.
    async with ylh_client(relay.box) as elsewhere:
        await create(elsewhere, "SO-1")
    await relay.send(confirmed("SO-1", "E-1"))
    await eventually(lambda: _cancelled_at_ylh(relay, "SO-1"))
    books = (await relay.store.orders(["SO-1"]))["SO-1"]
    assert books.state is OrderState.CANCELLED
    assert len(relay.of("order.cancel.succeeded", "SO-1")) == 1


async def test_where_ylh_refuses_that_a_person_is_told_what_to_do(relay: Relay) -> None:
    await relay.send(cancelled("SO-1"))
    await relay.result("order.cancel.succeeded", "SO-1")
    await relay.send(confirmed("SO-1", "E-1"))
    await eventually(lambda: _has_a_letter(relay))
    (letter,) = await relay.store.open_letters(10)
    assert (letter.code, letter.subject) == ("compensation_refused", "SO-1")
    assert "stop the delivery" in letter.message
    assert (await relay.store.orders(["SO-1"]))["SO-1"].state is OrderState.CANCELLED


async def _cancelled_at_ylh(relay: Relay, so_id: str) -> bool:
    return bool((await relay.box.order(so_id))["cancels"])


async def _has_a_letter(relay: Relay) -> bool:
    return bool(await relay.store.open_letters(10))
