"""Migrations on both databases: from nothing, twice, at once, whole or not at all, and equal to the tables."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from consumer.persistence import migrations, tables
from consumer.persistence.engine import open_database
from consumer.persistence.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection


async def _look(url: str, look: Callable[[Connection], Any]) -> Any:
    database = open_database(url)
    try:
        return await database.read(look)
    finally:
        await database.close()


def _differences(connection: Connection) -> Any:
    return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), tables.metadata)


async def test_from_an_empty_database_and_again(database_url: str) -> None:
    assert await migrations.current(database_url) is None
    assert await migrations.upgrade(database_url) == (None, migrations.head())
    assert await migrations.upgrade(database_url) == (migrations.head(), migrations.head())
    assert await migrations.current(database_url) == migrations.head()


async def test_the_migrated_schema_is_that_of_the_tables(migrated_url: str) -> None:
    def indexes(connection: Connection) -> dict[str, set[str]]:
        inspector = inspect(connection)
        return {name: {str(index["name"]) for index in inspector.get_indexes(name)} for name in tables.metadata.tables}

    assert await _look(migrated_url, _differences) == []
    assert await _look(migrated_url, indexes) == {
        name: {str(index.name) for index in table.indexes} for name, table in tables.metadata.tables.items()
    }


async def test_a_column_that_only_the_tables_have_is_noticed(migrated_url: str) -> None:
    def write(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE suspects DROP COLUMN marked_at")

    database = open_database(migrated_url)
    await database.write(write)
    await database.close()
    assert len(await _look(migrated_url, _differences)) == 1


async def test_two_processes_that_upgrade_at_once(database_url: str) -> None:
    ends = await asyncio.gather(*[migrations.upgrade(database_url) for _ in range(3)])
    assert sorted(before or "" for before, _ in ends) == ["", migrations.head(), migrations.head()]


async def test_a_migration_that_fails_leaves_nothing(database_url: str) -> None:
    database = open_database(database_url)
    await database.write(lambda connection: connection.exec_driver_sql("CREATE TABLE suspects (x INTEGER)"))
    await database.close()
    with pytest.raises(DatabaseUnavailable):
        await migrations.upgrade(database_url)
    names = await _look(database_url, lambda connection: inspect(connection).get_table_names())
    assert names == ["suspects"]


async def test_a_path_with_a_percent_sign(tmp_path: Path) -> None:
    directory = tmp_path / "100%s"
    directory.mkdir()
    await migrations.upgrade(f"sqlite+aiosqlite:///{directory}/relay.db")
    assert (directory / "relay.db").exists()
