"""What a unit of work writes, as values: the handlers say what, persistence knows how.

A `UnitOfWork` is committed whole or not at all. Units that are ready at the same moment share one database commit, so
each write says by itself what it needs in order to hold (an expected row version, a key that must be new): the
database checks it there, and a unit whose condition fails is taken out without harming its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from consumer.domain.shipping import SaveShipments
from consumer.domain.sync_writes import CloseSync, CountBatch, CountPart, JoinSync, PlanSync

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from consumer.domain.errors import ErrorClass
    from consumer.domain.goods import Price, Stock
    from consumer.domain.looks import Change
    from consumer.domain.order import Order
    from consumer.domain.product import Product


@dataclass(frozen=True, slots=True, order=True)
class InboxKey:
    """Identity of an event's processing: ``run`` is empty, or the id of the replay that sent it."""

    source: str
    event_id: str
    run: str = ""


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """The event is done. Fails with `AlreadyDone` if the key is there already.

    Attributes:
        key: its identity.
        digest: fingerprint of its body.
        type: event type.
        outcome: how it ended (`consumer.domain.outcome.Ending`).
        done_at: when.
        subject: the ``so_id`` that it was about, where it was about an order.
        first_seen_at: when the service first had it in hand.
        attempts: the attempts that failed before, JSON text (`Letter.attempts`); None: the first did it.
    """

    key: InboxKey
    digest: str
    type: str
    outcome: str
    done_at: datetime
    subject: str | None = None
    first_seen_at: datetime | None = None
    attempts: str | None = None


@dataclass(frozen=True, slots=True)
class SaveOrder:
    """Write ``order`` if its row is still at ``order.row_version`` and not under another owner's lease.

    The row gets ``row_version + 1``. ``lease`` takes or extends the lease of ``owner`` for that long by the database's
    clock; None releases it. Fails with `StaleOrder`, or `OrderTaken` when another owner's lease stands.
    """

    order: Order
    owner: str
    lease: timedelta | None = None


class SyncType(StrEnum):
    """Kinds of sync-log rows (seed document, 同步类型定义)."""

    PRODUCTS = "products"
    PRICES = "prices"
    STOCK = "stock"
    ORDER = "order"
    LOGISTICS = "logistics"
    MANUAL = "manual"


class SyncStatus(StrEnum):
    """Status of a sync-log row."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCESS = "success"
    FAILED = "failed"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class SyncLogRow:
    """One row of ``haier_sync_log``; written by id (insert, or replace of a row that is not finished)."""

    id: str
    sync_type: SyncType
    status: SyncStatus
    message: str
    total_count: int
    success_count: int
    failed_count: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    event_id: str | None
    config_id: str | None = None


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """A message that has to go out once the unit of work holds.

    ``key`` is the inbox key of the event that caused it: a duplicate of that event sends it again. Written twice
    under one id it stays the first one.
    """

    id: str
    key: InboxKey
    exchange: str
    routing_key: str
    body: bytes
    mandatory: bool
    created_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)


class LetterStatus(StrEnum):
    """Status of a letter in the ledger."""

    OPEN = "open"
    REPLAYING = "replaying"
    """A replay has it in hand: nobody else may act on it."""
    REPLAYED = "replayed"
    """Its event is done, thanks to a replay."""
    DISCARDED = "discarded"
    """A person said that nothing is to be done about it."""
    CLOSED = "closed"
    """Nothing is left to do: its event was done when it came, or a newer letter, of its replay, stands for it."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What was dead-lettered or refused, for a person to see; idempotent by ``id``.

    Attributes:
        id: derives from lane, inbox key and attempt: the same letter archived twice is one row.
        lane: origin lane, e.g. ``relay.orders``.
        type: event type, or None where it could not be read.
        subject: ``so_id`` or other subject.
        event_source: CloudEvents ``source`` of the event, if readable.
        event_id: CloudEvents ``id`` of the event, if readable.
        message_id: AMQP message id.
        body: untouched.
        headers: untouched, as JSON text.
        error_class: section 6.
        code: stable English.
        message: for a person, masked.
        supplier: ``ylh``, ``haier`` or None.
        supplier_code: the supplier's code.
        supplier_message: the supplier's words, masked.
        traceback: for class ``bug``.
        attempts: those that have failed, JSON text (`consumer.domain.history`).
        attempt_count: attempts made.
        fingerprint: groups letters of one cause.
        status: open, or closed where its event is done already.
        first_seen_at: when the event was first taken from the broker.
        created_at: when the letter was written.
        run: id of the replay that the message came from; empty: of none.
        follows: id of the letter that was replayed then.
        replay_id: the replay that has it in hand, or had it last.
        closed_at: since when nothing is left to do about it.
    """

    id: str
    lane: str
    type: str | None
    subject: str | None
    event_source: str | None
    event_id: str | None
    message_id: str | None
    body: bytes
    headers: str
    error_class: ErrorClass
    code: str
    message: str
    supplier: str | None
    supplier_code: str | None
    supplier_message: str | None
    traceback: str | None
    attempts: str
    attempt_count: int
    fingerprint: str
    status: LetterStatus
    first_seen_at: datetime
    created_at: datetime
    run: str = ""
    follows: str | None = None
    replay_id: str | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SaveProducts:
    """Products that changed, with their brands and categories; each code once.

    Fails with `StaleGoods` where one of the rows is not at the version that its change builds on.
    """

    changes: tuple[Change[Product], ...]


@dataclass(frozen=True, slots=True)
class SavePrices:
    """Prices that changed, and a row of their history; each code once. Fails as `SaveProducts`."""

    changes: tuple[Change[Price], ...]


@dataclass(frozen=True, slots=True)
class SaveStock:
    """Stock that changed; each code and county once. Fails as `SaveProducts`."""

    changes: tuple[Change[Stock], ...]


@dataclass(frozen=True, slots=True)
class MarkDispatched:
    """These outbox rows were confirmed by the broker."""

    ids: tuple[str, ...]
    dispatched_at: datetime


@dataclass(frozen=True, slots=True)
class MarkSuspect:
    """Count one more lone run of a delivery that may have killed its consumer."""

    key: str
    marked_at: datetime


@dataclass(frozen=True, slots=True)
class ClearSuspect:
    """The suspect's run ended without killing anybody."""

    key: str


Write = (
    InboxEntry
    | SaveOrder
    | SyncLogRow
    | OutboxMessage
    | Letter
    | SaveProducts
    | SavePrices
    | SaveStock
    | MarkDispatched
    | MarkSuspect
    | ClearSuspect
    | SaveShipments
    | PlanSync
    | JoinSync
    | CountBatch
    | CountPart
    | CloseSync
)


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    """Writes that hold together or not at all."""

    writes: tuple[Write, ...]
