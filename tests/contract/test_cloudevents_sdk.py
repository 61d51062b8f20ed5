"""The official CloudEvents SDK reads what we write, and we read what it writes, in structured mode."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_rabbitmq_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

import schemas
from schemas.codec import CONTENT_TYPE, decode, encode
from schemas.events import OrderStatusRequested, SyncBalanceRequested

EXAMPLES = Path(schemas.__file__).parent / "examples"
VALID = sorted(str(path.relative_to(EXAMPLES)) for path in EXAMPLES.glob("*/valid-*.json"))


@pytest.mark.parametrize("path", VALID)
def test_the_sdk_reads_what_we_write_and_writes_what_we_read(path: str) -> None:
    ours = decode((EXAMPLES / path).read_bytes())
    written = encode(ours)
    theirs = from_rabbitmq_event(RabbitMQMessage(headers={}, content_type=CONTENT_TYPE, body=written))
    assert (theirs.get_id(), theirs.get_source(), theirs.get_type()) == (ours.id, ours.source, ours.type)
    assert theirs.get_subject() == ours.subject
    if ours.time is not None:
        assert theirs.get_time() == ours.time
    assert theirs.get_extension("correlationid") == ours.correlationid
    assert theirs.get_data() == json.loads(written)["data"]
    message = to_structured_event(theirs)
    assert message.content_type == CONTENT_TYPE
    read_back = decode(message.body, routing_key=ours.type)
    # The SDK stamps an event that has no time with the present one.
    assert read_back.model_copy(update={"time": ours.time}) == ours


def test_an_event_made_with_the_sdk_is_read() -> None:
    event = CloudEvent(
        {
            "id": "e-1",
            "source": "/shop/orders",
            "type": "order.status.requested",
            "subject": "SO-1",
            "time": datetime(2026, 1, 31, 1, 30, tzinfo=UTC),
            "tenant": "north",
        },
        {"so_id": "SO-1"},
    )
    ours = decode(to_structured_event(event).body, routing_key="order.status.requested")
    assert ours.data == OrderStatusRequested(so_id="SO-1")
    assert ours.time == datetime(2026, 1, 31, 1, 30, tzinfo=UTC)
    assert ours.extensions == {"tenant": "north"}


def test_an_event_without_data_is_read_where_there_is_nothing_to_say() -> None:
    event = CloudEvent({"source": "/shop/orders", "type": "sync.balance.requested"})
    assert decode(to_structured_event(event).body).data == SyncBalanceRequested()
