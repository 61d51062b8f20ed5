"""What each callback makes of an order, what the shop is told of it, and what stands in the ledger for a person."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumer.domain.errors import Rejected, UnknownOutcome, Unmatched
from consumer.domain.order import OrderState
from consumer.domain.order_parts import Goods, Word
from consumer.domain.outcome import Ending
from consumer.domain.writes import SyncLogRow
from schemas.codec import decode
from tests.support.events import CODE, event
from tests.unit.handlers.single import World
from tests.unit.handlers.world import (
    NOW,
    SO,
    Job,
    Process,
    Said,
    Told,
    callback_event,
    cancel_event,
    paid_event,
    rescheduled_event,
)

if TYPE_CHECKING:
    from consumer.domain.outcome import Outcome
    from schemas.envelope import Event

PAID = paid_event()
HALF = {"product_code": CODE, "total": 1, "received": 1, "returned": 0, "rejected": 0}
BACK = {"product_code": CODE, "total": 1, "received": 0, "returned": 1, "rejected": 0}


def quantities(second: int, *items: dict[str, Any], state: int = 2) -> Event:
    data = {"platform_order_no": SO, "state": state, "occurred_at": (NOW + timedelta(seconds=second)).isoformat()}
    data["items"] = list(items)
    given = event("supplier.callback.cancelled", data, event_id=f"quantities-{second}-{state}", subject=SO)
    return decode(json.dumps(given).encode())


async def outcome(world: World, told: Event) -> Outcome:
    """What the handler hands back; nothing of it is committed."""
    return await Process(world.books, world.ylh).outcome(told)


def only(world: World, told: Event) -> Told:
    (one,) = world.books.told_for(Job(told).key)
    return one


async def confirmed_order() -> World:
    world = World()
    await world.carry(PAID, callback_event(Word.TAKEN_ON, 1))
    return world


# ---- what is told ----


@pytest.mark.parametrize(
    ("word", "type_", "state"),
    [
        (Word.TAKEN_ON, "order.confirmed", OrderState.CONFIRMED),
        (Word.TURNED_DOWN, "order.refused", OrderState.REFUSED),
        (Word.OUT_OF_STOCK, "order.out_of_stock", OrderState.OUT_OF_STOCK),
    ],
)
async def test_an_answer_is_told_in_ylhs_own_words(word: Word, type_: str, state: OrderState) -> None:
    world = World()
    told = callback_event(word, 1, "地址 超区 ")
    await world.carry(PAID, told)
    result = only(world, told)
    assert (result.type, result.data.fail_msg, result.data.state) == (type_, "地址 超区 ", state.value)
    assert (result.data.sequence, result.data.version, result.data.online_no) == (2, 1, f"T-{SO}")
    assert world.order.state is state
    assert world.order.fail_msg == "地址 超区 "


async def test_it_answers_the_orders_paid_and_names_the_callback_as_its_cause() -> None:
    world = World()
    await world.carry(PAID)
    came = await outcome(world, callback_event(Word.TAKEN_ON, 1))
    (result,) = came.results
    assert (result.correlationid, result.causationid) == (PAID.id, "taken_on-1-None")
    assert (came.subject, came.ending, came.refusal) == (SO, Ending.DONE, None)
    # It is no call of ours that could succeed or fail.
    assert not [write for write in came.writes if isinstance(write, SyncLogRow)]


async def test_a_cancel_ends_with_its_callback() -> None:
    world = await confirmed_order()
    told = callback_event(Word.CANCEL_DONE, 2)
    await world.carry(cancel_event(), told)
    result = only(world, told)
    assert (result.type, result.data.at_supplier, result.data.refundable) == ("order.cancel.succeeded", True, True)
    assert result.data.ext_order_no == f"EXT-{SO}"
    assert world.order.state is OrderState.CANCELLED


async def test_an_order_that_ylh_intercepts_unasked_is_cancelled() -> None:
    world = await confirmed_order()
    told = callback_event(Word.CANCEL_DONE, 2)
    await world.carry(told)
    assert (only(world, told).type, world.order.state) == ("order.cancel.succeeded", OrderState.CANCELLED)


async def test_a_refused_cancel_is_told_as_final_and_kept_for_a_person() -> None:
    world = await confirmed_order()
    await world.carry(cancel_event())
    told = callback_event(Word.CANCEL_REFUSED, 2, "已出库")
    came = await outcome(world, told)
    assert isinstance(came.refusal, Rejected)
    assert (came.refusal.code, came.refusal.supplier_message) == ("cancel_refused", "已出库")
    await world.carry(told)
    failed = only(world, told).data
    assert (failed.state, failed.at_supplier, failed.refundable) == ("cancel_failed", True, False)
    assert (failed.error.error_class, failed.error.code) == ("rejected", "cancel_refused")
    assert (failed.error.supplier_message, failed.error.retriable) == ("已出库", False)


async def test_a_cancel_that_nobody_asked_for_and_that_failed_is_told_and_bothers_no_person() -> None:
    world = await confirmed_order()
    came = await outcome(world, callback_event(Word.CANCEL_REFUSED, 2, "已出库"))
    assert [result.type for result in came.results] == ["order.cancel.failed"]
    assert came.refusal is None


@pytest.mark.parametrize(("items", "refundable"), [((HALF,), False), ((BACK,), True)])
async def test_quantities_settle_an_order(items: tuple[dict[str, Any]], refundable: bool) -> None:  # noqa: FBT001
    world = await confirmed_order()
    told = quantities(2, *items)
    await world.carry(told)
    result = only(world, told)
    assert (result.type, [item.model_dump() for item in result.data.items]) == ("order.settled", list(items))
    assert (world.order.state, world.order.refundable) == (OrderState.SETTLED, refundable)


async def test_a_cancel_of_all_that_carries_quantities_keeps_them() -> None:
    world = await confirmed_order()
    told = quantities(2, BACK, state=1)
    await world.carry(told)
    assert only(world, told).type == "order.cancel.succeeded"
    assert world.order.goods == (Goods(CODE, 1, 0, 1, 0),)


# ---- what is not told ----


@pytest.mark.parametrize("word", [word for word in Word if word is not Word.QUANTITIES])
async def test_the_same_again_is_no_news(word: Word) -> None:
    world = World()
    again = callback_event(word, 1).model_copy(update={"id": "again"})
    await world.carry(PAID, cancel_event(), callback_event(word, 1))
    before = world.order
    await world.carry(callback_event(word, 1), again)
    assert (world.told(again), world.order) == ([], before)


async def test_what_was_overtaken_brings_no_more_than_a_number() -> None:
    world = World()
    late = callback_event(Word.TAKEN_ON, 1)
    await world.carry(PAID, callback_event(Word.TURNED_DOWN, 2), late)
    assert world.told(late) == []
    assert (world.order.state, world.order.ext_order_no) == (OrderState.REFUSED, f"EXT-{SO}")


# ---- what a person has to see ----


async def _parked(world: World, told: Event) -> str:
    before = dict(world.books.rows)
    with pytest.raises(Unmatched) as parked:
        await world.carry(told)
    assert world.books.rows == before
    assert Job(told).key not in world.books.inbox
    return parked.value.code


async def test_a_callback_for_nobody_waits_until_its_order_is_known() -> None:
    world = World()
    told = callback_event(Word.TAKEN_ON, 1)
    assert await _parked(world, told) == "unmatched"
    await world.carry(PAID, told)
    assert world.told(told) == ["order.confirmed"]


async def test_contradictions_are_parked() -> None:
    world = await confirmed_order()
    assert await _parked(world, callback_event(Word.TURNED_DOWN, 1)) == "tie"
    assert await _parked(world, quantities(2, {**HALF, "product_code": "ANOTHER"})) == "quantities_do_not_fit"
    assert await _parked(world, quantities(2, HALF, state=1)) == "contradiction"
    await world.carry(callback_event(Word.CANCEL_DONE, 3))
    assert await _parked(world, callback_event(Word.CANCEL_REFUSED, 4)) == "contradiction"
    assert await _parked(world, callback_event(Word.TAKEN_ON, 4)) == "alive_after_cancel"
    assert await _parked(world, quantities(4, HALF)) == "contradiction"


async def test_an_order_that_was_never_pushed_is_not_confirmed() -> None:
    world = World(Said.REFUSE)
    await world.carry(PAID)
    assert await _parked(world, callback_event(Word.TAKEN_ON, 1)) == "not_pushed"


async def test_a_push_told_as_failed_that_arrived_is_told_and_shown_to_a_person() -> None:
    # A refusal after a send without an answer: who knows what became of the first one.
    world = World(Said.UNKNOWN_APPLIED, Said.REFUSE)
    world.ylh.refuses_first = True
    with pytest.raises(UnknownOutcome):
        await world.carry(PAID)
    await world.carry(PAID)
    assert world.told(PAID) == ["order.push.failed"]
    told = callback_event(Word.TAKEN_ON, 1)
    came = await outcome(world, told)
    assert isinstance(came.refusal, Unmatched)
    assert came.refusal.code == "told_as_failed"
    await world.carry(told)
    assert only(world, told).type == "order.confirmed"
    assert (world.order.state, world.order.error) == (OrderState.CONFIRMED, None)


# ---- together with events ----


async def test_days_that_were_held_are_told_once_a_callback_proves_the_create() -> None:
    world = World(Said.UNKNOWN_APPLIED)
    days, told = rescheduled_event(2), callback_event(Word.TAKEN_ON, 1)
    await world.carry(days)
    with pytest.raises(UnknownOutcome):
        await world.carry(PAID)
    await world.carry(told)
    assert (world.told(days), world.told(told)) == (["order.reschedule.succeeded"], ["order.confirmed"])
    await world.carry(PAID)
    assert world.told(PAID) == ["order.push.succeeded"]
    assert [call for call, _ in world.ylh.calls] == ["create"]
    assert [result.data.sequence for result in world.books.told if result.type.startswith("order.")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("word", "answer"), [(Word.CANCEL_DONE, "order.cancel.succeeded"), (Word.CANCEL_REFUSED, "order.cancel.failed")]
)
async def test_a_cancel_whose_callback_came_before_its_answer_ends_without_another_call(
    word: Word, answer: str
) -> None:
    world = World(Said.ACCEPT, Said.UNKNOWN_APPLIED)
    told = callback_event(word, 1)
    await world.carry(PAID)
    with pytest.raises(UnknownOutcome):
        await world.carry(cancel_event())
    await world.carry(told, cancel_event())
    assert world.told(told) == [answer]
    assert world.told(cancel_event()) == [answer]
    assert [call for call, _ in world.ylh.calls] == ["create", "cancel"]


async def test_what_was_cancelled_before_it_was_known_and_is_confirmed_is_cancelled_at_ylh_once() -> None:
    world = World(Said.ACCEPT)
    await world.carry(cancel_event())
    assert world.order.state is OrderState.CANCELLED
    # It is there after all: from another system, and later than our question.
    world.ylh.created[SO] = b""
    told, again = callback_event(Word.TAKEN_ON, 1), callback_event(Word.OUT_OF_STOCK, 2)
    await world.carry(told)
    undoing = [one for one in world.books.told if one.type == "order.cancel.requested"]
    assert [one.data.so_id for one in undoing] == [SO]
    (message,) = [one for one in world.books.outbox.values() if one.routing_key == "order.cancel.requested"]
    undo = decode(message.body)
    await world.carry(undo, undo.model_copy(update={"id": "asked twice"}))
    assert not world.ylh.live(SO)
    await world.carry(again, callback_event(Word.CANCEL_DONE, 3))
    assert world.order.state is OrderState.CANCELLED
    assert [call for call, _ in world.ylh.calls] == ["cancel", "cancel"]
    assert len([one for one in world.books.told if one.type == "order.cancel.requested"]) == 1
