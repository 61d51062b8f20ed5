"""Each kind of user may do its work, and nothing beside it, on a real broker."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
from aio_pika import DeliveryMode, Message
from aiormq.exceptions import ChannelAccessRefused

from rabbitmq import declaring
from rabbitmq.connection import connect
from rabbitmq.declaring import TopologyRefused
from rabbitmq.permissions import KINDS
from rabbitmq.topology import Topology, retry_queue
from tests.support.broker import FAST_DELAYS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aio_pika.abc import AbstractConnection

    from rabbitmq.management import Management

TOPOLOGY = Topology.build(FAST_DELAYS)
BY_NAME = {kind.name: kind for kind in KINDS}


@pytest.fixture
async def logged_in(
    amqp_url: str, management: Management, connection: AbstractConnection
) -> AsyncIterator[Callable[[str], Awaitable[AbstractConnection]]]:
    """Log in as a new user of some kind, on a broker that has the topology (but for the kind that makes it)."""
    users: list[str] = []
    opened: list[AbstractConnection] = []
    vhost = quote(management.vhost, safe="")

    async def log_in(name: str) -> AbstractConnection:
        if name != "setup":
            await declaring.apply(connection, TOPOLOGY)
        kind = BY_NAME[name]
        user, password = f"{name}-{secrets.token_hex(4)}", secrets.token_hex(8)
        users.append(user)
        await management.call("PUT", f"/users/{user}", {"password": password, "tags": ",".join(kind.tags)})
        rights = {"configure": kind.configure, "write": kind.write, "read": kind.read}
        await management.call("PUT", f"/permissions/{vhost}/{user}", rights)
        for right in kind.topics:
            body = {"exchange": right.exchange, "write": right.write, "read": right.read}
            await management.call("PUT", f"/topic-permissions/{vhost}/{user}", body)
        parts = urlsplit(amqp_url)
        where = parts.netloc.rpartition("@")[2]
        opened.append(await connect(urlunsplit(parts._replace(netloc=f"{user}:{password}@{where}")), name="test"))
        return opened[-1]

    yield log_in
    for one in opened:
        await one.close()
    for user in users:
        await management.call("DELETE", f"/users/{user}")


async def _publish(connection: AbstractConnection, exchange: str, routing_key: str) -> None:
    async with connection.channel(on_return_raises=True) as channel:
        target = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
        await target.publish(Message(b"{}", delivery_mode=DeliveryMode.PERSISTENT), routing_key, mandatory=True)


async def _refused(connection: AbstractConnection, exchange: str, routing_key: str) -> bool:
    try:
        await _publish(connection, exchange, routing_key)
    except ChannelAccessRefused:
        return True
    return False


async def test_setup_declares_and_checks_everything_and_publishes_nothing(
    logged_in: Callable[[str], Awaitable[AbstractConnection]],
) -> None:
    connection = await logged_in("setup")

    await declaring.apply(connection, TOPOLOGY)

    assert await declaring.check(connection, TOPOLOGY) == []
    assert await _refused(connection, "relay.events", "order.paid")


async def test_the_order_system_publishes_its_events_and_listens_for_results(
    logged_in: Callable[[str], Awaitable[AbstractConnection]], connection: AbstractConnection
) -> None:
    orders = await logged_in("orders")

    for routing_key in ("order.paid", "order.status.requested", "sync.products.requested"):
        await _publish(orders, "relay.events", routing_key)
    async with orders.channel() as channel:
        results = await channel.declare_queue("shop.results", durable=True, arguments={"x-queue-type": "quorum"})
        await results.bind("relay.results", "order.#")
        await _publish(connection, "relay.results", "order.confirmed")
        assert await results.get(timeout=5, fail=True)

    assert await _refused(orders, "relay.events", "supplier.callback.confirmed")
    assert await _refused(orders, "relay.events", "catalog.batch.products")
    assert await _refused(orders, "relay.results", "order.confirmed")
    assert await _refused(orders, "", "relay.orders")
    with pytest.raises(ChannelAccessRefused):
        async with orders.channel() as channel:
            await (await channel.get_queue("relay.orders", ensure=False)).get()


async def test_the_receiver_publishes_callbacks_alone(
    logged_in: Callable[[str], Awaitable[AbstractConnection]],
) -> None:
    callbacks = await logged_in("callbacks")

    await _publish(callbacks, "relay.events", "supplier.callback.confirmed")

    assert await _refused(callbacks, "relay.events", "order.paid")
    assert await _refused(callbacks, "relay.results", "order.confirmed")


async def test_the_service_consumes_retries_dead_letters_and_publishes_results_and_batches(
    logged_in: Callable[[str], Awaitable[AbstractConnection]], connection: AbstractConnection
) -> None:
    service = await logged_in("service")
    await _publish(connection, "relay.events", "order.paid")

    async with service.channel() as channel:
        for queue in ("relay.orders", "relay.orders.dlq", "relay.unroutable"):
            await (await channel.get_queue(queue, ensure=False)).get(fail=False)
    await _publish(service, retry_queue(FAST_DELAYS[0]), "relay.orders")
    await _publish(service, "", "relay.orders.dlq")
    await _publish(service, "relay.results", "order.confirmed")
    await _publish(service, "relay.events", "catalog.batch.products")
    # What `relay schedule` has put into the outbox.
    await _publish(service, "relay.events", "sync.products.requested")
    await _publish(service, "relay.events", "sync.logistics.requested")

    assert await declaring.check(service, TOPOLOGY) == []
    with pytest.raises(TopologyRefused, match="--permissions"):
        await declaring.apply(service, Topology.build())


async def test_a_monitor_sees_depths_and_touches_nothing(
    logged_in: Callable[[str], Awaitable[AbstractConnection]], connection: AbstractConnection
) -> None:
    monitor = await logged_in("monitor")
    await _publish(connection, "relay.events", "order.paid")

    async with monitor.channel() as channel:
        assert (await channel.declare_queue("relay.orders", passive=True)).declaration_result.message_count == 1

    survey = await declaring.survey(monitor, TOPOLOGY)
    assert survey.drifts == ()
    assert any("arguments of queue relay.orders" in line for line in survey.unseen)
    assert await _refused(monitor, "relay.events", "order.paid")
