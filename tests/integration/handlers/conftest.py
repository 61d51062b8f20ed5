"""A store at the newest schema; each test that asks runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.persistence import migrations
from consumer.persistence.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def migrated_url(database_url: str) -> str:
    await migrations.upgrade(database_url)
    return database_url


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[Store]:
    async with Store.open(migrated_url) as opened:
        yield opened
