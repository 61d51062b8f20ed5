"""The broker's shape, against what DESIGN section 3 fixes."""

from __future__ import annotations

from typing import Any

import pytest

from rabbitmq.delays import InvalidDelay, parse_delays
from rabbitmq.topology import LANES, Topology, lane, retry_queue
from schemas.registry import INBOUND

TOPOLOGY = Topology.build()
QUEUES = {queue.name: dict(queue.arguments) for queue in TOPOLOGY.queues}
EXCHANGES = {exchange.name: exchange for exchange in TOPOLOGY.exchanges}


def _matches(pattern: str, routing_key: str) -> bool:
    """A topic pattern with ``*`` alone: word by word."""
    words, parts = routing_key.split("."), pattern.split(".")
    return len(words) == len(parts) and all(part in {"*", word} for part, word in zip(parts, words, strict=True))


def _lanes_for(routing_key: str) -> list[str]:
    return [known.name for known in LANES for pattern in known.bindings if _matches(pattern, routing_key)]


def test_names_are_those_that_other_programs_know() -> None:
    assert set(QUEUES) == {
        "relay.orders",
        "relay.callbacks",
        "relay.catalog",
        "relay.logistics",
        "relay.orders.dlq",
        "relay.callbacks.dlq",
        "relay.catalog.dlq",
        "relay.logistics.dlq",
        "relay.retry.5s",
        "relay.retry.30s",
        "relay.retry.2m",
        "relay.retry.10m",
        "relay.retry.1h",
        "relay.unroutable",
        "relay.results.unclaimed",
    }
    assert {"relay.events", "relay.results", "relay.return"} <= set(EXCHANGES)


@pytest.mark.parametrize("type_", sorted(INBOUND))
def test_every_event_of_the_contract_reaches_exactly_one_lane(type_: str) -> None:
    assert len(_lanes_for(type_)) == 1


@pytest.mark.parametrize(
    ("routing_key", "expected"),
    [
        ("order.paid", ["relay.orders"]),
        ("order.status.requested", ["relay.orders"]),
        ("supplier.callback.out_of_stock", ["relay.callbacks"]),
        ("sync.balance.requested", ["relay.catalog"]),
        ("catalog.batch.products", ["relay.catalog"]),
        ("sync.logistics.requested", ["relay.logistics"]),
        ("order.push.succeeded", []),
        ("sync.everything.requested", []),
    ],
)
def test_routing_keys_reach_their_lane_or_none(routing_key: str, expected: list[str]) -> None:
    assert _lanes_for(routing_key) == expected


def test_every_queue_is_a_quorum_queue_and_none_has_an_unlimited_delivery_limit() -> None:
    assert {arguments["x-queue-type"] for arguments in QUEUES.values()} == {"quorum"}
    assert all(arguments.get("x-delivery-limit", 1) > 0 for arguments in QUEUES.values())  # type: ignore[operator]


def test_lanes_give_up_after_twenty_returns_and_parked_messages_practically_never() -> None:
    assert {QUEUES[known.name]["x-delivery-limit"] for known in LANES} == {20}
    parked = [known.dlq for known in LANES] + ["relay.unroutable"]
    assert {QUEUES[name]["x-delivery-limit"] for name in parked} == {1_000_000}


def test_every_dead_letter_hop_is_at_least_once() -> None:
    hops = [arguments for arguments in QUEUES.values() if "x-dead-letter-exchange" in arguments]

    assert len(hops) == len(LANES) + len(TOPOLOGY.retries)
    for arguments in hops:
        assert arguments["x-dead-letter-strategy"] == "at-least-once"
        assert arguments["x-overflow"] == "reject-publish"


def test_no_queue_is_dead_lettered_from_the_end_of_the_line() -> None:
    for name in [*(known.dlq for known in LANES), "relay.unroutable", "relay.results.unclaimed"]:
        assert "x-dead-letter-exchange" not in QUEUES[name]


def test_a_retry_waits_by_its_queue_and_comes_back_by_its_own_routing_key() -> None:
    arguments: dict[str, Any] = QUEUES["relay.retry.2m"]

    assert arguments["x-message-ttl"] == 120_000
    assert arguments["x-dead-letter-exchange"] == "relay.return"
    assert "x-dead-letter-routing-key" not in arguments


def test_unclaimed_results_are_bounded_and_never_hold_up_a_publisher() -> None:
    arguments: dict[str, Any] = QUEUES["relay.results.unclaimed"]

    assert arguments["x-message-ttl"] == 7 * 24 * 3600 * 1000
    assert arguments["x-max-length-bytes"] > 0
    assert arguments["x-overflow"] == "drop-head"


def test_an_alternate_exchange_is_declared_before_the_exchange_that_names_it() -> None:
    declared: set[str] = set()
    for exchange in TOPOLOGY.exchanges:
        alternate = exchange.arguments.get("alternate-exchange")
        assert alternate is None or alternate in declared
        declared.add(exchange.name)


def test_bindings_speak_only_of_what_is_declared() -> None:
    for binding in TOPOLOGY.bindings:
        assert binding.exchange in EXCHANGES
        assert binding.queue in QUEUES


def test_the_ladder_comes_from_the_delays() -> None:
    topology = Topology.build(parse_delays("200ms,90s"))

    assert [retry.name for retry in topology.retries] == ["relay.retry.200ms", "relay.retry.90s"]
    assert retry_queue(topology.retries[0].delay) == "relay.retry.200ms"


def test_a_ladder_that_does_not_climb_is_refused() -> None:
    with pytest.raises(InvalidDelay, match="longer"):
        Topology.build(parse_delays("5s")[::-1] * 2)


def test_a_lane_is_found_by_name_and_an_unknown_one_is_told_with_the_known() -> None:
    assert lane("relay.catalog").suppliers == ("haier",)
    with pytest.raises(KeyError, match=r"relay\.orders, relay\.callbacks"):
        lane("relay.nothing")
