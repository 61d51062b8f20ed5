"""Takes dead letters from the broker into the ledger, where they can be selected and replayed exactly.

Consumes each ``<lane>.dlq`` and ``relay.unroutable``. Letter and result (``event.dead_lettered``, or
``event.rejected`` where the contract was broken) are one transaction; the delivery is acked after the commit.
Archiving the same message twice files one letter.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from consumer.domain import delivery as headers
from consumer.domain.delivery import Delivery, Settlement
from consumer.domain.errors import BooksUnavailable, ErrorClass, RelayError
from consumer.domain.letters import ErrorNote, letter_id, letter_of, note_of
from consumer.domain.outcome import Result
from consumer.domain.recoverability import DATABASE
from consumer.domain.results import outgoing, recorded, sync_log_id
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
from rabbitmq.topology import UNROUTABLE
from schemas.codec import decode
from schemas.faults import FieldError, InvalidEvent
from schemas.identity import body_digest, unreadable_key
from schemas.registry import INBOUND
from schemas.results import EventDeadLettered, EventRejected, RejectedField, SyncCompleted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.envelope import Event

log = get_logger(__name__)

_REASONS = frozenset({"rejected", "expired", "maxlen", "delivery_limit"})
_DATABASE_REST = timedelta(seconds=2)
_LONGEST_REST = timedelta(seconds=30)


class LedgerBooks(Protocol):
    """What the archivist needs of our state."""

    async def commit(self, unit: UnitOfWork) -> None:
        """Commit ``unit`` whole."""
        ...

    async def inbox(self, key: InboxKey) -> InboxEntry | None:
        """Return how an event ended, or None."""
        ...

    async def sync_log(self, id_: str) -> SyncLogRow | None:
        """Return a sync-log row, or None."""
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
        note, event, invalid = _cause(delivery, self._max_event_bytes)
        identity = _Identity.of(delivery, event, invalid)
        done = None if invalid is not None else await self._books.inbox(identity.key)
        letter = _letter(delivery, note, identity, now=now, closed=done is not None)
        rows = [] if done is not None else self._results(delivery, letter, note, identity, now)
        writes: tuple[Write, ...] = (letter, *rows)
        row = None if invalid is not None else await self._books.sync_log(sync_log_id(identity.key))
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
        await self._books.commit(UnitOfWork(writes))
        self._outlet.hand_over(rows)
        return letter

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

    def __init__(self, key: InboxKey, result_key: InboxKey, type_: str | None, subject: str | None) -> None:
        self.key = key
        self.result_key = result_key
        self.correlationid = key.event_id
        self.type = type_
        self.subject = subject

    @classmethod
    def of(cls, delivery: Delivery, event: Event | None, invalid: InvalidEvent | None) -> _Identity:
        if event is not None:
            key = InboxKey(event.source, event.id)
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
            return cls(key, key, type_, subject)
        # Two bodies under one id are two rejections: the digest keeps their results apart.
        digest = body_digest(delivery.body)
        return cls(key, InboxKey(key.source, key.event_id, f"rejected:{digest}"), type_, subject)


def _cause(delivery: Delivery, max_bytes: int) -> tuple[ErrorNote, Event | None, InvalidEvent | None]:
    """Return why the message is here, the event if it can be read, and the contract's objection if there is one."""
    try:
        event = decode(delivery.body, routing_key=None, max_bytes=max_bytes)
    except InvalidEvent as error:
        # What others misroute never passed through our hands: no note on it is ours.
        stored = None if delivery.queue == UNROUTABLE else _stored_note(delivery)
        return stored or note_of(error), None, error
    if delivery.queue == UNROUTABLE:
        misrouted = _misrouted(delivery, event.type)
        return note_of(misrouted), event, misrouted
    stored = _stored_note(delivery)
    if stored is None:
        return _by_the_broker(delivery), event, None
    if stored.error_class is ErrorClass.INVALID_EVENT:
        return stored, event, InvalidEvent([FieldError("body", "an event of the contract", stored.message[:100])])
    return stored, event, None


def _stored_note(delivery: Delivery) -> ErrorNote | None:
    text = delivery.headers.get(headers.ERROR)
    if not isinstance(text, str):
        return None
    try:
        return ErrorNote.from_header(text)
    except ValueError:
        # Somebody else wrote it; the letter keeps the headers untouched.
        log.warning("unreadable error note on a dead letter", queue=delivery.queue)
        return None


def _misrouted(delivery: Delivery, type_: str) -> InvalidEvent:
    expected = (
        f"the routing key to equal the type, {type_!r}"
        if type_ in INBOUND
        else f"one of the types that are taken in: {', '.join(sorted(INBOUND))}"
    )
    return InvalidEvent(
        [FieldError("type", expected, f"{type_!r} under routing key {delivery.event_routing_key!r}"[:100])], type_=type_
    )


def _by_the_broker(delivery: Delivery) -> ErrorNote:
    """Name what the broker dead-lettered by itself (RabbitMQ, "Dead Letter Exchanges", ``x-death``)."""
    deaths = delivery.headers.get("x-death")
    first = deaths[0] if isinstance(deaths, list) and deaths else None
    reason = first.get("reason") if isinstance(first, dict) else None
    if reason not in _REASONS:
        reason = "unknown"
    return ErrorNote(
        error_class=ErrorClass.BUG,
        code=f"broker_{reason}",
        message=f"the broker dead-lettered it (reason {reason}): it was given back more often than its queue allows",
    )


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


def _letter(delivery: Delivery, note: ErrorNote, identity: _Identity, *, now: datetime, closed: bool) -> Letter:
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
    )
