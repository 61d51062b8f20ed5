"""Telling what was written to the audit log, once it is committed and whoever wrote it.

The head of the chain goes to where the database's owner cannot change it: only so a cut-off end can show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import URL, Connection
    from sqlalchemy.engine.interfaces import Dialect

    from consumer.domain.audit import AuditRow
    from consumer.persistence.engine import Database

T = TypeVar("T")

_NOTED: Final = "relay audit rows"


def note(connection: Connection, row: AuditRow) -> None:
    """Remember a row of the transaction under way, to be told when it is committed; if anybody is told."""
    rows: list[AuditRow] | None = connection.info.get(_NOTED)
    if rows is not None:
        rows.append(row)


class Announced:
    """A `Database` that tells the rows of the audit log after the commit that they are in.

    Where nobody learns of the commit, since the caller was cancelled or the connection lost, nothing is told: a running
    service tells the newest head now and then.

    Args:
        database: does the work.
        announce: is told; quick, and raises nothing.
    """

    def __init__(self, database: Database, announce: Callable[[AuditRow], None]) -> None:
        self._database = database
        self._announce = announce
        self.url: URL = database.url
        self.writes_at_once = database.writes_at_once

    @property
    def dialect(self) -> Dialect:
        """The dialect that statements are compiled for."""
        return self._database.dialect

    async def write(self, work: Callable[[Connection], T]) -> T:
        """See `Database.write`."""
        rows: list[AuditRow] = []

        def remembered(connection: Connection) -> T:
            # Asked for once: a connection that gets lost has none.
            info = connection.info
            info[_NOTED] = rows
            try:
                return work(connection)
            finally:
                del info[_NOTED]

        result = await self._database.write(remembered)
        for row in rows:
            self._announce(row)
        return result

    async def write_at_once(self, work: Callable[[Connection], T]) -> T:
        """See `Database.write_at_once`; one statement writes no row of the audit log."""
        return await self._database.write_at_once(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """See `Database.read`."""
        return await self._database.read(work)

    async def close(self) -> None:
        """Close all connections."""
        await self._database.close()
