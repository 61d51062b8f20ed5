"""A line to the broker that can be cut or go silent, and a vhost with the exchanges of the contract."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from publishers.orders import RelayPublisher
from publishers.testing import FakeRelay
from rabbitmq.connection import connect
from rabbitmq.topology import EVENTS, RESULTS, UNCLAIMED, UNROUTABLE, Topology
from tests.integration.publishers.line import Line
from tests.integration.publishers.sides import SOURCE, FakeSide, RealSide, Side


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


@pytest.fixture
async def fake_side() -> AsyncIterator[FakeSide]:
    async with FakeRelay(source=SOURCE) as relay:
        yield FakeSide(relay)


@pytest.fixture
async def real_side(amqp_url: str, contract: AbstractChannel) -> AsyncIterator[RealSide]:
    async with RelayPublisher(amqp_url, source=SOURCE) as relay:
        yield RealSide(amqp_url, relay, contract)


@pytest.fixture(params=["fake", "real"])
def side(request: pytest.FixtureRequest) -> Side:
    """The fake, then a real broker: the conformance suites run against both."""
    chosen: Side = request.getfixturevalue(f"{request.param}_side")
    return chosen
