"""Looks at plans and replays: how each stands, which letters are where, what came since."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from consumer.domain.replay import Counts, Item, ItemStatus, Replay, ReplayStatus, Terms
from consumer.domain.writes import LetterStatus
from consumer.persistence import ledger_tables, tables
from consumer.persistence.columns import clock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from consumer.domain.writes import InboxKey
    from consumer.persistence.engine import Database

REPLAYS = ledger_tables.replays
ITEMS = ledger_tables.replay_letters
LETTERS = tables.dead_letters
_LED: Final = (REPLAYS.c.lease_until > clock()).label("led")
_SHOWN: Final = 200
"""Letters of a replay that are named one by one."""


class ReplayLooks:
    """The part of `consumer.persistence.store.Store` that says how replays stand.

    Every method raises `DatabaseUnavailable` when the database cannot be used now.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, replay_id: str) -> Replay | None:
        """Return a plan or replay."""
        return await self._database.read(lambda connection: standing(connection, replay_id))

    async def newest(self, limit: int) -> list[Replay]:
        """Return the newest plans and replays, the newest first."""
        newest = select(REPLAYS, _LED).order_by(REPLAYS.c.planned_at.desc(), REPLAYS.c.id).limit(limit)

        def look(connection: Connection) -> list[Replay]:
            rows = connection.execute(newest).all()
            counts = counted_each(connection, [row.id for row in rows])
            return [_replay(row, counts[row.id]) for row in rows]

        return await self._database.read(look)

    async def beginning_with(self, start: str) -> list[str]:
        """Return ids of plans and replays that begin with ``start``, ten at most."""
        query = select(REPLAYS.c.id).where(REPLAYS.c.id.startswith(start, autoescape=True)).limit(10)
        return await self._database.read(lambda connection: list(connection.execute(query).scalars()))

    async def items(self, replay_id: str, status: ItemStatus, limit: int = _SHOWN) -> list[tuple[Item, str | None]]:
        """Return letters of a replay in one status, in their order, each with the letter that it came back as."""
        query = (
            select(ITEMS)
            .where(ITEMS.c.replay_id == replay_id, ITEMS.c.status == status.value)
            .order_by(ITEMS.c.position)
            .limit(limit)
        )
        return await self._database.read(
            lambda connection: [(item_of(row), row.new_letter_id) for row in connection.execute(query)]
        )

    async def sent_at(self, replay_id: str) -> list[datetime]:
        """Return when each letter of a replay went, in order of time."""
        query = select(ITEMS.c.sent_at).where(ITEMS.c.replay_id == replay_id, ITEMS.c.sent_at.is_not(None))
        ordered = query.order_by(ITEMS.c.sent_at)
        return await self._database.read(lambda connection: list(connection.execute(ordered).scalars()))

    async def waiting_since(self, replay_id: str) -> datetime | None:
        """Return when the oldest letter went of those of which nothing was heard yet; None: there is none."""
        query = select(func.min(ITEMS.c.sent_at, type_=ITEMS.c.sent_at.type)).where(
            ITEMS.c.replay_id == replay_id, ITEMS.c.status == ItemStatus.SENT.value
        )
        return await self._database.read(lambda connection: connection.execute(query).scalar_one())

    async def skipped(self, replay_id: str) -> dict[str, int]:
        """Return how many letters are skipped, by reason."""
        query = (
            select(ITEMS.c.reason, func.count().label("letters"))
            .where(ITEMS.c.replay_id == replay_id, ITEMS.c.status == ItemStatus.SKIPPED.value)
            .group_by(ITEMS.c.reason)
        )
        return await self._database.read(
            lambda connection: {row.reason or "": row.letters for row in connection.execute(query)}
        )

    async def new_in_groups(self, replay: Replay) -> int:
        """Return how many open letters of the same groups came since the plan, of which the replay knows nothing."""
        mine = (
            select(LETTERS.c.fingerprint)
            .join(ITEMS, ITEMS.c.letter_id == LETTERS.c.id)
            .where(ITEMS.c.replay_id == replay.id)
            .distinct()
        )
        query = (
            select(func.count())
            .select_from(LETTERS)
            .where(
                LETTERS.c.status == LetterStatus.OPEN.value,
                LETTERS.c.created_at >= replay.planned_at,
                LETTERS.c.run != replay.id,
                LETTERS.c.fingerprint.in_(mine),
            )
        )
        return await self._database.read(lambda connection: connection.execute(query).scalar_one())

    async def edited(self, replay_id: str, letter_id: str) -> bytes | None:
        """Return what a replay sends in place of a letter's own body; None: its own."""
        query = select(ITEMS.c.body).where(ITEMS.c.replay_id == replay_id, ITEMS.c.letter_id == letter_id)
        return await self._database.read(lambda connection: connection.execute(query).scalar_one_or_none())

    async def letter_of(self, replay_id: str, key: InboxKey) -> str | None:
        """Return the id of the letter that a replay sent as the event of ``key``; None: it sent no such event."""
        query = select(ITEMS.c.letter_id).where(
            ITEMS.c.replay_id == replay_id,
            ITEMS.c.event_id == key.event_id,
            ITEMS.c.event_source == key.source,
            ITEMS.c.sent_at.is_not(None),
        )
        return await self._database.read(lambda connection: connection.execute(query.limit(1)).scalar_one_or_none())


def standing(connection: Connection, replay_id: str) -> Replay | None:
    """Return a plan or replay as it stands."""
    row = connection.execute(select(REPLAYS, _LED).where(REPLAYS.c.id == replay_id)).one_or_none()
    return None if row is None else _replay(row, counted(connection, replay_id))


def counted(connection: Connection, replay_id: str) -> Counts:
    """Return how many letters of a replay are where."""
    return counted_each(connection, [replay_id])[replay_id]


def counted_each(connection: Connection, replay_ids: Sequence[str]) -> dict[str, Counts]:
    """Return how many letters of each replay are where."""
    query = (
        select(ITEMS.c.replay_id, ITEMS.c.status, func.count().label("letters"))
        .where(ITEMS.c.replay_id.in_(replay_ids))
        .group_by(ITEMS.c.replay_id, ITEMS.c.status)
    )
    found: dict[str, dict[str, int]] = {replay_id: {} for replay_id in replay_ids}
    for row in connection.execute(query):
        found[row.replay_id][row.status] = row.letters
    return {replay_id: Counts(**statuses) for replay_id, statuses in found.items()}


def item_of(row: Any) -> Item:
    """Return the letter of a plan from its row."""
    return Item(
        letter_id=row.letter_id,
        lane=row.lane,
        type=row.type,
        source=row.event_source,
        event_id=row.event_id,
        status=ItemStatus(row.status),
        reason=row.reason,
        body=row.body,
    )


def _replay(row: Any, counts: Counts) -> Replay:
    terms = Terms()
    if row.started_at is not None:
        terms = Terms(row.rate, row.most, tuple(json.loads(row.canary)), row.stop_at_error_rate)
    return Replay(
        id=row.id,
        status=ReplayStatus(row.status),
        selection=row.selection,
        planned_at=row.planned_at,
        planned_by=row.planned_by,
        started_at=row.started_at,
        started_by=row.started_by,
        reason=row.reason,
        terms=terms,
        ended_at=row.ended_at,
        message=row.message,
        counts=counts,
        leader=row.lease_owner if row.led else None,
    )
