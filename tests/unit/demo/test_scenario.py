"""The demo's two hundred events are what its summary claims, and valid ones are valid."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter

from ops.demo.events import Cancelled, GoodsSync, Malformed, Paid
from ops.demo.scenario import AN_ORDER_WITH_A_LOST_ANSWER, EVENTS, Fate, FaultName, Planned, Scenario, build
from publishers.making import Attributes, make_event, sendable_body
from sandbox.catalogue import product
from sandbox.faults import Rule
from schemas.codec import decode
from schemas.faults import InvalidEvent

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return build(NOW)


def test_there_are_two_hundred_of_the_promised_kinds(scenario: Scenario) -> None:
    assert len(scenario.events) == EVENTS
    assert scenario.kinds() == {
        "order.paid": 172,
        "order.cancelled": 4,
        "sync.products.requested": 1,
        "repeated": 20,
        "malformed": 3,
    }


def test_every_way_to_end_is_there(scenario: Scenario) -> None:
    fates = Counter(event.fate for event in scenario.firsts())
    assert fates == {
        Fate.PUSHED: 164,
        Fate.REFUSED: 5,
        Fate.PARKED: 2,
        Fate.SUPERSEDED: 1,
        Fate.CANCEL_TAKEN: 3,
        Fate.CANCELLED_UNSEEN: 1,
        Fate.REJECTED: 3,
        Fate.SYNCED: 1,
    }


def test_a_repeat_is_the_same_event_and_comes_after_it(scenario: Scenario) -> None:
    seen: dict[str, Planned] = {}
    for event in scenario.events:
        if event.is_repeat:
            assert seen[event.event_id].payload == event.payload
        else:
            assert event.event_id not in seen
            seen[event.event_id] = event


def test_what_waits_waits_for_an_event_that_is_sent_before_it(scenario: Scenario) -> None:
    sent: set[str] = set()
    for event in scenario.events:
        assert event.after is None or event.after in sent
        sent.add(event.event_id)


def test_the_client_takes_all_that_is_valid(scenario: Scenario) -> None:
    for event in scenario.firsts():
        match event.payload:
            case Paid() as paid:
                type_, values = "order.paid", paid.arguments()
            case Cancelled() as cancelled:
                type_, values = "order.cancelled", cancelled.arguments()
            case GoodsSync(codes):
                type_, values = "sync.products.requested", {"product_codes": codes}
            case Malformed():
                continue
        sendable_body(make_event(type_, values, source="/shop", attributes=Attributes(event_id=event.event_id)))


def test_each_malformed_event_has_its_own_fault(scenario: Scenario) -> None:
    fields = []
    for event in scenario.events:
        if isinstance(event.payload, Malformed):
            with pytest.raises(InvalidEvent) as caught:
                decode(event.payload.body, routing_key=event.payload.routing_key)
            assert event.payload.field in [error.field for error in caught.value.errors]
            fields.append(event.payload.field)
    assert fields == ["body", "data.total_amount", "type"]


def test_the_sandbox_takes_the_rules_and_no_call_meets_two_that_contradict(scenario: Scenario) -> None:
    rules = TypeAdapter(list[Rule]).validate_python([dict(fault.rule) for fault in scenario.faults])
    for event in scenario.firsts():
        if isinstance(event.payload, Paid):
            hits = [rule.effect for rule in rules if rule.hits("ylh.create", (event.payload.so_id,))]
            assert ("refuse" in hits) == (event.fate is Fate.REFUSED and product_is_sold(event.payload.product_code))
            assert len(hits) <= 2


def product_is_sold(code: str) -> bool:
    return product(int(code.removeprefix("BX")) - 1).procurable


def test_orders_are_for_goods_that_are_sold_but_for_those_that_have_to_be_refused(scenario: Scenario) -> None:
    for event in scenario.firsts():
        if isinstance(event.payload, Paid) and not product_is_sold(event.payload.product_code):
            assert event.fate is Fate.REFUSED


def test_the_example_of_a_lost_answer_is_one(scenario: Scenario) -> None:
    (rule,) = (
        fault.rule
        for fault in scenario.faults
        if fault.name is FaultName.LOST_ANSWER and AN_ORDER_WITH_A_LOST_ANSWER in str(fault.rule["pattern"])
    )
    assert rule["effect"] == "lost_answer"


def test_two_runs_do_the_same(scenario: Scenario) -> None:
    assert build(NOW) == scenario
