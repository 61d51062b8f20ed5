"""Schema migrations (alembic), run from the program: an installed wheel can migrate without any configuration file.

A migration runs whole or not at all on both databases, and two processes that upgrade at once do it one after the other.
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

from consumer.persistence.engine import Database

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
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise FileNotFoundError(f"no migration found in {Path(__file__).parent}: the installation is not complete")
    return revision


async def current(database: Database) -> str | None:
    """Return the revision that ``database`` is at; None: it has no schema yet.

    Raises:
        DatabaseUnavailable: it cannot be asked.
    """
    async with database.reading() as connection:
        return await connection.run_sync(_revision)


async def upgrade(database_url: str) -> tuple[str | None, str]:
    """Bring the database to the newest schema; return the revisions before and after (equal: there was nothing to do).

    Raises:
        DatabaseUnavailable: it cannot be reached or written; nothing was changed.
    """
    database = Database(database_url)
    try:
        async with database.writing() as connection:
            return await connection.run_sync(_upgrade)
    finally:
        await database.close()


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection) -> tuple[str | None, str]:
    if connection.dialect.name == "postgresql":
        # SQLite's BEGIN IMMEDIATE does the same there.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
    before = _revision(connection)
    command.upgrade(_config(connection), "head")
    return before, head()
