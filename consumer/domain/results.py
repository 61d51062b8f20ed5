"""From what came of an event to the messages that tell it: numbered, addressed, encoded. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from consumer.domain.outcome import Result
from consumer.domain.writes import InboxKey, OutboxMessage, SyncLogRow, SyncStatus, SyncType
from rabbitmq.topology import EVENTS, RESULTS
from schemas.codec import encode, new_event
from schemas.identity import Names, result_id
from schemas.registry import is_result
from schemas.results import SyncLogRecorded

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from schemas.envelope import Event

SOURCE = "/haier-relay"
"""CloudEvents ``source`` of all that this service publishes."""

_SYNC_LOG = Names(uuid5(NAMESPACE_URL, "haier-relay/sync-log"))


def outgoing(
    results: Iterable[Result],
    *,
    key: InboxKey,
    correlationid: str | None,
    traceparent: str | None,
    now: datetime,
) -> list[OutboxMessage]:
    """Return the outbox rows of ``results``.

    The id of each derives from the inbox key, its type and its subject: whoever computes it again, after a crash or
    for a duplicate, gets the same (DESIGN section 5).
    """
    rows = []
    for result in results:
        told_under = result.key or key
        event_id = result_id(told_under.source, told_under.event_id, told_under.run, result.type, result.subject)
        public = is_result(result.type)
        event = new_event(
            result.type,
            result.data,
            source=SOURCE,
            subject=result.subject,
            id_=event_id,
            time=now,
            correlationid=result.correlationid or correlationid,
            causationid=result.causationid,
            traceparent=traceparent,
        )
        rows.append(
            OutboxMessage(
                id=event_id,
                key=told_under,
                exchange=RESULTS if public else EVENTS,
                routing_key=result.type,
                body=encode(event),
                mandatory=not public,
                created_at=now,
            )
        )
    return rows


def shipments_key(so_id: str, sequence: int) -> InboxKey:
    """Return the key that news of an order's parcels is told under: the order's own, for any sync may bring it.

    Not a batch's: that may come round and find the order changed once more, which is another result.
    """
    return InboxKey(SOURCE, f"shipments:{so_id}", str(sequence))


def sync_log_id(key: InboxKey) -> str:
    """Return the id of the sync-log row of an event: a redelivery goes on with the same row."""
    return _SYNC_LOG.id_of(f"{key.source}\n{key.event_id}\n{key.run}")


def finished_sync_log(
    event: Event,
    key: InboxKey,
    *,
    sync_type: SyncType,
    status: SyncStatus,
    message: str,
    counts: tuple[int, int, int],
    started_at: datetime,
    now: datetime,
) -> tuple[SyncLogRow, Result]:
    """Return a finished row and the ``sync_log.recorded`` that tells it; ``counts`` is (total, success, failed)."""
    total, success, failed = counts
    row = SyncLogRow(
        id=sync_log_id(key),
        sync_type=sync_type,
        status=status,
        message=message,
        total_count=total,
        success_count=success,
        failed_count=failed,
        created_at=started_at,
        started_at=started_at,
        completed_at=now,
        event_id=event.id,
    )
    return row, Result("sync_log.recorded", recorded(row), subject=row.id)


def recorded(row: SyncLogRow) -> SyncLogRecorded:
    """Return a sync-log row as result data, under its column names."""
    return SyncLogRecorded(
        id=row.id,
        sync_type=row.sync_type.value,
        status=row.status.value,
        message=row.message,
        total_count=row.total_count,
        success_count=row.success_count,
        failed_count=row.failed_count,
        started_at=row.started_at,
        completed_at=row.completed_at,
        created_at=row.created_at,
        config_id=row.config_id,
        event_id=row.event_id,
    )
