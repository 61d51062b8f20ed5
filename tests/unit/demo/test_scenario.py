"""The demo's two hundred events are what its summary claims, and valid ones are valid."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter

from ops.demo.answers import (
    ANSWERED_BEFORE_THE_CALL,
    CALLBACKS,
    INTERCEPTED,
    OUT_OF_STOCK_FIRST,
    SETTLED,
    TURNED_DOWN,
)
from ops.demo.events import Cancelled, GoodsSync, Malformed, Paid, Rescheduled, StatusAsked
from ops.demo.faults import FaultName
from ops.demo.scenario import (
    AN_ORDER_WHOSE_NEW_DAYS_WAITED,
    AN_ORDER_WITH_A_LOST_ANSWER,
    EVENTS,
    Fate,
    Planned,
    Scenario,
    build,
    so_id_of,
)
from ops.demo.stage import RETRY_DELAYS
from publishers.making import Attributes, make_event, sendable_body
from rabbitmq.delays import parse_delays
from sandbox.callback_config import CallbackConfig
from sandbox.catalogue import product
from sandbox.fate import Decision, Fates
from sandbox.faults import Rule
from sandbox.lots import Lots
from schemas.codec import decode
from schemas.faults import InvalidEvent

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return build(NOW)


def test_there_are_two_hundred_of_the_promised_kinds(scenario: Scenario) -> None:
    assert len(scenario.events) == EVENTS
    assert scenario.kinds() == {
        "order.paid": 168,
        "order.cancelled": 4,
        "order.rescheduled": 3,
        "order.status.requested": 1,
        "sync.products.requested": 1,
        "repeated": 20,
        "malformed": 3,
    }


def test_every_way_to_end_is_there(scenario: Scenario) -> None:
    fates = Counter(event.fate for event in scenario.firsts())
    assert fates == {
        Fate.PUSHED: 160,
        Fate.REFUSED: 5,
        Fate.PARKED: 2,
        Fate.SUPERSEDED: 1,
        Fate.CANCEL_TAKEN: 3,
        Fate.CANCELLED_UNSEEN: 1,
        Fate.REJECTED: 3,
        Fate.SYNCED: 1,
        Fate.MOVED: 3,
        Fate.REPORTED: 1,
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
            case Rescheduled() as moved:
                type_, values = "order.rescheduled", moved.arguments()
            case StatusAsked(so_id):
                type_, values = "order.status.requested", {"so_id": so_id}
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


def test_one_order_gets_new_days_long_before_it_comes_and_another_while_its_answer_is_lost(scenario: Scenario) -> None:
    places = {event.event_id: place for place, event in enumerate(scenario.events)}
    moved = [event for event in scenario.events if isinstance(event.payload, Rescheduled)]
    ahead = [places[f"paid-{event.so_id}-1"] - places[event.event_id] for event in moved]
    assert [distance > 50 for distance in ahead] == [False, False, True]
    lost = next(fault for fault in scenario.faults if fault.name is FaultName.LOST_ANSWER)
    waiting = [event.so_id for event in moved if str(event.so_id) in str(lost.rule["pattern"])]
    assert waiting == [AN_ORDER_WHOSE_NEW_DAYS_WAITED]


@pytest.fixture(scope="module")
def callbacks() -> CallbackConfig:
    return CallbackConfig.model_validate({**CALLBACKS, "url": "http://127.0.0.1:1/"})


def test_what_ylh_decides_of_each_order_is_what_the_scenario_knows(
    scenario: Scenario, callbacks: CallbackConfig
) -> None:
    decided = decisions(scenario, Fates(callbacks))
    assert decided == scenario.states
    assert Counter(decided.values()) == {"confirmed": 154, "refused": 1, "cancelled": 4, "settled": 1}


def decisions(scenario: Scenario, fates: Fates) -> dict[str, str]:
    cancelled = {event.so_id for event in scenario.firsts() if event.fate is Fate.CANCEL_TAKEN}
    pushed = [event.so_id for event in scenario.firsts() if event.fate is Fate.PUSHED and event.so_id is not None]
    return {
        so_id: (fates.of_cancel(so_id, 1) if so_id in cancelled else fates.of_create(so_id))[-1].decision.value
        for so_id in pushed
    }


def test_each_thing_that_ylh_may_say_is_said_of_the_order_that_is_named_for_it(callbacks: CallbackConfig) -> None:
    fates = Fates(callbacks)

    def said(number: int) -> list[Decision]:
        return [turn.decision for turn in fates.of_create(so_id_of(number))]

    assert said(TURNED_DOWN) == [Decision.REFUSED]
    assert said(OUT_OF_STOCK_FIRST) == [Decision.OUT_OF_STOCK, Decision.CONFIRMED]
    assert said(INTERCEPTED) == [Decision.CONFIRMED, Decision.CANCELLED]
    assert said(SETTLED) == [Decision.CONFIRMED, Decision.SETTLED]


def test_repeated_forged_and_early_callbacks_are_there(scenario: Scenario, callbacks: CallbackConfig) -> None:
    lots = Lots(callbacks.seed)
    early = {so_id for so_id in scenario.states if lots.hit(callbacks.early, so_id, "early")}
    assert early == {so_id_of(number) for number in ANSWERED_BEFORE_THE_CALL}
    for share, what in ((callbacks.forged, "forged"), (callbacks.twice, "twice")):
        assert any(lots.hit(share, so_id, "confirm", 1, what) for so_id in scenario.states)


def test_a_lost_create_is_sent_again_before_ylh_speaks_of_it(scenario: Scenario, callbacks: CallbackConfig) -> None:
    """Else two runs would not show the same. Where the answer is lost at the second call, the longer rung follows."""
    first, second = (delay.total_seconds() for delay in parse_delays(RETRY_DELAYS))
    stubborn = [fault for fault in scenario.faults if fault.name is FaultName.LOST_ANSWER][1]
    fates = Fates(callbacks)
    for so_id in scenario.states:
        rung = second if re.fullmatch(str(stubborn.rule["pattern"]), so_id) else first
        assert fates.of_create(so_id)[0].after > rung + 0.4


def test_two_runs_do_the_same(scenario: Scenario) -> None:
    assert build(NOW) == scenario
