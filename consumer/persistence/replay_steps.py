"""Carrying replays out, a step at a time. Each step is one transaction under the lease of the process that leads.

What a step sends is in the outbox in the same transaction that says so: whoever is killed, nothing goes twice and
nothing is left out. How letters end is `replay_ends`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, and_, bindparam, literal_column, or_, select, update

from consumer.domain.audit import AuditEntry
from consumer.domain.outcome import Result
from consumer.domain.replay import (
    LOOKED_AT,
    ItemStatus,
    ReplayStatus,
    judged_together,
    may_go,
    sent_again,
    too_many_failed,
)
from consumer.domain.results import SOURCE, outgoing, recorded
from consumer.domain.writes import InboxKey, LetterStatus, OutboxMessage
from consumer.persistence.bulk import Incoming
from consumer.persistence.columns import clock, clock_once, database_time, milliseconds
from consumer.persistence.letters import letter_of_row
from consumer.persistence.replay_ends import End
from consumer.persistence.replay_looks import ITEMS, LETTERS, REPLAYS, counted, item_of, standing
from consumer.persistence.replays import end_early, log_row, not_sent

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sqlalchemy import Connection

    from consumer.domain.replay import Replay
    from consumer.persistence.audit import Audit
    from consumer.persistence.engine import Database
    from consumer.persistence.outbox import Outbox
    from consumer.persistence.replay_ends import ReplayEnds
    from consumer.persistence.sync_log import SyncLog

_AT_ONCE: Final = 500
"""Outcomes read in one step, and letters sent in one."""
ACTOR: Final = "haier-relay"
"""Who stops a replay by its guard, in the audit log."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did.

    Attributes:
        replay: as it stands now.
        messages: committed with it, to be sent.
        gone: how many letters are among them.
        succeeded: letters whose event is done, heard of in this step.
        failed: letters that came back, heard of in this step.
        awaits: no more may go before an outcome is known.
    """

    replay: Replay
    messages: tuple[OutboxMessage, ...]
    gone: int
    succeeded: int
    failed: int
    awaits: bool


class ReplaySteps:
    """Statements on ``replays`` and ``replay_letters`` for the process that carries a replay out."""

    def __init__(self, database: Database, ends: ReplayEnds, audit: Audit, sync_log: SyncLog, outbox: Outbox) -> None:
        self._database = database
        self._ends = ends
        self._audit = audit
        self._sync_log = sync_log
        self._outbox = outbox
        dialect = database.dialect
        open_ = and_(REPLAYS.c.started_at.is_not(None), REPLAYS.c.ended_at.is_(None))
        free = or_(
            REPLAYS.c.lease_owner == bindparam("owner"),
            REPLAYS.c.lease_until.is_(None),
            REPLAYS.c.lease_until <= clock_once(),
        )
        self._to_lead = select(REPLAYS.c.id).where(open_, free).order_by(REPLAYS.c.started_at)
        self._lead = (
            update(REPLAYS)
            .where(
                REPLAYS.c.id == bindparam("replay"),
                open_,
                or_(
                    REPLAYS.c.lease_owner == bindparam("owner"),
                    REPLAYS.c.lease_until.is_(None),
                    # On PostgreSQL asked when the row is ours.
                    REPLAYS.c.lease_until <= clock(),
                ),
            )
            .values(lease_owner=bindparam("owner"), lease_until=clock() + bindparam("lease", type_=BigInteger))
        )
        self._next = (
            select(ITEMS)
            .where(ITEMS.c.replay_id == bindparam("replay"), ITEMS.c.status == _text(ItemStatus.WAITING))
            .order_by(ITEMS.c.position)
            .limit(bindparam("limit", type_=BigInteger))
        )
        sent = Incoming.of(dialect, ITEMS, "replay_id", "position", "sent_at")
        self._sent = sent.bulk(
            update(ITEMS)
            .where(ITEMS.c.replay_id == sent.rows.c.replay_id, ITEMS.c.position == sent.rows.c.position)
            .values(status=_text(ItemStatus.SENT), sent_at=sent.rows.c.sent_at)
        )

    async def to_lead(self, owner: str) -> list[str]:
        """Return ids of replays under way that ``owner`` leads, or that nobody does."""
        return await self._database.read(
            lambda connection: list(connection.execute(self._to_lead, {"owner": owner}).scalars())
        )

    async def step(self, replay_id: str, owner: str, lease: timedelta, room: int) -> Step | None:
        """Take or extend the lease of ``owner``, hear what became of what was sent, and send what may go.

        Args:
            replay_id: which.
            owner: name of the process.
            lease: for how long, by the database's clock.
            room: how many letters its pace lets go now.

        Returns:
            What was done; None: another process leads it, or it is over.
        """
        return await self._database.write(partial(self._step, replay_id, owner, lease, room))

    def _step(self, replay_id: str, owner: str, lease: timedelta, room: int, connection: Connection) -> Step | None:
        mine = {"replay": replay_id, "owner": owner, "lease": milliseconds(lease)}
        if not connection.execute(self._lead, mine).rowcount:
            return None
        now = database_time(connection)
        succeeded, failed = self._ends.hear(connection, replay_id, now)
        replay = standing(connection, replay_id)
        if replay is None:
            raise LookupError(f"replay {replay_id} vanished under its lease")
        counts, messages, gone = replay.counts, list[OutboxMessage](), 0
        running = replay.status is ReplayStatus.RUNNING
        if replay.status not in _GOING:
            self._ends.release(connection, replay_id, not_sent(replay.status), now)
        elif running and counts.failed and self._must_stop(connection, replay):
            self._stop(connection, replay, now)
        elif running and counts.waiting:
            messages = self._send(connection, replay_id, min(room, may_go(counts, replay.terms.canary), _AT_ONCE), now)
            gone = len(messages)
        after = standing(connection, replay_id) or replay
        if not after.counts.sent and not after.counts.waiting:
            messages += self._finish(connection, after, now)
            after = standing(connection, replay_id) or after
        awaits = not gone and running and may_go(counts, replay.terms.canary) == 0
        return Step(after, tuple(messages), gone, succeeded, failed, awaits)

    def _must_stop(self, connection: Connection, replay: Replay) -> bool:
        known = (ItemStatus.SUCCEEDED.value, ItemStatus.FAILED.value)
        newest = connection.execute(
            select(ITEMS.c.status)
            .where(ITEMS.c.replay_id == replay.id, ITEMS.c.status.in_(known))
            .order_by(ITEMS.c.ended_at.desc(), ITEMS.c.position.desc())
            .limit(LOOKED_AT)
        ).scalars()
        failed = [status == ItemStatus.FAILED.value for status in newest]
        together = min(judged_together(replay.counts, replay.terms.canary), LOOKED_AT)
        return too_many_failed(failed, replay.terms.stop_at_error_rate, of=together)

    def _stop(self, connection: Connection, replay: Replay, now: datetime) -> None:
        counts = replay.counts
        limit = f"{replay.terms.stop_at_error_rate:.0%}"
        newest = self._newest_cause(connection, replay.id)
        why = f"{counts.failed} of {counts.ended} came back, of the newest more than {limit}: {newest}"
        end_early(connection, replay.id, ReplayStatus.STOPPED, why)
        self._ends.release(connection, replay.id, not_sent(ReplayStatus.STOPPED), now)
        entry = AuditEntry(ACTOR, "replay.stop", now, replay.id, why, {"sent": counts.begun, "failed": counts.failed})
        self._audit.add(connection, entry)

    @staticmethod
    def _newest_cause(connection: Connection, replay_id: str) -> str:
        """Return why the newest failed, in nobody's words: what stopped a replay is kept for ever, a letter is not."""
        query = (
            select(LETTERS.c.error_class, LETTERS.c.code, LETTERS.c.fingerprint)
            .select_from(ITEMS.outerjoin(LETTERS, LETTERS.c.id == ITEMS.c.new_letter_id))
            .where(ITEMS.c.replay_id == replay_id, ITEMS.c.status == ItemStatus.FAILED.value)
            .order_by(ITEMS.c.ended_at.desc(), ITEMS.c.position.desc())
            .limit(1)
        )
        class_, code, fingerprint = connection.execute(query).one()
        return f"{class_} {code} (fingerprint {fingerprint})" if class_ else "its new letter is gone from the ledger"

    def _send(self, connection: Connection, replay_id: str, limit: int, now: datetime) -> list[OutboxMessage]:
        if limit < 1:
            return []
        rows = connection.execute(self._next, {"replay": replay_id, "limit": limit}).all()
        query = select(LETTERS).where(LETTERS.c.id.in_([row.letter_id for row in rows]))
        letters = {row.id: letter_of_row(row) for row in connection.execute(query)}
        there = [row for row in rows if row.letter_id in letters]
        messages = [sent_again(replay_id, row.position, letters[row.letter_id], item_of(row), now) for row in there]
        self._outbox.add(connection, messages)
        self._sent.execute(connection, [(replay_id, row.position, now) for row in there])
        gone = [(row.position, row.letter_id) for row in rows if row.letter_id not in letters]
        why = "its letter is gone from the ledger"
        ends = [End(place, letter_id, ItemStatus.SKIPPED, LetterStatus.CLOSED, why) for place, letter_id in gone]
        self._ends.write(connection, replay_id, ends, now)
        return messages

    def _finish(self, connection: Connection, replay: Replay, now: datetime) -> list[OutboxMessage]:
        status = ReplayStatus.DONE if replay.status in _GOING else replay.status
        connection.execute(
            update(REPLAYS).where(REPLAYS.c.id == replay.id).values(status=status.value, ended_at=now, lease_until=None)
        )
        ended = replace(replay, status=status)
        row = log_row(ended, counted(connection, replay.id), now, ended.told, ended=True)
        self._sync_log.write(connection, [row])
        told = outgoing(
            [Result("sync_log.recorded", recorded(row), subject=row.id)],
            key=InboxKey(SOURCE, replay.id),
            correlationid=None,
            traceparent=None,
            now=now,
        )
        self._ends.forget(connection, replay.id)
        self._outbox.add(connection, told)
        return told


_GOING: Final = frozenset({ReplayStatus.RUNNING, ReplayStatus.PAUSED})


def _text(value: str) -> Any:
    return literal_column(f"'{value}'")
