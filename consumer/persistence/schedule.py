"""The schedule in the books: one process's lease, how far each entry is handled, and what became of its due times.

A turn is one transaction: the lease is taken or extended, what is due is decided by the database's clock, runs are
written with their requests in the outbox. So a crash neither doubles a request nor loses it, and a process that slept
through its lease finds it taken before it can write anything.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, and_, bindparam, case, delete, exists, func, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from consumer.domain.schedule_books import Holder, PastRun, RequestState, Turned
from consumer.domain.timetable import SOURCE, RunStatus, Standing
from consumer.persistence import schedule_tables, tables
from consumer.persistence.columns import clock, database_time, milliseconds
from consumer.persistence.outbox import Outbox

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection
    from sqlalchemy.engine.interfaces import Dialect

    from consumer.domain.schedule_books import Decide
    from consumer.domain.timetable import Run, Step
    from consumer.persistence.engine import Database

_RUNS = schedule_tables.schedule_runs
_ENTRIES = schedule_tables.schedule_entries
_LEASE = schedule_tables.schedule_lease
_OUTBOX = tables.outbox
_PENDING: ColumnElement[str] = literal_column("'pending'")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONLY = 1
"""Key of the one row of ``schedule_lease``."""


class Schedule:
    """Statements on ``schedule_runs``, ``schedule_entries`` and ``schedule_lease``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = database.dialect
        insert = _insert(dialect)
        # Nobody hands these rows over in memory: they are free for the next sweep of any `relay consume`.
        self._outbox = Outbox(dialect, claim=timedelta(0))
        self._take = _take_statement(dialect)
        self._release = update(_LEASE).where(_LEASE.c.owner == bindparam("of")).values(leased_until=clock())
        self._holder = select(_LEASE, clock().label("now"))
        waits = exists().where(
            _OUTBOX.c.id == _ENTRIES.c.last_event_id, _OUTBOX.c.status == literal_column("'pending'")
        )
        self._standing = select(_ENTRIES, waits.label("waits"))
        self._run = insert(_RUNS).on_conflict_do_nothing(index_elements=[_RUNS.c.name, _RUNS.c.due_at])
        kept = insert(_ENTRIES)
        new = kept.excluded
        self._keep = kept.on_conflict_do_update(
            index_elements=[_ENTRIES.c.name],
            set_={
                "timing": new.timing,
                "handled_until": new.handled_until,
                "last_event_id": func.coalesce(new.last_event_id, _ENTRIES.c.last_event_id),
            },
        )
        self._forget = delete(_ENTRIES).where(_ENTRIES.c.name == bindparam("gone"))
        self._newest = _newest_statement()

    async def turn(self, owner: str, lease: timedelta, decide: Decide) -> Turned | Holder:
        """Take or extend the lease of ``owner`` and handle what is due.

        Args:
            owner: name of the process.
            lease: for how long, by the database's clock.
            decide: given what is known of each entry by name, and the moment: what that moment means.

        Returns:
            What was done; or who has the lease: then nothing was done.
        """
        return await self._database.write(partial(self._turn, owner, lease, decide))

    async def release(self, owner: str) -> None:
        """Give the lease up, if ``owner`` has it."""
        await self._database.write(lambda connection: connection.execute(self._release, {"of": owner}).rowcount)

    async def holder(self) -> Holder | None:
        """Return the running scheduler; None: nobody has the lease now."""
        holder = await self._database.read(self._held)
        return holder if holder is not None and holder.remains > timedelta(0) else None

    async def newest_runs(self) -> dict[str, PastRun]:
        """Return the newest row of each name that has one, also of entries that are no longer in the settings."""
        rows = await self._database.read(lambda connection: connection.execute(self._newest).all())
        return {row.name: _past_run(row) for row in rows}

    def _turn(self, owner: str, lease: timedelta, decide: Decide, connection: Connection) -> Turned | Holder:
        taken = {"id": _ONLY, "owner": owner, "lease": milliseconds(lease)}
        if connection.execute(self._take, taken).one_or_none() is None:
            holder = self._held(connection)
            if holder is not None:
                return holder
            raise LookupError("the schedule's lease was refused, and nobody has it")
        now = database_time(connection)
        known = {
            row.name: Standing(row.name, row.timing, row.handled_until, bool(row.waits))
            for row in connection.execute(self._standing)
        }
        steps = decide(known, now)
        written = [step.run for step in steps if step.run is not None and self._written(connection, step.run, now)]
        self._outbox.add(connection, [run.message for run in written if run.message is not None])
        for step in steps:
            self._remember(connection, step, known.get(step.entry.name))
        for gone in known.keys() - {step.entry.name for step in steps}:
            connection.execute(self._forget, {"gone": gone})
        return Turned(now, steps, written)

    def _written(self, connection: Connection, run: Run, now: datetime) -> bool:
        row = {
            "name": run.name,
            "due_at": run.due_at,
            "event_id": run.event_id,
            "status": run.status.value,
            "reason": run.reason,
            "passed_over": run.passed_over,
            "at": now,
        }
        return connection.execute(self._run, row).rowcount == 1

    def _remember(self, connection: Connection, step: Step, known: Standing | None) -> None:
        if known is not None and (known.timing, known.handled_until) == (step.timing, step.handled_until):
            return
        requested = step.run is not None and step.run.message is not None
        row = {
            "name": step.entry.name,
            "timing": step.timing,
            "handled_until": step.handled_until,
            "last_event_id": step.run.event_id if step.run is not None and requested else None,
        }
        connection.execute(self._keep, row)

    def _held(self, connection: Connection) -> Holder | None:
        row = connection.execute(self._holder).one_or_none()
        if row is None:
            return None
        since = _EPOCH + timedelta(milliseconds=row.since)
        return Holder(row.owner, since, timedelta(milliseconds=row.leased_until - row.now))


