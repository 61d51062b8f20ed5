"""Plans and replays as people make them: kept, started, paused, resumed, cancelled. `replay_steps` carries them out.

Whatever changes a replay has its row until the end of its transaction: a step of the process that carries it out and
an act of a person come one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, select, update

from consumer.domain.replay import (
    ABANDONS,
    CANCELS,
    PAUSES,
    PLAN_HOLDS,
    RESUMES,
    STARTS,
    ItemStatus,
    Replay,
    ReplayStatus,
    acceptable,
    refusal,
    steps_text,
)
from consumer.domain.sync_end import LONGEST_MESSAGE, tellable
from consumer.domain.writes import LetterStatus, SyncLogRow, SyncStatus, SyncType
from consumer.persistence.bulk import Incoming
from consumer.persistence.letters import bites, hold_letters
from consumer.persistence.replay_looks import ITEMS, LETTERS, REPLAYS, standing

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from consumer.domain.audit import AuditEntry
    from consumer.domain.replay import Counts, Item, Plan, Terms
    from consumer.persistence.audit import Audit
    from consumer.persistence.engine import Database
    from consumer.persistence.replay_ends import ReplayEnds
    from consumer.persistence.sync_log import SyncLog

_PLAN_ANEW: Final = "Nothing was done; make a new one with `relay replay plan`."


class Replays:
    """The part of `consumer.persistence.store.Store` that people replay dead letters through.

    Args:
        database: of the store.
        ends: how letters of a replay end.
        audit: writes the rows of the audit log.
        sync_log: a replay has a row of type ``manual``.
    """

    def __init__(self, database: Database, ends: ReplayEnds, audit: Audit, sync_log: SyncLog) -> None:
        self._database = database
        self._ends = ends
        self._audit = audit
        self._sync_log = sync_log
        columns = ("letter_id", "lane", "type", "event_source", "event_id", "status", "reason", "body")
        self._add_items = (
            Incoming.of(database.dialect, ITEMS, "replay_id", "position", *columns).insert(ITEMS).ignored()
        )

    async def keep(self, plan: Plan) -> None:
        """Write a plan down; nothing else changes by it."""
        row = {
            "id": plan.id,
            "status": ReplayStatus.PLANNED.value,
            "selection": plan.selection,
            "planned_at": plan.planned_at,
            "planned_by": plan.planned_by,
            "message": "",
        }
        items = [(plan.id, place, *_frozen(one)) for place, one in enumerate(plan.items)]

        def kept(connection: Connection) -> None:
            connection.execute(REPLAYS.insert(), row)
            self._add_items.execute(connection, items)

        await self._database.write(kept)

    async def start(self, replay_id: str, terms: Terms, entry: AuditEntry) -> Replay:
        """Make a plan a replay: its letters are in its hand from now on, and a running service carries it out.

        Raises:
            ReplayRefused: there is no such plan, it was started before, it is stale, or one of its letters is no longer
                open; nothing was changed.
        """
        return await self._database.write(lambda connection: self._started(connection, replay_id, terms, entry))

    async def pause(self, replay_id: str, entry: AuditEntry) -> Replay:
        """Let nothing more go until it is resumed; what is under way comes to its end.

        Raises:
            ReplayRefused: it is not running.
        """
        return await self._turned(replay_id, PAUSES, ReplayStatus.PAUSED, entry)

    async def resume(self, replay_id: str, entry: AuditEntry) -> Replay:
        """Go on with a paused replay.

        Raises:
            ReplayRefused: it is not paused.
        """
        return await self._turned(replay_id, RESUMES, ReplayStatus.RUNNING, entry)

    async def cancel(self, replay_id: str, entry: AuditEntry, *, abandon: bool = False) -> Replay:
        """End a replay for good: letters that have not gone are open again; what is under way comes to its end.

        The replay ends in one transaction, its letters are opened in bites after it. Whoever dies between has ended it
        all the same: the service opens what is left.

        Args:
            replay_id: which.
            entry: of the audit log.
            abandon: also open what is under way and was not heard of. For messages that are certain never to be
                carried through, since somebody emptied their queue; what is heard of them later is not noted any more.

        Raises:
            ReplayRefused: it is neither running nor paused, nor, to be abandoned, has anything under way.
        """
        why = f"by {entry.actor}" + (f", {entry.reason}" if entry.reason else "")

        def ended(connection: Connection) -> ReplayStatus:
            hold(connection, replay_id)
            replay = acceptable(standing(connection, replay_id), replay_id, ABANDONS if abandon else CANCELS)
            status = ReplayStatus.CANCELLED if replay.status in CANCELS else replay.status
            if status is not replay.status:
                end_early(connection, replay_id, status, why)
            self._audit.add(connection, entry)
            return status

        def released(connection: Connection) -> int:
            hold(connection, replay_id)
            return self._ends.release(connection, replay_id, not_sent(status), entry.at)

        def given_up(connection: Connection) -> int:
            hold(connection, replay_id)
            return self._ends.give_up(connection, replay_id, f"given up {why}", entry.at)

        status = await self._database.write(ended)
        for some in (released, given_up) if abandon else (released,):
            while await self._database.write(some):
                pass
        return await self._database.read(lambda connection: _found(connection, replay_id))

    def _started(self, connection: Connection, replay_id: str, terms: Terms, entry: AuditEntry) -> Replay:
        hold(connection, replay_id)
        plan = acceptable(standing(connection, replay_id), replay_id, STARTS)
        if entry.at - plan.planned_at > PLAN_HOLDS:
            raise refusal(f"plan {replay_id} is stale: it was made {plan.planned_at:%Y-%m-%d %H:%M} UTC", _PLAN_ANEW)
        waiting = (ITEMS.c.replay_id == replay_id, ITEMS.c.status == ItemStatus.WAITING.value)
        if terms.most is not None:
            beyond = select(ITEMS.c.position).where(*waiting).order_by(ITEMS.c.position).offset(terms.most).limit(1)
            first = connection.execute(beyond).scalar_one_or_none()
            if first is not None:
                connection.execute(
                    update(ITEMS)
                    .where(*waiting, ITEMS.c.position >= first)
                    .values(status=ItemStatus.SKIPPED.value, reason=f"beyond the first {terms.most}")
                )
        wanted = sorted(connection.execute(select(ITEMS.c.letter_id).where(*waiting)).scalars())
        if not wanted:
            raise refusal(f"plan {replay_id} has no letter that would go", "Nothing was done.")
        rivals = _rivals(connection, waiting, wanted)
        if rivals:
            raise refusal(
                f"plan {replay_id} is stale: another replay has other letters of {rivals} of its events in hand",
                _PLAN_ANEW,
            )
        taken = sum(_take(connection, replay_id, some) for some in bites(wanted))
        if taken != len(wanted):
            raise refusal(
                f"plan {replay_id} is stale: {len(wanted) - taken} of its {len(wanted)} letters are no longer open "
                "(another replay has them in hand, or somebody discarded them)",
                _PLAN_ANEW,
            )
        connection.execute(
            update(REPLAYS)
            .where(REPLAYS.c.id == replay_id)
            .values(
                status=ReplayStatus.RUNNING.value,
                started_at=entry.at,
                started_by=entry.actor,
                reason=entry.reason,
                rate=terms.rate,
                most=terms.most,
                canary=steps_text(terms.canary),
                stop_at_error_rate=terms.stop_at_error_rate,
            )
        )
        replay = _found(connection, replay_id)
        self._sync_log.write(
            connection, [log_row(replay, replay.counts, entry.at, entry.reason or "replay under way", ended=False)]
        )
        self._audit.add(connection, entry)
        return replay

    async def _turned(
        self, replay_id: str, allowed: Collection[ReplayStatus], after: ReplayStatus, entry: AuditEntry
    ) -> Replay:
        def turned(connection: Connection) -> Replay:
            hold(connection, replay_id)
            acceptable(standing(connection, replay_id), replay_id, allowed)
            connection.execute(update(REPLAYS).where(REPLAYS.c.id == replay_id).values(status=after.value))
            self._audit.add(connection, entry)
            return _found(connection, replay_id)

        return await self._database.write(turned)


def _rivals(connection: Connection, waiting: Sequence[ColumnElement[bool]], wanted: Sequence[str]) -> int:
    """Return how many other letters of the events that are to go are under way.

    All letters of those events are held then: of two plans with one event between them the second sees what the first
    has taken.
    """
    mine = LETTERS.alias()
    of_one_event = and_(LETTERS.c.event_id == mine.c.event_id, LETTERS.c.event_source == mine.c.event_source)
    query = (
        select(LETTERS.c.id)
        .select_from(ITEMS.join(mine, mine.c.id == ITEMS.c.letter_id).join(LETTERS, of_one_event))
        .where(*waiting, LETTERS.c.id != mine.c.id)
    )
    kin = connection.execute(query).scalars().all()
    for some in bites((*wanted, *kin)):
        hold_letters(connection, some)
    under_way = LETTERS.c.status == LetterStatus.REPLAYING.value
    return sum(
        len(connection.execute(select(LETTERS.c.id).where(LETTERS.c.id.in_(some), under_way)).all())
        for some in bites(kin)
    )


def _take(connection: Connection, replay_id: str, ids: Sequence[str]) -> int:
    hold_letters(connection, ids)
    return connection.execute(
        update(LETTERS)
        .where(LETTERS.c.id.in_(ids), LETTERS.c.status == LetterStatus.OPEN.value)
        .values(status=LetterStatus.REPLAYING.value, replay_id=replay_id, closed_at=None)
    ).rowcount


def _frozen(item: Item) -> tuple[object, ...]:
    named = (item.letter_id, item.lane, item.type, item.source, item.event_id)
    return (*named, item.status.value, item.reason, item.body)


def hold(connection: Connection, replay_id: str) -> None:
    """Have a replay's row until the end of the transaction; on SQLite whoever writes has all of them."""
    connection.execute(update(REPLAYS).where(REPLAYS.c.id == replay_id).values(id=REPLAYS.c.id))


