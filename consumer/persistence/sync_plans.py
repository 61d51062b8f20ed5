"""Syncs that go in batches: ``sync_plans`` holds those under way, ``sync_batches`` every batch and what came of it.

A batch is counted once because only an open one can be; a sync is closed once because only a plan that is there, and
has no open batch, can be taken away. Both conditions stand in the statement that writes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, delete, exists, func, literal_column, select, update

from consumer.domain.sync_plan import BatchStanding, SyncEnd
from consumer.domain.sync_writes import BatchStatus, FailedPart
from consumer.domain.writes import InboxKey, SyncStatus
from consumer.persistence import sync_tables, tables
from consumer.persistence.bulk import Incoming
from consumer.persistence.keys import KeySet
from consumer.persistence.sync_log import sync_log_row
from schemas.results.sync import MAX_FAILED

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Connection

    from consumer.domain.sync_writes import CloseSync, CountBatch, PlanSync
    from consumer.persistence.engine import Database

_PLANS = sync_tables.sync_plans
_BATCHES = sync_tables.sync_batches
_LOG = tables.sync_log
_OPEN: ColumnElement[str] = literal_column(f"'{BatchStatus.OPEN}'")
_ZERO = literal_column("0", Integer)
_COUNTED = ("sync_id", "number", "status", "succeeded", "changed", "failed", "failures", "counted_at")
_UNFINISHED: list[ColumnElement[str]] = [
    literal_column(f"'{status}'") for status in (SyncStatus.PENDING, SyncStatus.PROCESSING)
]


class SyncPlans:
    """Statements on ``sync_plans`` and ``sync_batches``, and the progress that they mean for ``haier_sync_log``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = database.dialect
        self._plan = Incoming.of(dialect, _PLANS).insert(_PLANS).ignored()
        self._batches = (
            Incoming.of(dialect, _BATCHES, "sync_id", "number", "total")
            .insert(_BATCHES, status=_OPEN, succeeded=_ZERO, changed=_ZERO, failed=_ZERO)
            .ignored()
        )
        counted = Incoming.of(dialect, _BATCHES, *_COUNTED)
        new = counted.rows.c
        self._count = counted.bulk(
            update(_BATCHES)
            .where(_BATCHES.c.sync_id == new.sync_id, _BATCHES.c.number == new.number, _BATCHES.c.status == _OPEN)
            .values({name: new[name] for name in _COUNTED if name not in {"sync_id", "number"}})
        )
        self._progress = _progress()
        has_open = exists().where(_BATCHES.c.sync_id == _PLANS.c.sync_id, _BATCHES.c.status == _OPEN)
        self._close = delete(_PLANS).where(_PLANS.c.sync_id == bindparam("sync_id"), ~has_open)
        self._over = select(_PLANS.c.sync_id).where(~has_open).order_by(_PLANS.c.planned_at, _PLANS.c.sync_id)
        self._keys = KeySet(dialect, "sync_id")
        wanted = self._keys.rows
        self._open = (
            select(_BATCHES.c.sync_id, _BATCHES.c.number)
            .select_from(wanted)
            .join(_BATCHES, _BATCHES.c.sync_id == wanted.c.sync_id)
            .where(_BATCHES.c.status == _OPEN)
        )
        of_sync = _BATCHES.c.sync_id == bindparam("sync_id")
        self._one = select(_BATCHES.c.total, _BATCHES.c.status).where(of_sync, _BATCHES.c.number == bindparam("number"))
        self._changed = select(func.coalesce(func.sum(_BATCHES.c.changed), _ZERO)).where(of_sync)
        # Each of these batches names one at least.
        self._failures = (
            select(_BATCHES.c.failures)
            .where(of_sync, _BATCHES.c.failed > _ZERO)
            .order_by(_BATCHES.c.number)
            .limit(MAX_FAILED)
        )
        self._find = (
            select(*[*_PLANS.c, *(column.label(f"log_{column.name}") for column in _LOG.c)])
            .select_from(_PLANS.join(_LOG, _LOG.c.id == _PLANS.c.sync_id))
            .where(_PLANS.c.sync_id == bindparam("sync_id"))
        )

    # ---- writing, within a unit of work ----

    def plan(self, connection: Connection, plans: Sequence[PlanSync]) -> None:
        """Write plans with all their batches open; one that is there already stays as it is."""
        self._plan.execute(
            connection,
            [
                (plan.sync_id, plan.key.source, plan.key.event_id, plan.key.run, plan.traceparent, plan.planned_at)
                for plan in sorted(plans, key=lambda plan: plan.sync_id)
            ],
        )
        batches = [(plan.sync_id, batch.number, batch.items) for plan in plans for batch in plan.batches]
        self._batches.execute(connection, sorted(batches))

    def count(self, connection: Connection, counts: Sequence[CountBatch]) -> bool:
        """Note the ends of batches and add them to their syncs' rows; False: one of them is not open."""
        ordered = sorted(counts, key=lambda count: (count.sync_id, count.number))
        if self._count.execute(connection, [_counted(count) for count in ordered]) != len(ordered):
            return False
        # One row of the log after the other, in one order: two processes could otherwise wait for each other.
        for sync_id in dict.fromkeys(count.sync_id for count in ordered):
            ended = [count for count in ordered if count.sync_id == sync_id]
            progress = {
                "sync_id": sync_id,
                "succeeded": sum(count.succeeded for count in ended),
                "failed": sum(count.failed for count in ended),
                "began_at": min(count.began_at for count in ended),
            }
            connection.execute(self._progress, progress)
        return True

    def close(self, connection: Connection, closes: Sequence[CloseSync]) -> bool:
        """Take plans away; False: one of them has an open batch, or is gone."""
        ids = sorted(close.sync_id for close in closes)
        return sum(connection.execute(self._close, {"sync_id": sync_id}).rowcount for sync_id in ids) == len(ids)

    def open_batches(self, connection: Connection, counts: Collection[CountBatch]) -> set[tuple[str, int]]:
        """Return which batches of the syncs of ``counts`` are open now."""
        parameters = self._keys.parameters([(sync_id,) for sync_id in {count.sync_id for count in counts}])
        return {(row.sync_id, row.number) for row in connection.execute(self._open, parameters)}

    def over(self, connection: Connection) -> list[str]:
        """Return the syncs under way that have no open batch, the oldest first."""
        return list(connection.execute(self._over).scalars())

    # ---- reading ----

    async def batch(self, sync_id: str, number: int) -> BatchStanding | None:
        """Return how a batch stands; None: there is none of that number (any more)."""
        parameters = {"sync_id": sync_id, "number": number}
        row = await self._database.read(lambda connection: connection.execute(self._one, parameters).one_or_none())
        return None if row is None else BatchStanding(row.total, BatchStatus(row.status))

    async def ended(self) -> list[SyncEnd]:
        """Return what every sync under way that has no open batch comes to."""
        return await self._database.read(self._ended)

    def _ended(self, connection: Connection) -> list[SyncEnd]:
        return [end for sync_id in self.over(connection) if (end := self._end(connection, sync_id)) is not None]

    def _end(self, connection: Connection, sync_id: str) -> SyncEnd | None:
        found = connection.execute(self._find, {"sync_id": sync_id}).one_or_none()
        if found is None:
            return None
        named = [
            FailedPart(item, reason)
            for failures in connection.execute(self._failures, {"sync_id": sync_id}).scalars()
            for item, reason in json.loads(failures or "[]")
        ]
        return SyncEnd(
            key=InboxKey(found.source, found.event_id, found.run),
            traceparent=found.traceparent,
            row=sync_log_row(found, prefix="log_"),
            changed=connection.execute(self._changed, {"sync_id": sync_id}).scalar_one(),
            failures=tuple(named[:MAX_FAILED]),
        )


def _progress() -> Any:
    began = bindparam("began_at", type_=_LOG.c.started_at.type)
    return (
        update(_LOG)
        .where(_LOG.c.id == bindparam("sync_id"), _LOG.c.status.in_(_UNFINISHED))
        .values(
            status=literal_column(f"'{SyncStatus.PROCESSING}'"),
            success_count=_LOG.c.success_count + bindparam("succeeded", type_=Integer),
            failed_count=_LOG.c.failed_count + bindparam("failed", type_=Integer),
            started_at=func.coalesce(_LOG.c.started_at, began),
        )
    )


def _counted(count: CountBatch) -> tuple[object, ...]:
    named = [[part.item, part.reason] for part in count.failures]
    return (
        count.sync_id,
        count.number,
        count.status.value,
        count.succeeded,
        count.changed,
        count.failed,
        json.dumps(named, ensure_ascii=False, separators=(",", ":")) if named else None,
        count.counted_at,
    )