def _insert(dialect: Dialect) -> Any:
    return postgresql.insert if dialect.name == "postgresql" else sqlite.insert


def _take_statement(dialect: Dialect) -> Any:
    insert = _insert(dialect)(_LEASE)
    until = clock() + bindparam("lease", type_=BigInteger)
    mine = _LEASE.c.owner == insert.excluded.owner
    return (
        insert.values(id=bindparam("id"), owner=bindparam("owner"), since=clock(), leased_until=until)
        .on_conflict_do_update(
            index_elements=[_LEASE.c.id],
            # On PostgreSQL all this is computed when the row's lock is ours.
            set_={
                "owner": insert.excluded.owner,
                "since": case((mine, _LEASE.c.since), else_=clock()),
                "leased_until": until,
            },
            where=or_(mine, _LEASE.c.leased_until <= clock()),
        )
        .returning(_LEASE.c.owner)
    )


def _newest_statement() -> Any:
    newest = select(_RUNS.c.name, func.max(_RUNS.c.due_at).label("due_at")).group_by(_RUNS.c.name).subquery()
    inbox, letters = tables.inbox, tables.dead_letters
    done = exists().where(inbox.c.source == SOURCE, inbox.c.event_id == _RUNS.c.event_id)
    parked = exists().where(letters.c.event_source == SOURCE, letters.c.event_id == _RUNS.c.event_id)
    waits = exists().where(_OUTBOX.c.id == _RUNS.c.event_id, _OUTBOX.c.status == _PENDING)
    return select(_RUNS, done.label("done"), parked.label("parked"), waits.label("waits")).join(
        newest, and_(newest.c.name == _RUNS.c.name, newest.c.due_at == _RUNS.c.due_at)
    )


def _past_run(row: Any) -> PastRun:
    status = RunStatus(row.status)
    return PastRun(
        due_at=row.due_at,
        status=status,
        reason=row.reason,
        passed_over=row.passed_over,
        event_id=row.event_id,
        at=row.at,
        request=_request_state(row) if status is RunStatus.REQUESTED else None,
    )


def _request_state(row: Any) -> RequestState:
    if row.done:
        return RequestState.DONE
    if row.parked:
        return RequestState.DEAD_LETTERED
    return RequestState.WAITING if row.waits else RequestState.SENT
