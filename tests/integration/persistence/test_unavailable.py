"""A database that cannot be used says what is wrong and what to do, without a password; later, work goes on."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from typing import TYPE_CHECKING

import asyncpg  # type: ignore[import-untyped]  # it brings no types
import pytest
from sqlalchemy import event

from consumer.persistence import migrations
from consumer.persistence.engine import open_database
from consumer.persistence.errors import DatabaseUnavailable
from consumer.persistence.store import Store
from tests.integration.persistence.making import entry, kinds, message, unit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.postgres import Postgres


async def _refusal(store: Store) -> DatabaseUnavailable:
    with pytest.raises(DatabaseUnavailable) as caught:
        await store.apply([unit(entry("e1"), message("m1"))])
    return caught.value


@pytest.fixture
async def sqlite_file(tmp_path: Path) -> Path:
    path = tmp_path / "relay.db"
    await migrations.upgrade(f"sqlite+aiosqlite:///{path}")
    return path


async def test_a_file_locked_by_another_program(sqlite_file: Path) -> None:
    other = sqlite3.connect(sqlite_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with Store.open(f"sqlite+aiosqlite:///{sqlite_file}", busy_timeout_ms=100) as store:
        refusal = await _refusal(store)
        assert refusal.code == "locked"
        assert str(refusal) == (
            f"the SQLite file {sqlite_file} is locked by another process. "
            "Close the program that has it open, or wait for its transaction to end."
        )
        assert await store.inbox([entry("e1").key]) == {}, "readers do not wait for a writer"
        other.execute("COMMIT")
        other.close()
        assert kinds(await store.apply([unit(entry("e1"))])) == ["-"]


async def test_a_writer_waits_for_a_short_lock(sqlite_file: Path) -> None:
    other = sqlite3.connect(sqlite_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with Store.open(f"sqlite+aiosqlite:///{sqlite_file}") as store:
        waiting = asyncio.create_task(store.apply([unit(entry("e1"))]))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        other.execute("COMMIT")
        other.close()
        assert await waiting == [None]


async def test_a_read_only_file(sqlite_file: Path) -> None:
    # Rights do not bind the user that runs tests in a container, so SQLite itself is told.
    async with Store.open(f"sqlite+aiosqlite:///file:{sqlite_file}?mode=ro&uri=true") as store:
        refusal = await _refusal(store)
    assert refusal.code == "read_only"
    assert "is read-only. Give the service's user the right to write" in str(refusal)


async def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    async with Store.open(f"sqlite+aiosqlite:///{tmp_path}/none/relay.db") as store:
        refusal = await _refusal(store)
        assert refusal.code == "directory_missing"
        assert f"Create it: mkdir -p {tmp_path}/none" in str(refusal)
        (tmp_path / "none").mkdir()
        await migrations.upgrade(f"sqlite+aiosqlite:///{tmp_path}/none/relay.db")
        assert kinds(await store.apply([unit(entry("e1"))])) == ["-"]


async def test_a_directory_instead_of_a_file(tmp_path: Path) -> None:
    async with Store.open(f"sqlite+aiosqlite:///{tmp_path}") as store:
        assert (await _refusal(store)).code == "cannot_open"


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    path.write_bytes(b"something else entirely, " * 100)
    async with Store.open(f"sqlite+aiosqlite:///{path}") as store:
        assert (await _refusal(store)).code == "not_a_database"


async def test_a_full_disk(sqlite_file: Path) -> None:
    async with Store.open(f"sqlite+aiosqlite:///{sqlite_file}") as store:
        event.listen(store._database._writer.engine, "connect", lambda raw, _: raw.execute("PRAGMA max_page_count=1"))  # type: ignore[attr-defined]  # SQLite's
        with pytest.raises(DatabaseUnavailable) as caught:
            await store.apply([unit(message("m1", body=b"x" * 1_000_000))])
        assert caught.value.code == "disk_full"
        assert kinds(await store.apply([])) == []


async def test_a_schema_that_is_missing_or_old(database_url: str) -> None:
    async with Store.open(database_url) as store:
        for refused in (await _refusal(store), await _check_refusal(store)):
            assert refused.code == "schema_outdated"
            assert "Run `relay db upgrade`." in str(refused)
        assert (await store.schema_revision())[0] is None
        await migrations.upgrade(database_url)
        await store.check()
        assert kinds(await store.apply([unit(entry("e1"))])) == ["-"]


async def _check_refusal(store: Store) -> DatabaseUnavailable:
    with pytest.raises(DatabaseUnavailable) as caught:
        await store.check()
    return caught.value


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "is not a database URL"),
        ("secret", "is not a database URL"),
        ("mysql://u:secret@h/d", "names the driver mysql"),
        ("postgresql://u:secret@h/d", "names the driver postgresql"),
        ("sqlite+aiosqlite://", "names no file"),
        ("sqlite+aiosqlite:///:memory:", "names no file"),
    ],
)
def test_a_url_that_cannot_be_used(url: str, says: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=says) as caught:
        Store.open(url)
    assert caught.value.code == "bad_url"
    assert "secret" not in str(caught.value)


async def test_a_server_that_is_not_there() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        async with Store.open(f"postgresql+asyncpg://relay:secret@127.0.0.1:{port}/relay") as store:
            refusal = await _refusal(store)
    assert refusal.code == "unreachable"
    assert "secret" not in str(refusal)
    assert f"127.0.0.1:{port}/relay cannot be reached" in str(refusal)


async def test_a_host_that_does_not_resolve() -> None:
    async with Store.open("postgresql+asyncpg://relay:secret@no-such-host.invalid/relay") as store:
        assert (await _refusal(store)).code == "unreachable"


async def test_a_database_that_does_not_exist(postgres: Postgres) -> None:
    async with Store.open(postgres.url_of("nowhere")) as store:
        refusal = await _refusal(store)
    assert refusal.code == "database_missing"
    assert "then run `relay db upgrade`" in str(refusal)


async def test_a_user_that_does_not_exist(postgres: Postgres) -> None:
    async with Store.open(postgres.url_of("postgres").replace("relay@", "stranger:secret@")) as store:
        refusal = await _refusal(store)
    assert refusal.code == "wrong_password"
    assert "secret" not in str(refusal)


async def test_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+asyncpg://relay:secret@127.0.0.1:{silent.getsockname()[1]}/relay"
        database = open_database(url, answer_within=0.2)
        with pytest.raises(DatabaseUnavailable, match="does not answer in time") as caught:
            await database.read(lambda connection: connection.exec_driver_sql("SELECT 1"))
        assert caught.value.code == "unreachable"
        await database.close()


async def test_a_server_that_stops_answering(postgres: Postgres) -> None:
    database = open_database(postgres.url_of("postgres"), answer_within=0.5)
    with pytest.raises(DatabaseUnavailable, match="does not answer in time"):
        await database.write(lambda connection: connection.exec_driver_sql("SELECT pg_sleep(20)"))
    assert await database.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar_one()) == 1
    await database.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_table_locked_on_the_server(migrated_url: str) -> None:
    other = await asyncpg.connect(migrated_url.replace("+asyncpg", ""))
    try:
        async with Store.open(migrated_url, busy_timeout_ms=100) as store, other.transaction():
            await other.execute("LOCK TABLE inbox")
            assert (await _refusal(store)).code == "locked"
    finally:
        await other.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_server_that_cuts_the_connections_is_used_again(migrated_url: str) -> None:
    other = await asyncpg.connect(migrated_url.replace("+asyncpg", ""))
    try:
        async with Store.open(migrated_url) as store:
            await store.apply([unit(entry("e0"))])
            await other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
            refusal = await _refusal(store)
            assert refusal.code == "unreachable"
            assert refusal.commit_unknown, "its commit travels with the statement that was cut off"
            assert kinds(await store.apply([unit(entry("e1"))])) == ["-"]
    finally:
        await other.close()
