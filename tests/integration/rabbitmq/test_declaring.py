"""Declaring the topology on a real broker, and what is said where it differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aio_pika
import pytest

from rabbitmq import declaring
from rabbitmq.connection import connect
from rabbitmq.topology import Topology
from tests.support.broker import FAST_DELAYS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aio_pika.abc import AbstractConnection

TOPOLOGY = Topology.build(FAST_DELAYS)


@pytest.fixture
async def connection(amqp_url: str) -> AsyncIterator[AbstractConnection]:
    async with await connect(amqp_url, name="test") as opened:
        yield opened


async def test_applying_twice_is_no_error_and_leaves_no_drift(connection: AbstractConnection) -> None:
    await declaring.apply(connection, TOPOLOGY)
    await declaring.apply(connection, TOPOLOGY)

    assert await declaring.check(connection, TOPOLOGY) == []
