"""A system without a service, on SQLite: the tests here start and kill it as processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.relay import Relay, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def idle(amqp_url: str, tmp_path: Path) -> AsyncIterator[Relay]:
    """Everything but the service."""
    async with system(amqp_url, f"sqlite+aiosqlite:///{tmp_path}/relay.db") as relay:
        yield relay
