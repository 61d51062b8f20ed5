"""What people do to dead letters: note, discard, restore, purge. Each act is one transaction with its audit row.

An act names its letters one by one: what came after a person looked is not touched. Those that are no longer as the
act needs them are left, and told.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import func, select, update

from consumer.domain.ledger import Acted
from consumer.domain.outcome import Result
from consumer.domain.results import SOURCE, outgoing, recorded
from consumer.domain.sync_end import LONGEST_MESSAGE, tellable
from consumer.domain.writes import InboxKey, LetterStatus, SyncLogRow, SyncStatus, SyncType
from consumer.persistence import ledger_tables, tables
from consumer.persistence.columns import database_time
from consumer.persistence.letters import bites, hold_letters
from consumer.persistence.outbox import Outbox
from consumer.persistence.retention import IS_CLOSED, purge_letters

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from consumer.domain.audit import AuditEntry
    from consumer.persistence.audit import Audit
    from consumer.persistence.engine import Database
    from consumer.persistence.sync_log import SyncLog

_LETTERS = tables.dead_letters
_NOTES = ledger_tables.letter_notes


class LedgerActs:
    """The part of `consumer.persistence.store.Store` that people act on dead letters through.

    Every method raises `DatabaseUnavailable` when the database cannot be used now; then nothing was done.
    """

    def __init__(self, database: Database, audit: Audit, sync_log: SyncLog) -> None:
        self._database = database
        self._audit = audit
        self._sync_log = sync_log
        # Who acts sends nothing: a running service does, at once.
        self._outbox = Outbox(database.dialect, claim=timedelta(0))

    async def note(self, letter_id: str, text: str, entry: AuditEntry) -> None:
        """Add a note to a letter, whatever its status."""

        def noted(connection: Connection) -> None:
            # Whoever notes at the same time waits here.
            connection.execute(update(_LETTERS).where(_LETTERS.c.id == letter_id).values(id=_LETTERS.c.id))
            newest = select(func.coalesce(func.max(_NOTES.c.number), 0)).where(_NOTES.c.letter_id == letter_id)
            number = connection.execute(newest).scalar_one() + 1
            row = {"letter_id": letter_id, "number": number, "at": entry.at, "actor": entry.actor, "note": text}
            connection.execute(_NOTES.insert(), row)
            self._audit.add(connection, entry)

        await self._database.write(noted)

    async def discard(self, ids: Sequence[str], entry: AuditEntry) -> Acted:
        """Say that nothing is to be done about open letters: with a ``manual`` row in the sync log, which is told."""

        def discarded(connection: Connection) -> Acted:
            acted = self._turn(connection, ids, LetterStatus.OPEN, LetterStatus.DISCARDED, entry)
            if acted.done:
                self._tell(connection, len(acted.done), entry)
                self._audit.add(connection, _with_count(entry, len(acted.done)))
            return acted

        return await self._database.write(discarded)

    async def restore(self, ids: Sequence[str], entry: AuditEntry) -> Acted:
        """Open discarded letters again."""

        def restored(connection: Connection) -> Acted:
            acted = self._turn(connection, ids, LetterStatus.DISCARDED, LetterStatus.OPEN, entry)
            if acted.done:
                self._audit.add(connection, _with_count(entry, len(acted.done)))
            return acted

        return await self._database.write(restored)

    async def purgeable(self, older_than: timedelta) -> tuple[int, datetime]:
        """Return how many letters were closed longer ago than that, and before which moment, to `purge` just those."""

        def look(connection: Connection) -> tuple[int, datetime]:
            before = database_time(connection) - older_than
            old = (IS_CLOSED, _LETTERS.c.closed_at < before)
            return connection.execute(select(func.count()).select_from(_LETTERS).where(*old)).scalar_one(), before

        return await self._database.read(look)

    async def purge(self, before: datetime, entry: AuditEntry) -> int:
        """Delete letters closed before that, with their notes, and replays that ended before it.

        Open ones stay, and those that a replay has in hand. The act is written down first; then they go in bites.

        Returns:
            How many letters those were.
        """
        await self._database.write(lambda connection: self._audit.add(connection, entry))
        return await purge_letters(self._database, before)

    @staticmethod
    def _turn(
        connection: Connection, ids: Sequence[str], before: LetterStatus, after: LetterStatus, entry: AuditEntry
    ) -> Acted:
        """Change the status of those letters that have the one that is needed."""
        done: list[str] = []
        left: dict[str, str] = {}
        closed_at = None if after is LetterStatus.OPEN else entry.at
        for some in bites(ids):
            hold_letters(connection, some)
            change = (
                update(_LETTERS)
                .where(_LETTERS.c.id.in_(some), _LETTERS.c.status == before.value)
                .values(status=after.value, closed_at=closed_at)
                .returning(_LETTERS.c.id)
            )
            changed = set(connection.execute(change).scalars())
            done += sorted(changed)
            others = [id_ for id_ in some if id_ not in changed]
            statuses = select(_LETTERS.c.id, _LETTERS.c.status).where(_LETTERS.c.id.in_(others))
            known = {row.id: row.status for row in connection.execute(statuses)} if others else {}
            left |= {id_: f"it is {known[id_]}" if id_ in known else "there is none of that id" for id_ in others}
        return Acted(tuple(done), left)

    def _tell(self, connection: Connection, count: int, entry: AuditEntry) -> None:
        row = SyncLogRow(
            id=str(uuid4()),
            sync_type=SyncType.MANUAL,
            status=SyncStatus.SUCCESS,
            message=tellable(f"{count} dead letters discarded by {entry.actor}: {entry.reason}", LONGEST_MESSAGE),
            total_count=count,
            success_count=count,
            failed_count=0,
            created_at=entry.at,
            started_at=entry.at,
            completed_at=entry.at,
            event_id=None,
        )
        self._sync_log.write(connection, [row])
        told = outgoing(
            [Result("sync_log.recorded", recorded(row), subject=row.id)],
            key=InboxKey(SOURCE, row.id),
            correlationid=None,
            traceparent=None,
            now=entry.at,
        )
        self._outbox.add(connection, told)


def _with_count(entry: AuditEntry, count: int) -> AuditEntry:
    return replace(entry, detail={**entry.detail, "letters": count})
