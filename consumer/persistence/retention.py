"""What may go after a while: inbox rows, messages that were sent, forgotten suspects, batches of closed syncs, runs.

Dead letters that are closed go too, with the replays that are over; open ones never. All are kept for 30 days (DESIGN
section 5). Deleted in small bites, each a transaction of its own, so that the
service's own commits get in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, exists, literal_column, select, tuple_

from consumer.domain.replay import PLAN_HOLDS
from consumer.domain.writes import LetterStatus
from consumer.persistence import ledger_tables, schedule_tables, sync_tables, tables
from consumer.persistence.columns import database_time

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Delete, Table

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


async def purge_letters(database: Database, before: datetime) -> int:
    """Delete letters that were closed, and replays that ended, before that; return how many letters.

    With them go plans that nobody started, notes of letters that are gone, and letters of replays that are.
    """
    letters = await _delete(database, _LETTERS, before)
    await _delete(database, _ENDED_REPLAYS, before)
    await _delete(database, _OLD_PLANS, min(before, await database.read(database_time) - PLAN_HOLDS))
    await _delete(database, _LONE_NOTES)
    await _delete(database, _LONE_ITEMS)
    return letters


def _statement(table: Table, age: str, *conditions: ColumnElement[bool]) -> Delete:
    return _bitten(table, table.c[age] < bindparam("before", type_=table.c[age].type), *conditions)


def _bitten(table: Table, *conditions: ColumnElement[bool]) -> Delete:
    key: Any = tuple_(*table.primary_key.columns) if len(table.primary_key) > 1 else next(iter(table.primary_key))
    old = select(*table.primary_key.columns).where(*conditions).limit(_BITE)
    # Asked again of the row as it is by now: a letter may have been opened again, a plan started.
    return delete(table).where(key.in_(old), *conditions)


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
_ENDED_REPLAYS = _statement(_REPLAYS, "ended_at")
_OLD_PLANS = _statement(_REPLAYS, "planned_at", _REPLAYS.c.started_at.is_(None))
_LONE_NOTES = _bitten(_NOTES, ~exists().where(_DEAD.c.id == _NOTES.c.letter_id))
_LONE_ITEMS = _bitten(_ITEMS, ~exists().where(_REPLAYS.c.id == _ITEMS.c.replay_id))


async def _delete(database: Database, statement: Delete, before: datetime | None = None) -> int:
    parameters = {} if before is None else {"before": before}
    total = 0
    while True:
        deleted = await database.write(lambda connection: connection.execute(statement, parameters).rowcount)
        total += deleted
        if deleted < _BITE:
            return total
