"""Reading our own headers: whatever a publisher or a broker puts there, something usable comes out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.domain import delivery as headers
from consumer.domain.delivery import Delivery
from consumer.domain.letters import headers_as_json

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def delivery(given_headers: dict[str, Any] | None = None, *, routing_key: str = "order.paid") -> Delivery:
    return Delivery("relay.orders", b"{}", routing_key, given_headers or {}, "m1", "application/json", NOW)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.just(NOW),
    st.just(Decimal("NaN")),
)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=5), SCALARS, max_size=2)
OURS = st.sampled_from(
    [
        headers.ATTEMPT,
        headers.ROUTING_KEY,
        headers.HISTORY,
        headers.FIRST_SEEN,
        headers.SNOOZED,
        headers.DELIVERY_COUNT,
    ]
)
HOSTILE = st.dictionaries(OURS | st.text(max_size=5), VALUES, max_size=6)


@settings(max_examples=60)
@given(HOSTILE)
def test_hostile_headers_are_read_without_an_error(given_headers: dict[str, Any]) -> None:
    found = delivery(given_headers)
    assert found.attempt >= 1
    assert type(found.attempt) is int
    assert isinstance(found.delivery_count, int)
    assert timedelta(0) <= found.snoozed <= timedelta(milliseconds=10**12)
    assert isinstance(found.event_routing_key, str)
    assert found.event_routing_key
    assert found.first_seen.tzinfo is not None
    assert isinstance(NOW - found.first_seen, timedelta)
    assert all(isinstance(entry, dict) for entry in found.history)
    json.loads(headers_as_json(found))


@pytest.mark.parametrize(
    ("value", "attempt"),
    [(1, 1), (3, 3), (0, 1), (-5, 1), (True, 1), (False, 1), ("2", 1), (b"2", 1), (2.0, 1), (None, 1), ([2], 1)],
)
def test_an_attempt_that_is_not_ours_counts_as_the_first(value: object, attempt: int) -> None:
    assert delivery({headers.ATTEMPT: value}).attempt == attempt


def test_an_attempt_fits_into_the_ledger() -> None:
    assert delivery({headers.ATTEMPT: 2**40}).attempt < 2**31


@pytest.mark.parametrize(("value", "count"), [(None, 0), (4, 4), ("4", 0), (b"4", 0), (4.0, 0), ([], 0)])
def test_the_delivery_count_is_the_brokers_number(value: object, count: int) -> None:
    given_headers = {} if value is None else {headers.DELIVERY_COUNT: value}
    assert delivery(given_headers).delivery_count == count


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("2026-11-21T02:00:00+00:00", NOW - timedelta(days=1)),
        (b"2026-11-21T02:00:00+00:00", NOW - timedelta(days=1)),
        ("2026-11-21T10:00:00+08:00", NOW - timedelta(days=1)),
        ("2026-11-21T02:00:00", NOW - timedelta(days=1)),
        ("yesterday", NOW),
        (1_763_776_800, NOW),
        (None, NOW),
    ],
)
def test_when_it_was_seen_first(value: object, seen: datetime) -> None:
    assert delivery({headers.FIRST_SEEN: value}).first_seen == seen


def test_the_first_routing_key_counts_after_a_round_trip() -> None:
    returned = delivery({headers.ROUTING_KEY: "order.paid"}, routing_key="relay.orders")
    assert returned.event_routing_key == "order.paid"
    assert delivery({headers.ROUTING_KEY: b"order.paid"}, routing_key="relay.orders").event_routing_key == "order.paid"
    assert delivery({}, routing_key="order.cancelled").event_routing_key == "order.cancelled"
    assert delivery({headers.ROUTING_KEY: ""}).event_routing_key == "order.paid"


def test_a_publisher_cannot_pass_an_event_off_as_one_that_it_may_not_send() -> None:
    forged = delivery({headers.ROUTING_KEY: "supplier.callback.confirmed"}, routing_key="order.paid")
    assert forged.event_routing_key == "order.paid"


def test_a_history_of_endless_brackets_is_no_history() -> None:
    assert delivery({headers.HISTORY: "[" * 100_000}).history == []


@pytest.mark.parametrize("text", ["", "no JSON", "{}", "1", "null", '[1, "a", null]', b"\xff\xfe"])
def test_a_history_that_is_not_ours_is_empty(text: object) -> None:
    assert delivery({headers.HISTORY: text}).history == []
