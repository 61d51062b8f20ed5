"""One message with hostile properties harms no neighbour, and itself ends somewhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiormq.abc import ChannelFrame
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from rabbitmq.connection import connect
from tests.support.events import event, message, paid
from tests.support.relay import serving, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.relay import Relay

_MARK_TIME = datetime(2026, 1, 1, tzinfo=UTC)
_TIME = b"T" + int(_MARK_TIME.timestamp()).to_bytes(8, "big")


@pytest.fixture
async def relay(amqp_url: str, tmp_path: Any) -> AsyncIterator[Relay]:
    """A running system on SQLite."""
    async with (
        system(amqp_url, f"sqlite+aiosqlite:///{tmp_path}/relay.db", RELAY_SHUTDOWN_TIMEOUT="1s") as idle,
        serving(idle),
    ):
        yield idle


async def _publish_raw(url: str, properties: Basic.Properties, old: bytes, new: bytes) -> None:
    """Publish an ``order.paid`` whose header frame holds ``new`` where ours would write ``old``, as long as it."""
    body = json.dumps(paid("BAD")).encode()
    connection = await connect(url, name="test: another client")
    assert connection.transport is not None
    channel = await connection.transport.connection.channel(publisher_confirms=False)
    number = channel.number
    header = frame.marshal(ContentHeader(body_size=len(body), properties=properties), number)
    assert old in header
    assert len(old) == len(new)
    publish = frame.marshal(Basic.Publish(exchange="relay.events", routing_key="order.paid"), number)
    content = frame.marshal(ContentBody(body), number)
    await cast("Any", channel).write_queue.put(
        ChannelFrame(publish + header.replace(old, new) + content, should_close=False)
    )
    await channel.queue_declare("relay.orders", passive=True)  # an answer: the publish before it has been read
    await connection.close()


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("properties", "old", "new"),
    [
        pytest.param(
            Basic.Properties(message_id="MARKER", delivery_mode=2), b"MARKER", b"MAR\xff\xfeR", id="message_id"
        ),
        pytest.param(
            Basic.Properties(headers={"MARKER": "x"}, delivery_mode=2),
            b"MARKER",
            b"MAR\xff\xfeR",
            id="name of a header",
        ),
        pytest.param(
            Basic.Properties(headers={"n": _MARK_TIME}, delivery_mode=2),
            _TIME,
            b"T\x7f\xff\xff\xff\xff\xff\xff\xff",
            id="a time far away",
        ),
    ],
)
async def test_properties_that_cannot_be_decoded_stop_no_lane(
    relay: Relay, amqp_url: str, properties: Basic.Properties, old: bytes, new: bytes
) -> None:
    await _publish_raw(amqp_url, properties, old, new)
    await relay.send(*[paid(f"SO{number}") for number in range(10)])
    await relay.until(lambda: len(relay.of("order.push.succeeded")) >= 11, within=8)
    assert relay.of("order.push.succeeded", "BAD")


async def test_a_routing_key_that_is_no_text_is_refused(relay: Relay, amqp_url: str) -> None:
    body = json.dumps(paid("BAD")).encode()
    connection = await connect(amqp_url, name="test: another client")
    assert connection.transport is not None
    channel = await connection.transport.connection.channel(publisher_confirms=False)
    publish = frame.marshal(Basic.Publish(exchange="relay.events", routing_key="order.MARK"), channel.number)
    header = frame.marshal(ContentHeader(body_size=len(body), properties=Basic.Properties()), channel.number)
    content = frame.marshal(ContentBody(body), channel.number)
    raw = publish.replace(b"MARK", b"\xff\xfe\xfd\xfc") + header + content
    await cast("Any", channel).write_queue.put(ChannelFrame(raw, should_close=False))
    await channel.queue_declare("relay.orders", passive=True)
    await connection.close()
    await relay.send(paid("SO1"))
    await relay.result("order.push.succeeded", "SO1")
    await relay.until(lambda: bool(relay.of("event.rejected")), within=8)


async def test_a_header_value_that_is_not_utf_8_is_carried(relay: Relay, amqp_url: str) -> None:
    properties = Basic.Properties(headers={"n": "MARKER"}, delivery_mode=2)
    await _publish_raw(amqp_url, properties, b"MARKER", b"MAR\xff\xfeR")
    await relay.result("order.push.succeeded", "BAD")


@pytest.mark.timeout(60)
async def test_a_message_with_headers_as_large_as_a_frame_can_be_sent_on(relay: Relay) -> None:
    await relay.publisher.publish(message(paid("SO1", version=0), headers={"x-shop": "x" * 130_800}))
    await relay.until(lambda: bool(relay.of("event.rejected")), within=8)


async def test_a_publisher_cannot_lie_about_the_routing_key(relay: Relay) -> None:
    # The broker's rights hold for the routing key that it sees: with this, a user who may write order.* alone has a
    # sync done, or sends what is said to be a supplier's callback.
    lie = message(
        event("sync.products.requested", {"product_codes": ["BX0000001"]}, event_id="S1"),
        routing_key="order.paid",
        headers={"x-relay-routing-key": "sync.products.requested"},
    )
    await relay.publisher.publish(lie)
    await relay.until(lambda: bool(relay.results), within=5)
    assert relay.of("event.rejected")


async def test_a_delivery_count_of_the_publisher_convicts_nobody(relay: Relay) -> None:
    await relay.publisher.publish(message(paid("SO1"), headers={"x-delivery-count": 19}))
    await relay.result("order.push.succeeded", "SO1")
