"""Plans and replays as people make them: kept, started, paused, resumed, cancelled. `replay_steps` carries them out.

Whatever changes a replay has its row until the end of its transaction: a step of the process that carries it out and
an act of a person come one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select, update

from consumer.domain.replay import PLAN_HOLDS, ItemStatus, Replay, ReplayRefused, ReplayStatus, steps_text
from consumer.domain.sync_end import LONGEST_MESSAGE, tellable
from consumer.domain.writes import LetterStatus, SyncLogRow, SyncStatus, SyncType
from consumer.persistence.bulk import Incoming
from consumer.persistence.replay_looks import ITEMS, LETTERS, REPLAYS, standing

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection

    from consumer.domain.audit import AuditEntry
    from consumer.domain.replay import Counts, Item, Plan, Terms
    from consumer.persistence.audit import Audit
    from consumer.persistence.engine import Database
    from consumer.persistence.sync_log import SyncLog

_PLAN_ANEW: Final = "Nothing was done; make a new one with `relay replay plan`."


class Replays:
    """The part of `consumer.persistence.store.Store` that people replay dead letters through.

    Args:
        database: of the store.
        audit: writes the rows of the audit log.
        sync_log: a replay has a row of type ``manual``.
    """

    def __init__(self, database: Database, audit: Audit, sync_log: SyncLog) -> None:
        self._database = database
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
        return await self._turned(replay_id, ReplayStatus.RUNNING, ReplayStatus.PAUSED, entry)

    async def resume(self, replay_id: str, entry: AuditEntry) -> Replay:
        """Go on with a paused replay.

        Raises:
            ReplayRefused: it is not paused.
        """
        return await self._turned(replay_id, ReplayStatus.PAUSED, ReplayStatus.RUNNING, entry)

    async def cancel(self, replay_id: str, entry: AuditEntry) -> Replay:
        """End a replay for good: letters that have not gone are open again; what is under way comes to its end.

        Raises:
            ReplayRefused: it is neither running nor paused.
        """

        def cancelled(connection: Connection) -> Replay:
            hold(connection, replay_id)
            _required(connection, replay_id, {ReplayStatus.RUNNING, ReplayStatus.PAUSED})
            why = f"by {entry.actor}" + (f", {entry.reason}" if entry.reason else "")
            end_early(connection, replay_id, ReplayStatus.CANCELLED, why)
            self._audit.add(connection, entry)
            return _found(connection, replay_id)

        return await self._database.write(cancelled)

    def _started(self, connection: Connection, replay_id: str, terms: Terms, entry: AuditEntry) -> Replay:
        hold(connection, replay_id)
        plan = _required(connection, replay_id, {ReplayStatus.PLANNED})
        if entry.at - plan.planned_at > PLAN_HOLDS:
            raise _refusal(f"plan {replay_id} is stale: it was made {plan.planned_at:%Y-%m-%d %H:%M} UTC", _PLAN_ANEW)
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
        chosen = select(ITEMS.c.letter_id).where(*waiting)
        wanted = connection.execute(select(func.count()).select_from(chosen.distinct().subquery())).scalar_one()
        if not wanted:
            raise _refusal(f"plan {replay_id} has no letter that would go", "Nothing was done.")
        taken = connection.execute(
            update(LETTERS)
            .where(LETTERS.c.id.in_(chosen), LETTERS.c.status == LetterStatus.OPEN.value)
            .values(status=LetterStatus.REPLAYING.value, replay_id=replay_id, closed_at=None)
        ).rowcount
        if taken != wanted:
            raise _refusal(
                f"plan {replay_id} is stale: {wanted - taken} of its {wanted} letters are no longer open (another "
                "replay has them in hand, or somebody discarded them)",
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

    async def _turned(self, replay_id: str, before: ReplayStatus, after: ReplayStatus, entry: AuditEntry) -> Replay:
        def turned(connection: Connection) -> Replay:
            hold(connection, replay_id)
            _required(connection, replay_id, {before})
            connection.execute(update(REPLAYS).where(REPLAYS.c.id == replay_id).values(status=after.value))
            self._audit.add(connection, entry)
            return _found(connection, replay_id)

        return await self._database.write(turned)


def _frozen(item: Item) -> tuple[object, ...]:
    named = (item.letter_id, item.lane, item.type, item.source, item.event_id)
    return (*named, item.status.value, item.reason, item.body)


def hold(connection: Connection, replay_id: str) -> None:
    """Have a replay's row until the end of the transaction; on SQLite whoever writes has all of them."""
    connection.execute(update(REPLAYS).where(REPLAYS.c.id == replay_id).values(id=REPLAYS.c.id))


def end_early(connection: Connection, replay_id: str, status: ReplayStatus, why: str) -> None:
    """Let nothing more of a replay go; what has not gone is open again."""
    waiting = (ITEMS.c.replay_id == replay_id, ITEMS.c.status == ItemStatus.WAITING.value)
    connection.execute(
        update(LETTERS)
        .where(
            LETTERS.c.id.in_(select(ITEMS.c.letter_id).where(*waiting)),
            LETTERS.c.replay_id == replay_id,
            LETTERS.c.status == LetterStatus.REPLAYING.value,
        )
        .values(status=LetterStatus.OPEN.value)
    )
    connection.execute(
        update(ITEMS).where(*waiting).values(status=ItemStatus.SKIPPED.value, reason=f"not sent: {status.value}")
    )
    connection.execute(update(REPLAYS).where(REPLAYS.c.id == replay_id).values(status=status.value, message=why))


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


def _required(connection: Connection, replay_id: str, allowed: Collection[ReplayStatus]) -> Replay:
    replay = standing(connection, replay_id)
    if replay is None:
        raise _refusal(f"there is no plan or replay {replay_id}", "`relay replay list` shows the newest.")
    if replay.status not in allowed:
        wanted = " or ".join(sorted(status.value for status in allowed))
        who = f", started by {replay.started_by}" if replay.started_by else ""
        raise _refusal(
            f"replay {replay_id} is {replay.status.value}{who}; this takes one that is {wanted}",
            f"`relay replay status {replay_id}` tells more.",
        )
    return replay


def _found(connection: Connection, replay_id: str) -> Replay:
    replay = standing(connection, replay_id)
    if replay is None:
        raise LookupError(f"replay {replay_id} vanished in its own transaction")
    return replay


def _refusal(what: str, cure: str) -> ReplayRefused:
    return ReplayRefused(f"{what}. {cure}", code="replay_refused")
