"""Orders on the real broker, against the sandbox, on both databases."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from consumer.domain.order import OrderState
from consumer.runtime.pauses import Change
from tests.support.events import cancelled, message, paid
from tests.support.relay import eventually

if TYPE_CHECKING:
    from tests.support.relay import Relay


async def test_a_paid_order_reaches_ylh_once_and_is_told(relay: Relay) -> None:
    await relay.send(paid("SO1"))
    result = await relay.result("order.push.succeeded", "SO1")
    told = await relay.result("sync_log.recorded")

    assert result["correlationid"] == "paid-SO1-1"
    assert result["data"]["state"] == "pushed"
    assert result["data"]["version"] == 1
    assert result["data"]["sequence"] == 1
    order = await relay.box.order("SO1")
    assert order["creates"] == 1
    assert result["data"]["retail_order_no"] == order["retail_order_no"]
    assert told["data"]["sync_type"] == "order"
    assert told["data"]["status"] == "success"


async def test_a_duplicate_has_no_second_effect_and_the_same_results(relay: Relay) -> None:
    await relay.send(paid("SO1"))
    first = await relay.result("order.push.succeeded", "SO1")
    await relay.send(paid("SO1"))
    second = await relay.result("order.push.succeeded", "SO1", count=2)

    assert second == first
    assert (await relay.box.order("SO1"))["create_calls"] == 1


async def test_ten_copies_at_once_make_one_order(relay: Relay) -> None:
    await relay.send(*[paid("SO1") for _ in range(10)])
    await relay.until(lambda: len(relay.of("order.push.succeeded")) == 10)
    assert len({result["id"] for result in relay.of("order.push.succeeded")}) == 1
    assert (await relay.box.order("SO1"))["create_calls"] == 1


async def test_the_same_id_with_another_body_is_refused(relay: Relay) -> None:
    await relay.send(paid("SO1", event_id="E1"))
    await relay.result("order.push.succeeded", "SO1")
    await relay.send(paid("SO2", event_id="E1"))
    rejected = await relay.result("event.rejected")
    assert rejected["data"]["errors"][0]["field"] == "id"
    assert "id used twice" in rejected["data"]["errors"][0]["input"]
    assert (await relay.box.summary())["orders"] == 1


async def test_503_is_retried_and_the_order_arrives_once(relay: Relay) -> None:
    await relay.box.add_fault({"call": "ylh.create", "key": "SO1", "times": 3, "effect": "status", "status": 503})
    await relay.send(paid("SO1"))
    await relay.result("order.push.succeeded", "SO1")
    assert (await relay.box.order("SO1"))["creates"] == 1


async def test_a_lost_answer_is_resent_and_the_duplicate_refusal_counts_as_arrival(relay: Relay) -> None:
    await relay.box.add_fault({"call": "ylh.create", "key": "SO1", "times": 1, "effect": "lost_answer"})
    await relay.send(paid("SO1"))
    await relay.result("order.push.succeeded", "SO1")
    order = await relay.box.order("SO1")
    assert order["creates"] == 1
    assert order["duplicates_refused"] == 1
    assert len(set(order["body_digests"])) == 1


async def test_a_duplicate_refusal_that_is_not_ours_is_refused(relay: Relay) -> None:
    await relay.box.add_fault(
        {"call": "ylh.create", "key": "SO1", "effect": "refuse", "code": "E1", "message": "子单号重复，请勿重复推送"}
    )
    await relay.send(paid("SO1"))
    failed = await relay.result("order.push.failed", "SO1")
    assert failed["data"]["error"]["code"] == "already_at_supplier"
    assert failed["data"]["state"] == "new"


async def test_a_refusal_is_final_told_verbatim_and_in_the_ledger(relay: Relay) -> None:
    await relay.box.add_fault(
        {"call": "ylh.create", "key": "SO1", "effect": "refuse", "code": "E42", "message": "商品不可售"}
    )
    await relay.send(paid("SO1"))
    failed = await relay.result("order.push.failed", "SO1")
    assert failed["data"]["error"]["class"] == "rejected"
    assert failed["data"]["error"]["supplier_message"] == "商品不可售"
    assert failed["data"]["error"]["retriable"] is False
    (letter,) = await relay.store.open_letters(10)
    assert letter.subject == "SO1"
    assert letter.supplier_code == "E42"
    assert (await relay.box.order("SO1"))["create_calls"] == 1


async def test_a_refused_version_may_be_sent_again(relay: Relay) -> None:
    await relay.box.add_fault(
        {"call": "ylh.create", "key": "SO1", "times": 1, "effect": "refuse", "code": "E42", "message": "商品不可售"}
    )
    await relay.send(paid("SO1", event_id="A"))
    await relay.result("order.push.failed", "SO1")
    await relay.send(paid("SO1", event_id="B"))
    result = await relay.result("order.push.succeeded", "SO1")
    assert result["data"]["sequence"] == 2


async def test_attempts_used_up_is_a_dead_letter_that_is_told(relay: Relay) -> None:
    await relay.box.add_fault({"call": "ylh.create", "key": "SO1", "effect": "status", "status": 503})
    await relay.send(paid("SO1"))
    dead = await relay.result("event.dead_lettered", "SO1")
    assert dead["data"]["error"]["class"] == "unknown_outcome"
    assert dead["data"]["attempts"] == 4
    (letter,) = await relay.store.open_letters(10)
    assert letter.id == dead["data"]["dead_letter_id"]
    assert letter.lane == "relay.orders"
    order = await relay.store.orders(["SO1"])
    assert order["SO1"].intent is not None
    assert order["SO1"].intent.unanswered


async def test_a_cancel_after_the_push_is_accepted(relay: Relay) -> None:
    await relay.send(paid("SO1"))
    await relay.result("order.push.succeeded", "SO1")
    await relay.send(cancelled("SO1"))
    accepted = await relay.result("order.cancel.accepted", "SO1")
    assert accepted["data"]["state"] == "cancelling"
    assert (await relay.box.order("SO1"))["cancels"] == 1


async def test_a_cancel_that_overtakes_its_create_makes_no_create(relay: Relay) -> None:
    await relay.send(cancelled("SO1"))
    done = await relay.result("order.cancel.succeeded", "SO1")
    assert done["data"]["at_supplier"] is False
    await relay.send(paid("SO1"))
    await relay.result("order.superseded", "SO1")
    assert (await relay.box.order("SO1"))["create_calls"] == 0


async def test_a_cancel_clears_up_a_create_whose_outcome_is_unknown(relay: Relay) -> None:
    await relay.box.add_fault({"call": "ylh.create", "key": "SO1", "times": 8, "effect": "lost_answer"})
    await relay.send(paid("SO1"))
    await relay.result("event.dead_lettered", "SO1")
    await relay.send(cancelled("SO1"))
    await relay.result("order.cancel.accepted", "SO1")
    order = await relay.box.order("SO1")
    assert order["creates"] == 1
    assert order["cancels"] == 1


async def test_a_newer_version_with_other_content_cannot_change_a_pushed_order(relay: Relay) -> None:
    await relay.send(paid("SO1"))
    await relay.result("order.push.succeeded", "SO1")
    await relay.send(paid("SO1", version=2, remark="请送货前打电话"))
    failed = await relay.result("order.push.failed", "SO1")
    assert failed["data"]["error"]["code"] == "already_pushed"
    await relay.send(paid("SO1", version=3))
    superseded = await relay.result("order.superseded", "SO1")
    assert superseded["data"]["applied_version"] == 1


async def test_what_the_books_say_is_told_without_a_call(relay: Relay) -> None:
    status = paid("SO1")
    status.update(type="order.status.requested", id="S1", data={"so_id": "SO1"})
    await relay.send(status)
    nobody = await relay.result("order.status.reported", "SO1")
    assert (nobody["data"]["state"], nobody["data"]["sequence"]) == (None, 0)

    await relay.send(paid("SO1", distribution_on="2026-12-01"))
    await relay.result("order.push.succeeded", "SO1")
    await relay.send({**status, "id": "S2"})
    told = await relay.result("order.status.reported", "SO1", count=2)
    assert (told["data"]["state"], told["data"]["sequence"]) == ("pushed", 2)
    assert told["data"]["distribution_on"] == "2026-12-01"
    assert told["data"]["at_supplier"] is True


async def test_new_days_end_at_one_second_before_midnight_in_china(relay: Relay) -> None:
    await relay.send(paid("SO1"))
    await relay.result("order.push.succeeded", "SO1")
    await relay.send(_rescheduled("SO1", 2, distribution_on="2026-12-01"))
    told = await relay.result("order.reschedule.succeeded", "SO1")
    assert (told["data"]["distribution_on"], told["data"]["install_on"]) == ("2026-12-01", None)
    order = await relay.box.order("SO1")
    # 2026-12-01T23:59:59+08:00
    assert (order["distribution_time"], order["install_time"]) == ("1796140799000", None)

    await relay.send(_rescheduled("SO1", 1, install_on="2026-12-02"))
    assert (await relay.result("order.superseded", "SO1"))["data"]["applied_version"] == 2


async def test_new_days_that_come_before_their_order_go_along_with_it(relay: Relay) -> None:
    await relay.send(_rescheduled("SO1", 5, install_on="2026-12-03"), _rescheduled("SO1", 4, install_on="2026-12-02"))
    assert (await relay.result("order.superseded", "SO1"))["data"]["version"] == 4
    await relay.send(paid("SO1", version=3, distribution_on="2026-12-01"))
    told = await relay.result("order.reschedule.succeeded", "SO1")
    assert told["correlationid"] == "moved-SO1-5"
    order = await relay.box.order("SO1")
    assert (order["distribution_time"], order["install_time"]) == ("1796140799000", "1796313599000")
    assert order["reschedule_calls"] == 0
    books = (await relay.store.orders(["SO1"]))["SO1"]
    assert (books.applied_version, books.held) == (5, ())


def _rescheduled(so_id: str, version: int, **days: str) -> dict[str, Any]:
    document = paid(so_id)
    document.update(
        type="order.rescheduled",
        id=f"moved-{so_id}-{version}",
        data={"so_id": so_id, "version": version, **days},
    )
    return document


async def test_an_outage_of_the_account_pauses_the_lane_and_loses_nothing(relay: Relay) -> None:
    await relay.box.add_fault({"call": "ylh.create", "times": 1, "effect": "status", "status": 404})
    await relay.send(*[paid(f"SO{number}") for number in range(20)])
    assert relay.wiring is not None
    board = relay.wiring.pauses
    await relay.until(lambda: bool(board.pauses()))
    await eventually(partial(_nothing_is_under_way, relay, [f"SO{number}" for number in range(20)]))
    # A person would wait for the probe; a test moves its time forward.
    board._clock = lambda: time.monotonic() + 10**6
    board._tell("ylh", Change.RESTS)
    await relay.until(lambda: len(relay.of("order.push.succeeded")) == 20, within=30)
    assert (await relay.box.summary())["doubled"] == 0


async def _nothing_is_under_way(relay: Relay, so_ids: list[str]) -> bool:
    orders = await relay.store.orders(so_ids)
    return all(one.state in {OrderState.NEW, OrderState.PUSHED} for one in orders.values())


async def test_what_others_misroute_is_answered(relay: Relay) -> None:
    document = paid("SO1")
    answers = await relay.publisher.publish_many([message(document, routing_key="orders.paid")])
    assert answers == [None]
    rejected = await relay.result("event.rejected")
    assert rejected["data"]["errors"][0]["field"] == "type"


async def test_a_cancel_asks_ylh_when_ylh_has_the_order_from_elsewhere(relay: Relay) -> None:
    await relay.box.add_fault(
        {"call": "ylh.create", "key": "SO2", "effect": "refuse", "code": "E1", "message": "子单号重复，请勿重复推送"}
    )
    await relay.send(paid("SO2"))
    await relay.result("order.push.failed", "SO2")
    await relay.send(cancelled("SO2"))
    await relay.result("order.cancel.succeeded", "SO2")
    assert (await relay.box.order("SO2"))["cancel_calls"] == 1


async def test_no_subject_is_no_way_round_taking_turns(relay: Relay) -> None:
    documents = [paid("SO1"), cancelled("SO1")]
    for document in documents:
        del document["subject"]
    await relay.send(*documents)
    await relay.until(lambda: bool(relay.of("order.cancel.accepted") or relay.of("order.superseded")))
    assert (await relay.box.summary())["doubled"] == 0
