"""What the database can do to us, in sentences: each says what is wrong, where, and what to do about it.

    BooksUnavailable
    └── DatabaseUnavailable    the database cannot be used now; with ``commit_unknown`` it may have kept the work
    Defect
    └── UnitRefused            it refuses this very unit of work, alone as well; its neighbours are not harmed

No message shows a password or the values of a row.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import exc

from consumer.domain.errors import BooksUnavailable, Defect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL


class DatabaseUnavailable(BooksUnavailable):
    """The database cannot be used now.

    Args:
        message: a sentence with its cure.
        code: ``locked``, ``read_only``, ``directory_missing``, ``cannot_open``, ``disk_full``, ``io_error``,
            ``not_a_database``, ``unreachable``, ``wrong_password``, ``database_missing``, ``too_many_connections``,
            ``starting_up``, ``busy``, ``schema_outdated``, ``bad_url`` or ``database_error``.
        commit_unknown: the connection was lost while committing: the work may or may not be durable. Doing it again
            is safe, since every unit of work carries its own conditions.
    """

    def __init__(self, message: str, *, code: str, commit_unknown: bool = False) -> None:
        super().__init__(message, code=code)
        self.commit_unknown = commit_unknown


class UnitRefused(Defect):
    """The database refused a unit of work for what it holds (a constraint, a value that it cannot store)."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the database refuses to store this: {reason}", code="unit_refused_by_database")


def where(url: URL) -> str:
    """Name the database for a person: the file, or the server's URL with its password masked."""
    if url.get_backend_name() == "sqlite":
        return f"the SQLite file {url.database}"
    return f"the database {url.render_as_string(hide_password=True)}"


_SCHEMA_CURE = "Run `relay db upgrade`."
_WRITABLE_CURE = "Give the service's user the right to write to the file and its directory."
_BY_ITSELF = "It is tried again by itself."

_SQLITE = {
    sqlite3.SQLITE_BUSY: (
        "locked",
        "is locked by another process",
        "Close the program that has it open, or wait for its transaction to end.",
    ),
    sqlite3.SQLITE_LOCKED: ("locked", "is locked by another connection", "Wait for its transaction to end."),
    sqlite3.SQLITE_READONLY: ("read_only", "is read-only", _WRITABLE_CURE),
    sqlite3.SQLITE_PERM: ("read_only", "may not be written", _WRITABLE_CURE),
    sqlite3.SQLITE_FULL: (
        "disk_full",
        "cannot grow: the disk is full",
        "Free some space on its disk; work then goes on by itself.",
    ),
    sqlite3.SQLITE_IOERR: (
        "io_error",
        "cannot be read or written (I/O error)",
        "Check its disk: full, failing, or a network share?",
    ),
    sqlite3.SQLITE_CORRUPT: ("not_a_database", "is damaged", "Stop the service and restore the file from a backup."),
    sqlite3.SQLITE_NOTADB: (
        "not_a_database",
        "is not an SQLite database",
        "Point RELAY_DATABASE_URL at another file.",
    ),
}
"""By primary result code (sqlite.org/rescode.html): code, trouble, cure."""

_POSTGRESQL = {
    "28P01": ("wrong_password", "refuses the user or the password", "Correct them in RELAY_DATABASE_URL."),
    "28000": ("wrong_password", "refuses the user", "Correct it in RELAY_DATABASE_URL, or let it in (pg_hba.conf)."),
    "3D000": ("database_missing", "does not exist", "Create it (`createdb`), then run `relay db upgrade`."),
    "40P01": ("locked", "broke up a deadlock", _BY_ITSELF),
    "42P01": ("schema_outdated", "lacks a table", _SCHEMA_CURE),
    "42703": ("schema_outdated", "lacks a column", _SCHEMA_CURE),
    "42501": ("read_only", "refuses access to its tables", "Grant the service's user rights on schema and tables."),
    "25006": ("read_only", "takes no writes (a standby?)", "Point RELAY_DATABASE_URL at the primary server."),
    "53100": ("disk_full", "has no disk space left", "Free some space on the server's disk."),
    "53300": ("too_many_connections", "has no free connection", "Raise max_connections or run fewer processes."),
    "55P03": ("locked", "kept a row locked for too long", "Look for a long transaction in pg_stat_activity."),
    "57P01": ("unreachable", "is being shut down", _BY_ITSELF),
    "57P02": ("unreachable", "has crashed and recovers", _BY_ITSELF),
    "57P03": ("starting_up", "is starting up", _BY_ITSELF),
}
"""By SQLSTATE (PostgreSQL, appendix A): code, trouble, cure."""


class Progress:
    """Whether a transaction has got as far as its commit."""

    committing = False


