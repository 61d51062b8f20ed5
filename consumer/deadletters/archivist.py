"""Takes dead letters from the broker into the ledger, where they can be selected and replayed exactly.

Consumes each ``<lane>.dlq`` and ``relay.unroutable``. Letter and result (``event.dead_lettered``, or
``event.rejected`` where the contract was broken) are one transaction; the delivery is acked after the commit.
Archiving the same message twice files one letter.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from consumer.deadletters.causes import cause
from consumer.domain import delivery as headers
from consumer.domain.delivery import Delivery, Settlement
from consumer.domain.errors import BatchCounted, BooksUnavailable, ErrorClass, RelayError
from consumer.domain.letters import ErrorNote, letter_id, letter_of
from consumer.domain.outcome import Result
from consumer.domain.recoverability import DATABASE
from consumer.domain.results import outgoing, recorded, sync_log_id
from consumer.domain.sync_plan import lost_batch
from consumer.domain.sync_writes import BatchStatus
from consumer.domain.writes import (
    InboxEntry,
    InboxKey,
    Letter,
    LetterStatus,
    OutboxMessage,
    SyncLogRow,
    SyncStatus,
    SyncType,
    UnitOfWork,
    Write,
)
from consumer.observability.logging import get_logger
from schemas.identity import body_digest, unreadable_key
from schemas.internal import Batch
from schemas.registry import INBOUND, INTERNAL
from schemas.results import EventDeadLettered, EventRejected, RejectedField, SyncCompleted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.sync_plan import BatchStanding
    from consumer.domain.sync_writes import CountBatch
    from schemas.envelope import Event
    from schemas.faults import InvalidEvent

log = get_logger(__name__)

_DATABASE_REST = timedelta(seconds=2)
_REQUESTS = frozenset(type_ for type_ in INBOUND if type_.startswith("sync."))
"""Events whose row of the sync log is there before they are done."""
_LONGEST_REST = timedelta(seconds=30)


class LedgerBooks(Protocol):
    """What the archivist needs of our state."""

    async def commit(self, unit: UnitOfWork) -> None:
        """Commit ``unit`` whole."""
        ...

    async def inbox(self, key: InboxKey) -> InboxEntry | None:
        """Return how an event ended, or None."""
        ...

    async def replayed_letter(self, run: str, key: InboxKey) -> str | None:
        """Return the id of the letter that a replay sent as the event of ``key``, or None."""
        ...

    async def sync_log(self, id_: str) -> SyncLogRow | None:
        """Return a sync-log row, or None."""
        ...

    async def sync_batch(self, sync_id: str, number: int) -> BatchStanding | None:
        """Return how a planned batch of a sync stands, or None."""
        ...


class Outlet(Protocol):
    """Where committed results go."""

    def hand_over(self, rows: Sequence[OutboxMessage]) -> None:
        """Take rows that are committed."""
        ...


class Rest(Protocol):
    """Where the archivist says that the database is away."""

    def pause(self, resource: str, *, rest: timedelta, longest: timedelta, cause: RelayError, alert: bool) -> None:
        """Put ``resource`` to rest."""
        ...


class Archivist:
    """Files dead letters.

    Args:
        books: our state.
        outlet: the outbox relay.
        pauses: told when the database is away; what cannot be stored stays in the queue.
        max_event_bytes: bodies above it are filed unread.
    """

    def __init__(self, books: LedgerBooks, outlet: Outlet, pauses: Rest, *, max_event_bytes: int) -> None:
        self._books = books
        self._outlet = outlet
        self._pauses = pauses
        self._max_event_bytes = max_event_bytes

    async def archive(self, delivery: Delivery) -> Settlement:
        """File one message; returns how it ends for the broker."""
        try:
            try:
                letter = await self._file(delivery)
            except BooksUnavailable:
                raise
            except Exception:  # whatever stops it, a letter that cannot be filed as it is must not circle for ever
                log.exception("letter filed without its headers: they make it impossible to file", queue=delivery.queue)
                letter = await self._file(replace(delivery, headers={}, message_id=None))
        except BooksUnavailable as error:
            self._pauses.pause(DATABASE, rest=_DATABASE_REST, longest=_LONGEST_REST, cause=error, alert=False)
            return Settlement.REQUEUE
        log.warning(
            "dead letter",
            lane=letter.lane,
            event_id=letter.event_id,
            type=letter.type,
            error_class=letter.error_class.value,
            code=letter.code,
            dead_letter_id=letter.id,
        )
        return Settlement.ACK

    async def _file(self, delivery: Delivery) -> Letter:
        now = datetime.now(UTC)
        note, event, invalid = cause(delivery, self._max_event_bytes)
        identity = _Identity.of(delivery, event, invalid)
        follows = None
        if delivery.replay is not None:
            follows = await self._books.replayed_letter(delivery.replay, identity.key)
            if follows is not None:
                identity = _Identity.of(delivery, event, invalid, run=delivery.replay)
        done = None if invalid is not None else await self._books.inbox(identity.key)
        letter = _letter(delivery, note, identity, now=now, closed=done is not None, follows=follows)
        rows = [] if done is not None else self._results(delivery, letter, note, identity, now)
        writes: tuple[Write, ...] = (letter, *rows)
        # What is done has its row: finished, or under way with a plan that ends it.
        asked = identity.type in _REQUESTS and invalid is None and done is None
        row = await self._books.sync_log(sync_log_id(identity.key)) if asked else None
        if row is not None and row.completed_at is None:
            failed = _failed_sync(row, note, now)
            told = outgoing(
                _sync_results(failed),
                key=identity.result_key,
                correlationid=identity.correlationid,
                traceparent=None,
                now=now,
            )
            rows = [*rows, *told]
            writes = (letter, failed, *rows)
        lost = () if done is not None else await self._lost(event, note, now)
        try:
            await self._books.commit(UnitOfWork((*writes, *lost)))
        except BatchCounted:
            # Between the look and the commit another copy of the batch has ended.
            await self._books.commit(UnitOfWork(writes))
        self._outlet.hand_over(rows)
        return letter

    async def _lost(self, event: Event | None, note: ErrorNote, now: datetime) -> tuple[CountBatch, ...]:
        """Count what a dead letter takes with it, so that its sync comes to an end (DESIGN section 7)."""
        batch = None if event is None else event.data
        if not isinstance(batch, Batch):
            return ()
        standing = await self._books.sync_batch(batch.sync_id, batch.number)
        if standing is None or standing.status is not BatchStatus.OPEN:
            return ()
        return (lost_batch(batch, standing, reason=note.message, now=now),)

    @staticmethod
    def _results(
        delivery: Delivery, letter: Letter, note: ErrorNote, identity: _Identity, now: datetime
    ) -> list[OutboxMessage]:
        result = (
            _rejected(delivery, note, letter)
            if note.error_class is ErrorClass.INVALID_EVENT
            else Result(
                "event.dead_lettered",
                EventDeadLettered(error=note.to_result(), attempts=letter.attempt_count, dead_letter_id=letter.id),
                subject=letter.subject,
            )
        )
        return outgoing(
            [result], key=identity.result_key, correlationid=identity.correlationid, traceparent=None, now=now
        )


class _Identity:
    """Which event a dead letter is about, as far as it can be read."""

    __slots__ = ("correlationid", "key", "result_key", "subject", "type")

    def __init__(
        self, key: InboxKey, result_key: InboxKey, type_: str | None, subject: str | None, cause: str | None = None
    ) -> None:
        self.key = key
        self.result_key = result_key
        self.correlationid = cause or key.event_id
        self.type = type_
        self.subject = subject

    @classmethod
    def of(cls, delivery: Delivery, event: Event | None, invalid: InvalidEvent | None, *, run: str = "") -> _Identity:
        if event is not None:
            key = InboxKey(event.source, event.id, run)
            type_: str | None = event.type
            subject: str | None = event.subject
        else:
            key = InboxKey(
                (invalid.source if invalid else None) or "",
                (invalid.event_id if invalid else None) or unreadable_key(delivery.readable_message_id, delivery.body),
            )
            type_ = invalid.type if invalid else None
            subject = invalid.subject if invalid else None
        if invalid is None:
            # Nobody knows our messages to ourselves: what is told of one answers the event that it was made for.
            cause = event.correlationid if event is not None and event.type in INTERNAL else None
            return cls(key, key, type_, subject, cause)
        # Two bodies under one id are two rejections: the digest keeps their results apart.
        digest = body_digest(delivery.body)
        return cls(key, InboxKey(key.source, key.event_id, f"rejected:{digest}{key.run}"), type_, subject)


def _rejected(delivery: Delivery, note: ErrorNote, letter: Letter) -> Result:
    fields = note.fields or [{"field": "body", "expected": "an event of the contract", "input": note.message[:100]}]
    return Result(
        "event.rejected",
        EventRejected(
            errors=tuple(RejectedField(**found) for found in fields),
            message_id=delivery.readable_message_id,
            body_sha256=body_digest(delivery.body),
        ),
        subject=letter.subject,
    )


def _failed_sync(row: SyncLogRow, note: ErrorNote, now: datetime) -> SyncLogRow:
    """Return the row of a sync that was dead-lettered: what it had not done by then has failed, what it did stands."""
    failed = max(row.total_count - row.success_count, row.failed_count)
    status = SyncStatus.PARTIAL if row.success_count else SyncStatus.FAILED
    return replace(row, status=status, failed_count=failed, message=note.message, completed_at=now)


def _sync_results(row: SyncLogRow) -> list[Result]:
    told = recorded(row)
    completed = SyncCompleted(sync_log=told, changed=0, unchanged=row.success_count, failed=())
    if row.sync_type is SyncType.ORDER:
        return [Result("sync_log.recorded", told, subject=row.id)]
    return [Result("sync.completed", completed, subject=row.id), Result("sync_log.recorded", told, subject=row.id)]


def _letter(
    delivery: Delivery, note: ErrorNote, identity: _Identity, *, now: datetime, closed: bool, follows: str | None
) -> Letter:
    lane = delivery.headers.get(headers.LANE)
    origin = lane if isinstance(lane, str) else delivery.queue.removesuffix(".dlq")
    key = identity.key
    return letter_of(
        delivery,
        note,
        id_=letter_id(origin, key.source, key.event_id, key.run, str(delivery.attempt), body_digest(delivery.body)),
        lane=origin,
        key=key,
        type_=identity.type,
        subject=identity.subject,
        status=LetterStatus.CLOSED if closed else LetterStatus.OPEN,
        now=now,
        follows=follows,
    )
