"""Declaring the topology on a real broker, and what is said where it differs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from aio_pika import DeliveryMode, Message

from rabbitmq import declaring
from rabbitmq.connection import connect
from rabbitmq.declaring import TopologyConflict
from rabbitmq.definitions import definitions, differences
from rabbitmq.management import Management
from rabbitmq.topology import Topology
from tests.support.broker import FAST_DELAYS

if TYPE_CHECKING:
    from aio_pika.abc import AbstractConnection

TOPOLOGY = Topology.build(FAST_DELAYS)


async def test_applying_twice_is_no_error_and_leaves_no_drift(connection: AbstractConnection) -> None:
    await declaring.apply(connection, TOPOLOGY)
    await declaring.apply(connection, TOPOLOGY)

    assert await declaring.check(connection, TOPOLOGY) == []


async def test_an_empty_broker_lacks_everything_and_looking_creates_nothing(connection: AbstractConnection) -> None:
    first = await declaring.check(connection, TOPOLOGY)
    second = await declaring.check(connection, TOPOLOGY)

    assert {drift.what for drift in first} == {
        *(f"exchange {exchange.name}" for exchange in TOPOLOGY.exchanges),
        *(f"queue {queue.name}" for queue in TOPOLOGY.queues),
    }
    assert second == first
    assert all("relay topology apply" in drift.cure for drift in first)


async def test_what_is_missing_is_put_back_and_what_is_there_keeps_its_messages(
    connection: AbstractConnection,
) -> None:
    await declaring.apply(connection, TOPOLOGY)
    async with connection.channel() as channel:
        await channel.queue_delete("relay.catalog")
        orders = await channel.get_queue("relay.orders")
        await orders.unbind("relay.events", "order.*")

        await declaring.apply(connection, TOPOLOGY)

        assert await declaring.check(connection, TOPOLOGY) == []
        events = await channel.get_exchange("relay.events")
        for routing_key in ("order.paid", "sync.products.requested"):
            await events.publish(_message(), routing_key)
        assert (await (await channel.get_queue("relay.orders")).get()).routing_key == "order.paid"
        assert (await (await channel.get_queue("relay.catalog")).get()).routing_key == "sync.products.requested"


async def test_a_conflict_names_queue_argument_both_values_and_the_cure_and_stops_no_other_lane(
    connection: AbstractConnection,
) -> None:
    async with connection.channel() as channel:
        await channel.declare_queue("relay.catalog.dlq", durable=True)
        await channel.declare_exchange("relay.results", "fanout", durable=True)

    with pytest.raises(TopologyConflict) as caught:
        await declaring.apply(connection, TOPOLOGY)

    conflicts = {conflict.what: conflict for conflict in caught.value.conflicts}
    assert set(conflicts) == {"queue relay.catalog.dlq, x-queue-type", "exchange relay.results, type"}
    queue = conflicts["queue relay.catalog.dlq, x-queue-type"]
    # RabbitMQ 3.10 keeps no type for a classic queue.
    assert (queue.expected, queue.found) in {("quorum", "(not set)"), ("quorum", "classic")}
    assert "delete_queue --if-empty relay.catalog.dlq" in queue.cure
    drifts = await declaring.check(connection, TOPOLOGY)
    assert {drift.what for drift in drifts} == set(conflicts)


async def test_a_queue_that_another_connection_keeps_for_itself_is_a_conflict_too(
    amqp_url: str, connection: AbstractConnection
) -> None:

    async with await connect(amqp_url, name="other") as other, other.channel() as channel:
        await channel.declare_queue("relay.orders", exclusive=True)

        with pytest.raises(TopologyConflict, match=r"relay\.orders, owner"):
            await declaring.apply(connection, TOPOLOGY)


async def test_amqp_alone_says_that_it_cannot_see_bindings(connection: AbstractConnection) -> None:
    await declaring.apply(connection, TOPOLOGY)

    survey = await declaring.survey(connection, TOPOLOGY)

    assert survey.drifts == ()
    assert len(survey.unseen) == 1
    assert "RELAY_MANAGEMENT_URL" in survey.unseen[0]


async def test_management_sees_bindings_and_every_argument(
    connection: AbstractConnection, management: Management
) -> None:
    await declaring.apply(connection, TOPOLOGY)
    assert await declaring.survey(connection, TOPOLOGY, management) == declaring.Survey((), ())
    async with connection.channel() as channel:
        orders = await channel.get_queue("relay.orders")
        await orders.unbind("relay.events", "order.*")
        await orders.bind("relay.events", "stock.*")
        await channel.queue_delete("relay.retry.50ms")
        await channel.declare_queue("relay.retry.50ms", durable=True, arguments={"x-queue-type": "quorum"})

    drifts = {drift.what: drift for drift in await declaring.check(connection, TOPOLOGY, management)}

    assert set(drifts) == {
        "binding relay.events → relay.orders (order.*)",
        "binding relay.events → relay.orders (stock.*)",
        "binding relay.retry.50ms → relay.retry.50ms (all)",
        "queue relay.retry.50ms, x-dead-letter-exchange",
        "queue relay.retry.50ms, x-dead-letter-strategy",
        "queue relay.retry.50ms, x-message-ttl",
        "queue relay.retry.50ms, x-overflow",
    }
    assert "unbind relay.orders" in drifts["binding relay.events → relay.orders (stock.*)"].cure


async def test_a_management_api_that_does_not_answer_costs_only_what_it_would_have_added(
    connection: AbstractConnection,
) -> None:
    await declaring.apply(connection, TOPOLOGY)

    survey = await declaring.survey(connection, TOPOLOGY, Management("http://someone:secret@127.0.0.1:1"))

    assert survey.drifts == ()
    assert "http://127.0.0.1:1 does not answer" in survey.unseen[0]
    assert "secret" not in "".join(survey.unseen)


async def test_a_wrong_password_for_management_is_said_so(
    connection: AbstractConnection, management: Management
) -> None:
    wrong = replace(management, url=management.address.replace("//", "//guest:wrong@"))

    survey = await declaring.survey(connection, TOPOLOGY, wrong)

    assert "user or password in RELAY_MANAGEMENT_URL are wrong" in survey.unseen[0]


async def test_the_definitions_file_makes_the_same_broker_as_apply_does(
    connection: AbstractConnection, management: Management
) -> None:
    document = definitions(TOPOLOGY, management.vhost)
    del document["vhosts"]
    path = f"/definitions/{quote(management.vhost, safe='')}"

    await management.call("POST", path, document)

    assert await declaring.check(connection, TOPOLOGY) == []
    assert await declaring.check(connection, TOPOLOGY, management) == []
    await declaring.apply(connection, TOPOLOGY)
    exported = await management.call("GET", path)
    for section, entries in exported.items():
        if isinstance(entries, list):
            exported[section] = [{"vhost": management.vhost, **entry} for entry in entries]
    assert differences(document, exported) == []


def _message() -> Message:
    return Message(b"{}", delivery_mode=DeliveryMode.PERSISTENT)
