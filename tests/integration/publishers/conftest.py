"""A line to the broker that can be cut or go silent, and a vhost with the exchanges of the contract."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from rabbitmq.connection import connect
from rabbitmq.topology import EVENTS, RESULTS, UNCLAIMED, UNROUTABLE, Topology
from tests.integration.publishers.line import Line


@pytest.fixture
async def line(amqp_url: str) -> AsyncIterator[Line]:
    parts = urlsplit(amqp_url)
    assert parts.hostname is not None
    line = Line(parts.hostname, parts.port or 5672)
    await line.open()
    yield line
    await line.close()


@pytest.fixture
def line_url(amqp_url: str, line: Line) -> str:
    """The broker by way of the line."""
    parts = urlsplit(amqp_url)
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{line.port}"))


@pytest.fixture
async def channel(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    """A channel to look at the broker with; exchange `t` leads to queue `q` by the key `in`."""
    connection = await connect(amqp_url, name="test")
    async with connection:
        opened = await connection.channel()
        exchange = await opened.declare_exchange("t", aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await opened.declare_queue("q", durable=True)
        await queue.bind(exchange, "in")
        yield opened


@pytest.fixture
async def contract(channel: AbstractChannel) -> AbstractChannel:
    """The contract's exchanges, and queue `seen` with all that comes to `relay.events`."""
    topology = Topology.build()
    for exchange in topology.exchanges:
        if exchange.name in {EVENTS, RESULTS, UNROUTABLE, UNCLAIMED}:
            await channel.declare_exchange(
                exchange.name, exchange.type, durable=True, arguments=dict(exchange.arguments)
            )
    seen = await channel.declare_queue("seen", durable=True)
    await seen.bind(EVENTS, "#")
    return channel