@contextmanager
def translated(url: URL) -> Iterator[Progress]:
    """Raise `DatabaseUnavailable` instead of a driver's error, unless the error is about the values of a statement."""
    progress = Progress()
    try:
        yield progress
    except (exc.SQLAlchemyError, OSError) as error:
        unavailable = translate(error, url)
        if unavailable is None:
            raise
        unavailable.commit_unknown = progress.committing
        raise unavailable from error


def translate(error: BaseException, url: URL) -> DatabaseUnavailable | None:
    """Return ``error`` in our words, or None when it is the fault of what was to be written."""
    if isinstance(error, exc.TimeoutError):
        return _unavailable(url, "busy", "gave no free connection in time", "Look for long transactions.")
    if isinstance(error, exc.DBAPIError):
        return _translate_driver(error, url)
    if isinstance(error, TimeoutError):
        return _unavailable(url, "unreachable", "does not answer in time", "Check the server and the network.")
    if isinstance(error, OSError):
        return _unavailable(
            url,
            "unreachable",
            f"cannot be reached ({error.strerror or error})",
            "Check that it runs, its host and its port.",
        )
    return _by_sqlstate(error, url)


def _translate_driver(error: exc.DBAPIError, url: URL) -> DatabaseUnavailable | None:
    if url.get_backend_name() == "sqlite":
        return _translate_sqlite(error, url)
    known = _by_sqlstate(error.orig, url)
    if known is not None:
        return known
    if error.connection_invalidated:
        return _unavailable(url, "unreachable", "closed the connection", _BY_ITSELF)
    if refused_values(error) is not None:
        return None
    return _unexpected(error, url)


def _translate_sqlite(error: exc.DBAPIError, url: URL) -> DatabaseUnavailable | None:
    if refused_values(error) is not None:
        return None
    code = (getattr(error.orig, "sqlite_errorcode", None) or 0) & 0xFF
    if code in _SQLITE:
        return _unavailable(url, *_SQLITE[code])
    if code == sqlite3.SQLITE_CANTOPEN:
        return _cannot_open(url)
    if str(error.orig).startswith(("no such table", "no such column", "table ")):
        return _unavailable(url, "schema_outdated", f"is not at the newest schema ({error.orig})", _SCHEMA_CURE)
    return _unexpected(error, url)


def _cannot_open(url: URL) -> DatabaseUnavailable:
    directory = Path(url.database or ".").parent
    if not directory.is_dir():
        return _unavailable(
            url,
            "directory_missing",
            f"cannot be created: there is no directory {directory}",
            f"Create it: mkdir -p {directory}",
        )
    return _unavailable(url, "cannot_open", "cannot be opened", f"Check its rights and those of {directory}.")


def _by_sqlstate(error: BaseException | None, url: URL) -> DatabaseUnavailable | None:
    state = getattr(error, "sqlstate", None) or ""
    if state in _POSTGRESQL:
        return _unavailable(url, *_POSTGRESQL[state])
    if state.startswith("08"):
        return _unavailable(url, "unreachable", "lost the connection", _BY_ITSELF)
    return None


def refused_values(error: BaseException) -> str | None:
    """Say why the *values* of a statement are refused, without showing them; None if something else is wrong."""
    if isinstance(error, (ArithmeticError, ValueError, TypeError, AttributeError)):
        return f"a value cannot be stored ({type(error).__name__})"
    if isinstance(error, exc.StatementError) and not isinstance(error, exc.DBAPIError):
        return f"a value cannot be stored ({type(error.orig).__name__})"
    if not isinstance(error, exc.DBAPIError):
        return None
    original: BaseException = error.orig or error
    cause = original.__cause__ or original
    state = getattr(original, "sqlstate", None) or ""
    if isinstance(error, exc.IntegrityError) or state.startswith("23"):
        # SQLite's message names columns only; PostgreSQL's may quote the row, so only its names are taken.
        named = getattr(cause, "constraint_name", None) or getattr(cause, "column_name", None) or state
        return f"constraint {named}" if state else str(original)
    # asyncpg refuses an unfit argument itself, with an error that is a ValueError and has no state.
    # SQLite's driver says so of a value whose type it does not know.
    unknown_type = str(original).startswith("Error binding parameter")
    if isinstance(error, exc.DataError) or state.startswith("22") or isinstance(cause, ValueError) or unknown_type:
        return f"a value does not fit its column ({state or type(cause).__name__})"
    return None


def _unavailable(url: URL, code: str, trouble: str, cure: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(f"{where(url)} {trouble}. {cure}", code=code)


def _unexpected(error: exc.DBAPIError, url: URL) -> DatabaseUnavailable:
    first_line = str(error.orig).partition("\n")[0]
    return _unavailable(
        url, "database_error", f"answers with an error: {first_line}", "See the log for where it came from."
    )
