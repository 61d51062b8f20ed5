"""Schema migrations (alembic), run from the program: an installed wheel can migrate without any configuration file.

A migration runs whole or not at all on both databases, and two processes that upgrade at once do it one after the
other.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from consumer.persistence.engine import open_database

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ADVISORY_LOCK = 0x72656C6179  # "relay"; any number that nobody else locks


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    # Alembic reads "%" as the start of an interpolation.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@cache
def head() -> str:
    """Return the newest revision that this version of the program knows."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    if newest is None:
        raise FileNotFoundError(f"no migration found in {Path(__file__).parent}: the installation is not complete")
    return newest


def revision(connection: Connection) -> str | None:
    """Return the revision that the database is at; None: it has no schema yet."""
    return MigrationContext.configure(connection).get_current_revision()


async def upgrade(database_url: str) -> tuple[str | None, str]:
    """Bring the database to the newest schema.

    Returns:
        The revisions before and after; equal when there was nothing to do.

    Raises:
        DatabaseUnavailable: it cannot be reached or written; nothing was changed.
    """
    # A change to a large table takes as long as it takes.
    database = open_database(database_url, answer_within=None)
    try:
        return await database.write(_upgrade)
    finally:
        await database.close()


async def current(database_url: str) -> str | None:
    """Return the revision that the database is at; None: it has no schema yet.

    Raises:
        DatabaseUnavailable: it cannot be asked.
    """
    database = open_database(database_url)
    try:
        return await database.read(revision)
    finally:
        await database.close()


def _upgrade(connection: Connection) -> tuple[str | None, str]:
    if connection.dialect.name == "postgresql":
        # SQLite's BEGIN IMMEDIATE does the same there.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
    before = revision(connection)
    command.upgrade(_config(connection), "head")
    return before, head()
