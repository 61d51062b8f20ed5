"""Whatever reaches a dead-letter queue is filed: a letter that cannot be written must not circle for ever.

Such a letter circles without a pause; after a million returns the queue's delivery limit drops it, which loses it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from publishers.outgoing import Outgoing
from tests.support.events import message, paid
from tests.support.relay import eventually, serving, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.support.relay import Relay


@pytest.fixture
async def relay(amqp_url: str, database_url: str) -> AsyncIterator[Relay]:
    """A running system."""
    async with system(amqp_url, database_url) as idle, serving(idle):
        yield idle


async def _is_filed(relay: Relay, within: float = 3) -> None:
    async def filed() -> bool:
        return bool(await relay.store.open_letters(1))

    await eventually(filed, within=within)


def _note(**changes: Any) -> dict[str, Any]:
    return {"x-relay-error": json.dumps({"error_class": "bug", "code": "x", "message": "m", **changes})}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "message_id",
    [
        pytest.param("m" * 200, id="longer than an event's id may be"),
        pytest.param("a\x00b", id="NUL"),
        pytest.param(" ", id="blank"),
        pytest.param("m" * 128, id="as long as an event's id may be"),
        pytest.param(None, id="none"),
    ],
)
async def test_an_unreadable_body_is_rejected_whatever_its_message_id(relay: Relay, message_id: str | None) -> None:
    await relay.publisher.publish(
        Outgoing(exchange="relay.events", routing_key="order.paid", body=b"{", message_id=message_id)
    )
    await _is_filed(relay)
    await relay.result("event.rejected")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_rejected_event_is_filed_although_its_history_is_nested_too_deep(relay: Relay) -> None:
    await relay.publisher.publish(message(paid("SO1", version=0), headers={"x-relay-history": "[" * 90_000}))
    await _is_filed(relay)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_ledger_can_be_read_although_a_header_names_a_time_before_the_calendar(relay: Relay) -> None:
    headers = {"x-relay-first-seen": "0001-01-01T00:00:00+14:00"}
    await relay.publisher.publish(message(paid("SO1", version=0), headers=headers))
    await relay.result("event.rejected")
    await _is_filed(relay)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_dead_letter_is_filed_whatever_its_attempt(relay: Relay) -> None:
    await relay.box.add_fault({"call": "ylh.create", "effect": "status", "status": 503})
    asked = paid("SO1")
    await relay.publisher.publish(message(asked, headers={"x-relay-attempt": 2**60}))
    await _is_filed(relay)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_rejected_event_is_filed_whatever_its_attempt_on_postgresql(relay: Relay) -> None:
    await relay.publisher.publish(message(paid("SO1", version=0), headers={"x-relay-attempt": 2**40}))
    await _is_filed(relay)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"x-relay-error": "[" * 90_000}, id="nested too deep"),
        pytest.param(_note(code=5, message=6), id="numbers for texts"),
        pytest.param(_note(code="Bad Code"), id="code of another style"),
        pytest.param(_note(message="m" * 3000), id="longer than a result may be"),
        pytest.param({"x-death": ["x"]}, id="x-death of texts"),
    ],
)
async def test_a_letter_is_filed_whatever_is_noted_on_it(relay: Relay, headers: Mapping[str, Any]) -> None:
    body = json.dumps(paid("SO1")).encode()
    letter = Outgoing(exchange="", routing_key="relay.orders.dlq", body=body, message_id="M1", headers=headers)
    await relay.publisher.publish(letter)
    await _is_filed(relay)


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("headers", [{}, {"x-relay-error": "5"}, {"x-relay-attempt": "abc"}, {"x-relay-attempt": -1}])
async def test_a_letter_that_says_nothing_useful_is_filed(relay: Relay, headers: Mapping[str, Any]) -> None:
    body = json.dumps(paid("SO1")).encode()
    letter = Outgoing(exchange="", routing_key="relay.orders.dlq", body=body, message_id="M1", headers=headers)
    await relay.publisher.publish(letter)
    await _is_filed(relay)
    assert (await relay.store.open_letters(1))[0].subject == "SO1"
