"""How syncs that go in batches stand: which are under way, what is open of them, what each has come to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, exists, func, literal_column, select

from consumer.domain.sync_end import SyncEnd
from consumer.domain.sync_plan import BatchStanding
from consumer.domain.sync_writes import BatchStatus, FailedPart
from consumer.domain.writes import InboxKey
from consumer.persistence import sync_tables, tables
from consumer.persistence.keys import KeySet
from consumer.persistence.sync_log import sync_log_row
from schemas.results.sync import MAX_FAILED

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement, Connection

    from consumer.persistence.engine import Database

_PLANS = sync_tables.sync_plans
_BATCHES = sync_tables.sync_batches
_FOLLOWERS = sync_tables.sync_followers
_LOG = tables.sync_log

OPEN: Final[ColumnElement[str]] = literal_column(f"'{BatchStatus.OPEN}'")
HAS_OPEN: Final = exists().where(_BATCHES.c.sync_id == _PLANS.c.sync_id, _BATCHES.c.status == OPEN)
"""Of a plan: one of its batches at least is open."""


class SyncStandings:
    """Reads ``sync_plans``, ``sync_batches`` and ``sync_followers``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._over = (
            select(_PLANS.c.sync_id, _PLANS.c.followers)
            .where(~HAS_OPEN)
            .order_by(_PLANS.c.planned_at, _PLANS.c.sync_id)
        )
        self._under_way = select(_PLANS.c.sync_id, _PLANS.c.scope)
        self._keys = KeySet(database.dialect, "sync_id")
        wanted = self._keys.rows
        self._open = (
            select(_BATCHES.c.sync_id, _BATCHES.c.number)
            .select_from(wanted)
            .join(_BATCHES, _BATCHES.c.sync_id == wanted.c.sync_id)
            .where(_BATCHES.c.status == OPEN)
        )
        self._all = (
            select(_BATCHES.c.sync_id, _BATCHES.c.number)
            .select_from(wanted)
            .join(_BATCHES, _BATCHES.c.sync_id == wanted.c.sync_id)
        )
        of_sync = _BATCHES.c.sync_id == bindparam("sync_id")
        self._one = select(_BATCHES.c.total, _BATCHES.c.status).where(of_sync, _BATCHES.c.number == bindparam("number"))
        self._changed = select(func.coalesce(func.sum(_BATCHES.c.changed), literal_column("0"))).where(of_sync)
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

    # ---- within somebody's transaction ----

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

    def end(self, connection: Connection, sync_id: str) -> SyncEnd | None:
        """Return what a sync has come to by now; None: it is not under way."""
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

    # ---- on their own ----

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
        return [end for sync_id in self.over(connection) if (end := self.end(connection, sync_id)) is not None]

    def _failed(self, connection: Connection, sync_id: str) -> tuple[FailedPart, ...]:
        rows = connection.execute(self._failures, {"sync_id": sync_id}).scalars()
        named = [FailedPart(item, reason) for failures in rows for item, reason in json.loads(failures)]
        return tuple(named[:MAX_FAILED])
