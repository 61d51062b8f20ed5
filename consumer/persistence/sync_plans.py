"""Syncs that go in batches: ``sync_plans`` holds those under way, ``sync_batches`` every batch and what came of it.

A batch is counted once because only an open one can be; a sync is closed once because only a plan that is there, and
has no open batch, can be taken away. Both conditions stand in the statement that writes. Whoever adds batches to a
plan, joins it or cancels it holds the plan's row while he does: on PostgreSQL, where others write at the same time,
none of them can then miss the other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, delete, func, literal_column, select, update

from consumer.domain.sync_writes import BatchStatus
from consumer.domain.writes import SyncStatus
from consumer.persistence import sync_tables, tables
from consumer.persistence.bulk import Incoming
from consumer.persistence.sync_standings import HAS_OPEN, OPEN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection
    from sqlalchemy.engine.interfaces import Dialect

    from consumer.domain.sync_end import SyncEnd
    from consumer.domain.sync_writes import CloseSync, CountBatch, CountPart, JoinSync, PlannedBatch, PlanSync
    from consumer.persistence.sync_standings import SyncStandings

_PLANS = sync_tables.sync_plans
_BATCHES = sync_tables.sync_batches
_FOLLOWERS = sync_tables.sync_followers
_LOG = tables.sync_log
_ZERO = literal_column("0", Integer)
_COUNTED = ("sync_id", "number", "status", "succeeded", "changed", "failed", "failures", "counted_at")
_UNFINISHED: list[ColumnElement[str]] = [
    literal_column(f"'{status}'") for status in (SyncStatus.PENDING, SyncStatus.PROCESSING)
]


class SyncPlans:
    """Writes ``sync_plans`` and ``sync_batches`` within a unit of work, and the progress that they mean for the log.

    Args:
        dialect: of the database.
        standings: reads them.
    """

    def __init__(self, dialect: Dialect, standings: SyncStandings) -> None:
        self._standings = standings
        self._plan = (
            Incoming.of(dialect, _PLANS, *[name for name in _PLANS.c.keys() if name != "followers"])  # noqa: SIM118
            .insert(_PLANS, followers=_ZERO)
            .ignored_by_any_key()
        )
        self._batches = (
            Incoming.of(dialect, _BATCHES, "sync_id", "number", "total")
            .insert(_BATCHES, status=OPEN, succeeded=_ZERO, changed=_ZERO, failed=_ZERO)
            .ignored()
        )
        self._part = Incoming.of(dialect, _BATCHES, *_COUNTED, "total", "codes").insert(_BATCHES).ignored()
        self._hold = select(_PLANS.c.sync_id).where(_PLANS.c.sync_id == bindparam("sync_id")).with_for_update()
        self._hold_batch = (
            select(_BATCHES.c.number)
            .where(
                _BATCHES.c.sync_id == bindparam("sync_id"),
                _BATCHES.c.number == bindparam("number"),
                _BATCHES.c.status == OPEN,
            )
            .with_for_update()
        )
        self._followed = (
            update(_PLANS)
            .where(_PLANS.c.sync_id == bindparam("id"))
            .values(followers=_PLANS.c.followers + literal_column("1"))
        )
        self._follow = Incoming.of(dialect, _FOLLOWERS).insert(_FOLLOWERS).ignored()
        counted = Incoming.of(dialect, _BATCHES, *_COUNTED)
        new = counted.rows.c
        self._count = counted.bulk(
            update(_BATCHES)
            .where(_BATCHES.c.sync_id == new.sync_id, _BATCHES.c.number == new.number, _BATCHES.c.status == OPEN)
            .values({name: new[name] for name in _COUNTED if name not in {"sync_id", "number"}})
        )
        self._progress = _progress()
        self._close = delete(_PLANS).where(
            _PLANS.c.sync_id == bindparam("sync_id"), _PLANS.c.followers == bindparam("followers"), ~HAS_OPEN
        )
        self._call_off = (
            update(_BATCHES)
            .where(_BATCHES.c.sync_id == bindparam("id"), _BATCHES.c.status == OPEN)
            .values(
                status=literal_column(f"'{BatchStatus.CANCELLED}'"),
                counted_at=bindparam("at", type_=_BATCHES.c.counted_at.type),
            )
        )
        self._take_away = delete(_PLANS).where(_PLANS.c.sync_id == bindparam("sync_id"))

    def plan(self, connection: Connection, plans: Sequence[PlanSync]) -> bool:
        """Write plans with all their batches open; False: one of them is about what another sync does already."""
        written = self._plan.execute(
            connection,
            [
                (
                    plan.sync_id,
                    plan.key.source,
                    plan.key.event_id,
                    plan.key.run,
                    plan.traceparent,
                    plan.planned_at,
                    plan.scope,
                )
                for plan in sorted(plans, key=lambda plan: plan.sync_id)
            ],
        )
        self._open_batches(connection, [(plan.sync_id, plan.batches) for plan in plans])
        return written == len(plans)

    def join(self, connection: Connection, joins: Sequence[JoinSync]) -> bool:
        """Write down who joined which sync; False: one of the syncs is not under way any more."""
        for join in sorted(joins, key=lambda join: join.sync_id):
            if connection.execute(self._followed, {"id": join.sync_id}).rowcount != 1:
                return False
        self._follow.execute(
            connection,
            [
                (join.sync_id, join.key.source, join.key.event_id, join.key.run, join.traceparent, join.joined_at)
                for join in joins
            ],
        )
        return True

    def count(self, connection: Connection, counts: Sequence[CountBatch], parts: Sequence[CountPart] = ()) -> bool:
        """Note the ends of batches, and parts of them, and add them to their syncs' rows.

        Returns:
            False: one of the batches is not open, a part is counted already, or the sync that batches join is gone.
        """
        every = sorted([*counts, *(part.count for part in parts)], key=lambda count: (count.sync_id, count.number))
        for sync_id in dict.fromkeys(count.sync_id for count in every if count.joined):
            if connection.execute(self._hold, {"sync_id": sync_id}).one_or_none() is None:
                return False
        for part in parts:
            parent = {"sync_id": part.sync_id, "number": part.parent}
            if connection.execute(self._hold_batch, parent).one_or_none() is None:
                return False
        ended = sorted(counts, key=lambda count: (count.sync_id, count.number))
        if self._count.execute(connection, [_counted(count) for count in ended]) != len(ended):
            return False
        rows = [(*_counted(part.count), part.items, json.dumps(part.codes, ensure_ascii=False)) for part in parts]
        if self._part.execute(connection, rows) != len(parts):
            return False
        self._open_batches(connection, [(count.sync_id, count.joined) for count in every])
        grown = [(count.sync_id, sum(batch.items for batch in count.joined)) for count in every]
        grown += [(part.sync_id, part.items) for part in parts]
        self._progressed(connection, every, grown)
        return True

    def close(self, connection: Connection, closes: Sequence[CloseSync]) -> bool:
        """Take plans away; False: one of them has an open batch, has been joined once more, or is gone."""
        ordered = sorted(closes, key=lambda close: close.sync_id)
        return sum(
            connection.execute(self._close, {"sync_id": close.sync_id, "followers": close.followers}).rowcount
            for close in ordered
        ) == len(ordered)

    def cancel(self, connection: Connection, sync_id: str, now: datetime) -> SyncEnd | None:
        """Call off what is open of a sync and take its plan away; return what it came to. None: it is not under way."""
        if connection.execute(self._hold, {"sync_id": sync_id}).one_or_none() is None:
            return None
        connection.execute(self._call_off, {"id": sync_id, "at": now})
        end = self._standings.end(connection, sync_id)
        connection.execute(self._take_away, {"sync_id": sync_id})
        return end

    def _open_batches(self, connection: Connection, planned: Sequence[tuple[str, Sequence[PlannedBatch]]]) -> None:
        rows = [(sync_id, batch.number, batch.items) for sync_id, batches in planned for batch in batches]
        self._batches.execute(connection, sorted(rows))

    def _progressed(
        self, connection: Connection, counts: Sequence[CountBatch], grown: Sequence[tuple[str, int]]
    ) -> None:
        # One row of the log after the other, in one order: two processes could otherwise wait for each other.
        for sync_id in dict.fromkeys(count.sync_id for count in counts):
            ended = [count for count in counts if count.sync_id == sync_id]
            progress = {
                "sync_id": sync_id,
                "grown": sum(items for id_, items in grown if id_ == sync_id),
                "succeeded": sum(count.succeeded for count in ended),
                "failed": sum(count.failed for count in ended),
                "began_at": min(count.began_at for count in ended),
            }
            connection.execute(self._progress, progress)


def _progress() -> Any:
    began = bindparam("began_at", type_=_LOG.c.started_at.type)
    return (
        update(_LOG)
        .where(_LOG.c.id == bindparam("sync_id"), _LOG.c.status.in_(_UNFINISHED))
        .values(
            status=literal_column(f"'{SyncStatus.PROCESSING}'"),
            total_count=_LOG.c.total_count + bindparam("grown", type_=Integer),
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
