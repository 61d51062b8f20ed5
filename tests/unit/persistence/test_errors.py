"""Sentences for PostgreSQL's refusals that a test's server cannot be made to give."""

from __future__ import annotations

import asyncpg  # type: ignore[import-untyped]  # it brings no types
import pytest
from sqlalchemy import exc, make_url
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi

from consumer.domain.errors import BooksUnavailable, ErrorClass
from consumer.persistence.errors import DatabaseUnavailable, refused_values, translate

URL = make_url("postgresql+asyncpg://relay:secret@db.example:5432/relay")


def _wrapped(error: Exception) -> exc.DBAPIError:
    adapted = AsyncAdapt_asyncpg_dbapi.Error("as the driver says it", error)  # type: ignore[no-untyped-call]  # theirs
    adapted.__cause__ = error
    return exc.DBAPIError("INSERT …", {}, adapted)


@pytest.mark.parametrize(
    ("error", "code", "cure"),
    [
        (asyncpg.InvalidPasswordError("no"), "wrong_password", "RELAY_DATABASE_URL"),
        (asyncpg.TooManyConnectionsError("no"), "too_many_connections", "max_connections"),
        (asyncpg.CannotConnectNowError("no"), "starting_up", "by itself"),
        (asyncpg.DiskFullError("no"), "disk_full", "Free some space"),
        (asyncpg.ReadOnlySQLTransactionError("no"), "read_only", "primary"),
        (asyncpg.InsufficientPrivilegeError("no"), "read_only", "Grant"),
        (asyncpg.DeadlockDetectedError("no"), "locked", "by itself"),
        (asyncpg.UndefinedTableError("no"), "schema_outdated", "relay db upgrade"),
        (asyncpg.ConnectionDoesNotExistError("no"), "unreachable", "by itself"),
        (asyncpg.ConfigurationLimitExceededError("no"), "database_error", "log"),
    ],
)
def test_each_has_its_sentence(error: Exception, code: str, cure: str) -> None:
    translated = translate(_wrapped(error), URL)
    assert isinstance(translated, DatabaseUnavailable)
    assert translated.code == code
    assert cure in str(translated)
    assert "relay:***@db.example:5432/relay" in str(translated)
    assert "secret" not in str(translated)


def test_a_constraint_is_named_without_the_row() -> None:
    error = asyncpg.NotNullViolationError("Failing row contains (张三)")
    error.detail = "Failing row contains (张三)"
    error.column_name = "body"
    assert translate(_wrapped(error), URL) is None
    assert refused_values(_wrapped(error)) == "constraint body"


def test_an_outage_is_one_that_events_wait_for() -> None:
    assert issubclass(DatabaseUnavailable, BooksUnavailable)
    assert DatabaseUnavailable.error_class is ErrorClass.TRANSIENT
