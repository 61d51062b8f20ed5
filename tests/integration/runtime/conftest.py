"""A running system for each test of the service's way of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.relay import Relay, serving, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def idle(amqp_url: str, database_url: str) -> AsyncIterator[Relay]:
    """Everything but the service."""
    async with system(amqp_url, database_url) as relay:
        yield relay


@pytest.fixture
async def relay(idle: Relay) -> AsyncIterator[Relay]:
    """Everything, the service in this process."""
    async with serving(idle):
        yield idle
