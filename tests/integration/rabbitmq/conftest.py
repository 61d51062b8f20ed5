"""A connection to the test's own virtual host, and its management API."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

from rabbitmq.connection import connect
from rabbitmq.management import Management

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aio_pika.abc import AbstractConnection

    from tests.support.broker import Broker


@pytest.fixture
async def connection(amqp_url: str) -> AsyncIterator[AbstractConnection]:
    async with await connect(amqp_url, name="test") as opened:
        yield opened


@pytest.fixture
def management(broker: Broker, amqp_url: str) -> Management:
    if broker.management_url is None:
        pytest.skip("the broker that RELAY_AMQP_URL names comes without RELAY_MANAGEMENT_URL")
    return Management(broker.management_url, vhost=unquote(urlsplit(amqp_url).path[1:]))
