"""What may go after a while: inbox rows, messages that were sent, forgotten suspects, batches of closed syncs, runs.

Dead letters that are closed go too, with the replays that are over; open ones never. All are kept for 30 days (DESIGN
section 5). Deleted in small bites, each a transaction of its own, so that the
service's own commits get in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, exists, literal_column, or_, select, tuple_

from consumer.domain.writes import LetterStatus
from consumer.persistence import ledger_tables, schedule_tables, sync_tables, tables
from consumer.persistence.columns import database_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Delete, Table

    from consumer.persistence.engine import Database

KEEP = timedelta(days=30)
"""How long a finished row is kept."""

_BITE = 1_000


@dataclass(frozen=True, slots=True)
class Purged:
    """How many rows were deleted."""

    inbox: int
    outbox: int
    suspects: int
    batches: int
    followers: int
    scheduled_runs: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum((self.inbox, self.outbox, self.suspects, self.batches, self.followers, self.scheduled_runs))


async def purge(database: Database, older_than: timedelta) -> Purged:
    """Delete rows older than ``older_than`` by the database's clock, but no message that was not sent yet."""
    before = await database.read(database_time) - older_than
    return Purged(
        inbox=await _delete(database, _INBOX, before),
        outbox=await _delete(database, _OUTBOX, before),
        suspects=await _delete(database, _SUSPECTS, before),
        batches=await _delete(database, _BATCHES, before),
        followers=await _delete(database, _FOLLOWERS, before),
        scheduled_runs=await _delete(database, _RUNS, before),
    )


async def purge_letters(database: Database, older_than: timedelta) -> int:
    """Delete letters that were closed, and replays that ended, longer ago than that; return how many letters."""
    before = await database.read(database_time) - older_than
    letters = await _delete(database, _LETTERS, before)
    for statement, dated in LEFT_BEHIND:
        await database.write(partial(_run, statement, {"before": before} if dated else {}))
    return letters


def _run(statement: Delete, parameters: Mapping[str, object], connection: Connection) -> int:
    return connection.execute(statement, parameters).rowcount


def _statement(table: Table, age: str, *conditions: ColumnElement[bool]) -> Delete:
    key: Any = tuple_(*table.primary_key.columns) if len(table.primary_key) > 1 else next(iter(table.primary_key))
    old = (
        select(*table.primary_key.columns)
        .where(table.c[age] < bindparam("before", type_=table.c[age].type), *conditions)
        .limit(_BITE)
    )
    return delete(table).where(key.in_(old))


_INBOX = _statement(tables.inbox, "done_at")
_OUTBOX = _statement(tables.outbox, "created_at", tables.outbox.c.status == literal_column("'dispatched'"))
_SUSPECTS = _statement(tables.suspects, "marked_at")
_UNDER_WAY = select(sync_tables.sync_plans.c.sync_id)
_BATCHES = _statement(sync_tables.sync_batches, "counted_at", ~sync_tables.sync_batches.c.sync_id.in_(_UNDER_WAY))
_FOLLOWERS = _statement(sync_tables.sync_followers, "joined_at", ~sync_tables.sync_followers.c.sync_id.in_(_UNDER_WAY))


def _last_runs_stay() -> ColumnElement[bool]:
    run, later = schedule_tables.schedule_runs, schedule_tables.schedule_runs.alias()
    return exists().where(later.c.name == run.c.name, later.c.due_at > run.c.due_at)


_RUNS = _statement(schedule_tables.schedule_runs, "at", _last_runs_stay())


_DEAD, _NOTES = tables.dead_letters, ledger_tables.letter_notes
_REPLAYS, _ITEMS = ledger_tables.replays, ledger_tables.replay_letters
IS_CLOSED: Final = _DEAD.c.status.not_in(
    [literal_column(f"'{status}'") for status in (LetterStatus.OPEN, LetterStatus.REPLAYING)]
)
"""Nothing is left to do about the letter. Said by what it is not, so that databases take the index of `closed_at`."""
_LETTERS = _statement(_DEAD, "closed_at", IS_CLOSED)
_BEFORE = bindparam("before", type_=_REPLAYS.c.ended_at.type)
_NEVER_STARTED = _REPLAYS.c.started_at.is_(None) & (_REPLAYS.c.planned_at < _BEFORE)
OLD_LETTERS: Final = delete(_DEAD).where(
    IS_CLOSED, _DEAD.c.closed_at < bindparam("before", type_=_DEAD.c.closed_at.type)
)
LEFT_BEHIND: Final = (
    (delete(_NOTES).where(~exists().where(_DEAD.c.id == _NOTES.c.letter_id)), False),
    (delete(_REPLAYS).where(or_(_REPLAYS.c.ended_at < _BEFORE, _NEVER_STARTED)), True),
    (delete(_ITEMS).where(~exists().where(_REPLAYS.c.id == _ITEMS.c.replay_id)), False),
)
"""What goes with old letters, and whether it takes the time ``before``: notes without a letter, replays that ended
before it or were never started, letters of replays that are gone."""


async def _delete(database: Database, statement: Delete, before: datetime) -> int:
    total = 0
    while True:
        deleted = await database.write(lambda connection: connection.execute(statement, {"before": before}).rowcount)
        total += deleted
        if deleted < _BITE:
            return total
