"""A real RabbitMQ for tests and benchmarks, and a virtual host of its own for each test.

Virtual hosts come from the management API: 25 ms each, the same way with a private node, a container and a broker that
somebody names, whereas a pool that is made at boot costs 100 ms each as it grows.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from testcontainers.core.container import DockerContainer

from rabbitmq.connection import connect
from rabbitmq.container import DEFAULT_IMAGE, engine_answers
from rabbitmq.delays import parse_delays
from rabbitmq.finding import BrokerNotAvailable, find_broker
from rabbitmq.management import Management
from rabbitmq.node import START_TIMEOUT, answers_amqp, private_node, server_executable
from rabbitmq.topology import DEFAULT_RETRY_DELAYS, Topology

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FAST_DELAYS = parse_delays("50ms,100ms,200ms")
"""A ladder for tests that wait for retries."""


@dataclass(frozen=True, slots=True)
class Broker:
    """How tests reach the broker; both URLs hold user and password."""

    amqp_url: str
    management_url: str | None
    origin: str

    def url_of(self, vhost: str) -> str:
        """The AMQP URL of another virtual host."""
        return urlunsplit(urlsplit(self.amqp_url)._replace(path="/" + quote(vhost, safe="")))


@asynccontextmanager
async def open_broker() -> AsyncIterator[Broker]:
    """A broker for the whole run: the one that is named, else a container, else a private node, else by apt."""
    async with AsyncExitStack() as stack:
        if os.environ.get("RELAY_AMQP_URL"):
            yield await _found(stack)
        elif await engine_answers():
            yield await _container(stack)
        elif server_executable() is not None:
            node = await stack.enter_async_context(private_node(plugins=["rabbitmq_management"]))
            # Its data is thrown away: no reason to wait 6 s for the plugin to say goodbye.
            stack.push_async_callback(node.kill)
            yield Broker(node.amqp_url, node.management_url, "a private node")
        else:
            yield await _found(stack)


async def _found(stack: AsyncExitStack) -> Broker:
    found = await stack.enter_async_context(find_broker(print, plugins=["rabbitmq_management"]))
    return Broker(found.amqp_url, found.management_url, found.origin)


async def _container(stack: AsyncExitStack) -> Broker:
    image = os.environ.get("RELAY_RABBITMQ_IMAGE") or DEFAULT_IMAGE
    container = DockerContainer(image).with_exposed_ports(5672, 15672)
    await asyncio.to_thread(container.start)
    stack.push_async_callback(asyncio.to_thread, container.stop)
    host = container.get_container_host_ip()
    amqp, management = container.get_exposed_port(5672), container.get_exposed_port(15672)
    for _ in range(int(START_TIMEOUT * 4)):
        if await answers_amqp(host, int(amqp)):
            return Broker(
                f"amqp://guest:guest@{host}:{amqp}/",
                f"http://guest:guest@{host}:{management}",
                f"a container of {image}",
            )
        await asyncio.sleep(0.25)
    raise BrokerNotAvailable(f"The container of {image} did not answer AMQP within {START_TIMEOUT:.0f} s.")


@asynccontextmanager
async def fresh_vhost(broker: Broker) -> AsyncIterator[str]:
    """The AMQP URL of an empty virtual host that is gone afterwards, with all connections to it.

    Without a management API there is one virtual host for all tests, emptied of our names before each; several workers
    would take each other's messages then.
    """
    if broker.management_url is None:
        await _empty(broker.amqp_url)
        yield broker.amqp_url
        return
    management = Management(broker.management_url)
    name = f"t{secrets.token_hex(6)}"
    user = quote(unquote(urlsplit(broker.amqp_url).username or "guest"), safe="")
    await management.call("PUT", f"/vhosts/{name}")
    try:
        rights = {"configure": ".*", "write": ".*", "read": ".*"}
        await management.call("PUT", f"/permissions/{name}/{user}", rights)
        yield broker.url_of(name)
    finally:
        await management.call("DELETE", f"/vhosts/{name}")


async def _empty(url: str) -> None:
    connection = await connect(url, name="tests: emptying")
    async with connection, connection.channel() as channel:
        for delays in (DEFAULT_RETRY_DELAYS, FAST_DELAYS):
            topology = Topology.build(delays)
            for queue in topology.queues:
                await channel.queue_delete(queue.name)
            for exchange in reversed(topology.exchanges):
                await channel.exchange_delete(exchange.name)
