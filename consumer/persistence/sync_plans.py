"""Syncs that go in batches: ``sync_plans`` holds those under way, ``sync_batches`` every batch and what came of it.

A batch is counted once because only an open one can be; a sync is closed once because only a plan that is there, and
has no open batch, can be taken away. Both conditions stand in the statement that writes. Whoever adds batches to a
plan, joins it or cancels it holds the plan's row while he does: on PostgreSQL, where others write at the same time,
none of them can then miss the other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, delete, exists, func, literal_column, select, update

from consumer.domain.sync_end import SyncEnd
from consumer.domain.sync_plan import BatchStanding
from consumer.domain.sync_writes import BatchStatus, FailedPart
from consumer.domain.writes import InboxKey, SyncStatus
from consumer.persistence import sync_tables, tables
from consumer.persistence.bulk import Incoming
from consumer.persistence.keys import KeySet
from consumer.persistence.sync_log import sync_log_row
from schemas.results.sync import MAX_FAILED

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from consumer.domain.sync_writes import CloseSync, CountBatch, CountPart, JoinSync, PlannedBatch, PlanSync
    from consumer.persistence.engine import Database

_PLANS = sync_tables.sync_plans
_BATCHES = sync_tables.sync_batches
_FOLLOWERS = sync_tables.sync_followers
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
        self._plan = (
            Incoming.of(dialect, _PLANS, *[name for name in _PLANS.c.keys() if name != "followers"])  # noqa: SIM118
            .insert(_PLANS, followers=_ZERO)
            .ignored_by_any_key()
        )
        self._batches = (
            Incoming.of(dialect, _BATCHES, "sync_id", "number", "total")
            .insert(_BATCHES, status=_OPEN, succeeded=_ZERO, changed=_ZERO, failed=_ZERO)
            .ignored()
        )
        self._part = Incoming.of(dialect, _BATCHES, *_COUNTED, "total", "codes").insert(_BATCHES).ignored()
        self._hold = select(_PLANS.c.sync_id).where(_PLANS.c.sync_id == bindparam("sync_id")).with_for_update()
        self._hold_batch = (
            select(_BATCHES.c.number)
            .where(
                _BATCHES.c.sync_id == bindparam("sync_id"),
                _BATCHES.c.number == bindparam("number"),
                _BATCHES.c.status == _OPEN,
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
            .where(_BATCHES.c.sync_id == new.sync_id, _BATCHES.c.number == new.number, _BATCHES.c.status == _OPEN)
            .values({name: new[name] for name in _COUNTED if name not in {"sync_id", "number"}})
        )
        self._progress = _progress()
        has_open = exists().where(_BATCHES.c.sync_id == _PLANS.c.sync_id, _BATCHES.c.status == _OPEN)
        self._close = delete(_PLANS).where(
            _PLANS.c.sync_id == bindparam("sync_id"), _PLANS.c.followers == bindparam("followers"), ~has_open
        )
        self._over = (
            select(_PLANS.c.sync_id, _PLANS.c.followers)
            .where(~has_open)
            .order_by(_PLANS.c.planned_at, _PLANS.c.sync_id)
        )
        self._under_way = select(_PLANS.c.sync_id, _PLANS.c.scope)
        self._call_off = (
            update(_BATCHES)
            .where(_BATCHES.c.sync_id == bindparam("id"), _BATCHES.c.status == _OPEN)
            .values(
                status=literal_column(f"'{BatchStatus.CANCELLED}'"),
                counted_at=bindparam("at", type_=_BATCHES.c.counted_at.type),
            )
        )
        self._take_away = delete(_PLANS).where(_PLANS.c.sync_id == bindparam("sync_id"))
        self._keys = KeySet(dialect, "sync_id")
        wanted = self._keys.rows
        self._open = (
            select(_BATCHES.c.sync_id, _BATCHES.c.number)
            .select_from(wanted)
            .join(_BATCHES, _BATCHES.c.sync_id == wanted.c.sync_id)
            .where(_BATCHES.c.status == _OPEN)
        )
        self._all = (
            select(_BATCHES.c.sync_id, _BATCHES.c.number)
            .select_from(wanted)
            .join(_BATCHES, _BATCHES.c.sync_id == wanted.c.sync_id)
        )
        of_sync = _BATCHES.c.sync_id == bindparam("sync_id")
        self._one = select(_BATCHES.c.total, _BATCHES.c.status).where(of_sync, _BATCHES.c.number == bindparam("number"))
        self._changed = select(func.coalesce(func.sum(_BATCHES.c.changed), _ZERO)).where(of_sync)
        # Each of these batches names one at least.
        self._failures = (
            select(_BATCHES.c.failures)
            .where(of_sync, _BATCHES.c.failures.is_not(None))
            .order_by(_BATCHES.c.number)
            .limit(MAX_FAILED)
        )
        self._codes = select(_BATCHES.c.number, _BATCHES.c.codes).where(of_sync, _BATCHES.c.codes.is_not(None))
        self._followers = (
            select(_FOLLOWERS)
            .where(_FOLLOWERS.c.sync_id == bindparam("sync_id"))
            .order_by(_FOLLOWERS.c.joined_at, _FOLLOWERS.c.event_id)
        )
        self._joined = select(_FOLLOWERS.c.sync_id).where(
            _FOLLOWERS.c.source == bindparam("source"),
            _FOLLOWERS.c.event_id == bindparam("event_id"),
            _FOLLOWERS.c.run == bindparam("run"),
        )
        self._of_scope = select(_PLANS.c.sync_id).where(_PLANS.c.scope == bindparam("scope"))
        self._find = (
            select(*[*_PLANS.c, *(column.label(f"log_{column.name}") for column in _LOG.c)])
            .select_from(_PLANS.join(_LOG, _LOG.c.id == _PLANS.c.sync_id))
            .where(_PLANS.c.sync_id == bindparam("sync_id"))
        )

    # ---- writing, within a unit of work ----

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
        end = self._end(connection, sync_id)
        connection.execute(self._take_away, {"sync_id": sync_id})
        return end

    def batches(
        self, connection: Connection, sync_ids: Collection[str]
    ) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
        """Return which batches of the syncs are open now, and which there are at all."""
        parameters = self._keys.parameters([(sync_id,) for sync_id in set(sync_ids)])
        open_ = {(row.sync_id, row.number) for row in connection.execute(self._open, parameters)}
        return open_, {(row.sync_id, row.number) for row in connection.execute(self._all, parameters)}

    def over(self, connection: Connection) -> dict[str, int]:
        """Return the syncs under way that have no open batch, the oldest first, each with how many joined it."""
        return {row.sync_id: row.followers for row in connection.execute(self._over)}

    def under_way(self, connection: Connection) -> dict[str, str | None]:
        """Return the syncs under way, each with its scope."""
        return {row.sync_id: row.scope for row in connection.execute(self._under_way)}

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

    # ---- reading ----

    async def batch(self, sync_id: str, number: int) -> BatchStanding | None:
        """Return how a batch stands; None: there is none of that number (any more)."""
        parameters = {"sync_id": sync_id, "number": number}
        row = await self._database.read(lambda connection: connection.execute(self._one, parameters).one_or_none())
        return None if row is None else BatchStanding(row.total, BatchStatus(row.status))

    async def parts(self, sync_id: str) -> dict[int, tuple[str, ...]]:
        """Return the parts of a sync's whole list that are counted, by number, each with its products."""
        parameters = {"sync_id": sync_id}
        rows = await self._database.read(lambda connection: connection.execute(self._codes, parameters).all())
        return {row.number: tuple(json.loads(row.codes)) for row in rows}

    async def failures(self, sync_id: str) -> tuple[FailedPart, ...]:
        """Return the first items of a sync that have failed, by batch; known for as long as its batches are kept."""
        return await self._database.read(lambda connection: self._failed(connection, sync_id))

    async def of_scope(self, scope: str) -> str | None:
        """Return the sync of that scope that is under way."""
        return await self._database.read(
            lambda connection: connection.execute(self._of_scope, {"scope": scope}).scalar_one_or_none()
        )

    async def joined(self, key: InboxKey) -> str | None:
        """Return the sync that the request of ``key`` joined."""
        parameters = {"source": key.source, "event_id": key.event_id, "run": key.run}
        return await self._database.read(
            lambda connection: connection.execute(self._joined, parameters).scalars().first()
        )

    async def ended(self) -> list[SyncEnd]:
        """Return what every sync under way that has no open batch comes to."""
        return await self._database.read(self._ended)

    def _ended(self, connection: Connection) -> list[SyncEnd]:
        return [end for sync_id in self.over(connection) if (end := self._end(connection, sync_id)) is not None]

    def _end(self, connection: Connection, sync_id: str) -> SyncEnd | None:
        found = connection.execute(self._find, {"sync_id": sync_id}).one_or_none()
        if found is None:
            return None
        return SyncEnd(
            key=InboxKey(found.source, found.event_id, found.run),
            traceparent=found.traceparent,
            row=sync_log_row(found, prefix="log_"),
            changed=connection.execute(self._changed, {"sync_id": sync_id}).scalar_one(),
            failures=self._failed(connection, sync_id),
            followers=tuple(
                (InboxKey(row.source, row.event_id, row.run), row.traceparent)
                for row in connection.execute(self._followers, {"sync_id": sync_id})
            ),
        )

    def _failed(self, connection: Connection, sync_id: str) -> tuple[FailedPart, ...]:
        rows = connection.execute(self._failures, {"sync_id": sync_id}).scalars()
        named = [FailedPart(item, reason) for failures in rows for item, reason in json.loads(failures)]
        return tuple(named[:MAX_FAILED])


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