def end_early(connection: Connection, replay_id: str, status: ReplayStatus, why: str) -> None:
    """Let nothing more of a replay go; `replay_ends.ReplayEnds.release` opens what has not gone, a bite at a time."""
    connection.execute(update(REPLAYS).where(REPLAYS.c.id == replay_id).values(status=status.value, message=why))


def not_sent(status: ReplayStatus) -> str:
    """Return why a letter was skipped when its replay ended early."""
    return f"not sent: {status.value}"


def log_row(replay: Replay, counts: Counts, now: datetime, message: str, *, ended: bool) -> SyncLogRow:
    """Return the replay's row in ``haier_sync_log``."""
    status = SyncStatus.PROCESSING
    if ended:
        bad = counts.failed if replay.status is ReplayStatus.DONE else counts.failed + counts.skipped
        good = SyncStatus.PARTIAL if counts.succeeded else SyncStatus.FAILED
        status = good if bad else SyncStatus.SUCCESS
    return SyncLogRow(
        id=replay.id,
        sync_type=SyncType.MANUAL,
        status=status,
        message=tellable(message, LONGEST_MESSAGE),
        total_count=counts.total,
        success_count=counts.succeeded,
        failed_count=counts.failed,
        created_at=replay.started_at or now,
        started_at=replay.started_at,
        completed_at=now if ended else None,
        event_id=None,
    )


def _found(connection: Connection, replay_id: str) -> Replay:
    replay = standing(connection, replay_id)
    if replay is None:
        raise LookupError(f"replay {replay_id} vanished in its own transaction")
    return replay
