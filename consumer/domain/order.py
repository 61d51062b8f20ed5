"""An order as our books hold it, and what each event does to it: values and pure decisions, no I/O.

Coarse states (DESIGN section 6)::

    new → pushing → pushed → confirmed | refused | out_of_stock
                       ↘ cancelling → cancelled | cancel_failed        settled

An order whose create was refused at once is ``new`` again: nothing of it was applied, the same version may come
again. An order that we only know from its cancel is a *tombstone*: ``cancelling`` or ``cancelled`` with
``applied_version`` None.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class OrderState(StrEnum):
    """Coarse state of an order."""

    NEW = "new"
    PUSHING = "pushing"
    PUSHED = "pushed"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    OUT_OF_STOCK = "out_of_stock"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    CANCEL_FAILED = "cancel_failed"
    SETTLED = "settled"


class CallKind(StrEnum):
    """A call that changes something at YLH."""

    CREATE = "create"
    CANCEL = "cancel"
    RESCHEDULE = "reschedule"


class CallOutcome(StrEnum):
    """What is known of the last changing call.

    ``UNKNOWN`` is committed *before* the call: a crash at any point after that leaves the truth in the books.
    ``MAY_BE_THERE``: refused, but the supplier may have the order all the same (from elsewhere, or from an earlier send
    of ours that was never answered): a cancel has to ask.
    """

    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"
    DONE = "done"
    REFUSED = "refused"
    MAY_BE_THERE = "may_be_there"


@dataclass(frozen=True, slots=True)
class Intent:
    """A changing call that we mean to make or have made.

    Attributes:
        kind: which call.
        body: the request body, byte for byte; a resend uses exactly these bytes.
        digest: fingerprint of the event's content, to tell a correction from a repetition.
        version: the event's version (None for a cancel of an order never seen).
        outcome: what is known of it.
        event_source: inbox key of the event that caused it.
        event_id: inbox key of the event that caused it.
        occurred_at: when the intent was formed (aware, UTC).
    """

    kind: CallKind
    body: bytes
    digest: str
    version: int | None
    outcome: CallOutcome
    event_source: str
    event_id: str
    occurred_at: datetime

    @property
    def unanswered(self) -> bool:
        """True while an earlier send may or may not have reached the supplier."""
        return self.outcome is CallOutcome.UNKNOWN


@dataclass(frozen=True, slots=True)
class Order:
    """One ``so_id`` in our books.

    Attributes:
        so_id: the shop's sub-order number, unique over all sources.
        state: coarse state.
        applied_version: newest version whose effect holds at the supplier; None: none was applied.
        content_digest: fingerprint of the applied ``order.paid`` content.
        sequence: number of the last ``order.*`` result; counts up per order.
        row_version: optimistic lock; 0 means not in the books yet.
        online_no: platform order number, from ``order.paid``.
        source_system: from ``order.paid``, else the account's default.
        paid_event_id: id of the ``order.paid`` that was applied; callbacks' results correlate with it.
        retail_order_no: order number at JSH, once known.
        ext_order_no: Haier's number, once a callback brought it.
        intent: the last changing call, with its outcome.
        distribution_on: delivery day asked for (ISO date) or None.
        install_on: installation day asked for (ISO date) or None.
    """

    so_id: str
    state: OrderState = OrderState.NEW
    applied_version: int | None = None
    content_digest: str | None = None
    sequence: int = 0
    row_version: int = 0
    online_no: str | None = None
    source_system: str | None = None
    paid_event_id: str | None = None
    retail_order_no: str | None = None
    ext_order_no: str | None = None
    intent: Intent | None = None
    distribution_on: str | None = None
    install_on: str | None = None

    def unanswered(self, kind: CallKind) -> Intent | None:
        """Return the intent of ``kind`` whose outcome is unknown, if there is one."""
        if self.intent is not None and self.intent.kind is kind and self.intent.unanswered:
            return self.intent
        return None

    @property
    def may_be_there(self) -> bool:
        """Whether a create of ours that nobody confirmed may have been taken at the supplier."""
        return (
            self.intent is not None
            and self.intent.kind is CallKind.CREATE
            and self.intent.outcome in {CallOutcome.UNKNOWN, CallOutcome.MAY_BE_THERE}
        )

    def answered(self, outcome: CallOutcome) -> Order:
        """Return the order with its last call's outcome known."""
        if self.intent is None:
            return self
        return replace(self, intent=replace(self.intent, outcome=outcome))


class PaidStep(StrEnum):
    """What an ``order.paid`` asks for, given the books."""

    PUSH = "push"
    APPLIED = "applied"
    CLEAR_UP = "clear_up"
    SUPERSEDED = "superseded"
    ALREADY_PUSHED = "already_pushed"


_ENDED_BY_CANCEL = frozenset({OrderState.CANCELLING, OrderState.CANCELLED, OrderState.CANCEL_FAILED})


def step_for_paid(order: Order, *, event_id: str, version: int, digest: str) -> PaidStep:
    """Decide what an ``order.paid`` does (EVENTS, "version" and "a newer order.paid").

    - Its own effect holds already (somebody else cleared up its unanswered call): applied, no call.
    - A cancel ends a ``so_id`` whatever its version: superseded.
    - A create whose outcome is unknown is cleared up first, with the stored body, whatever came meanwhile.
    - Not newer than what was applied: superseded. Newer with the same content: superseded. Newer with another:
      refused, since YLH cannot change an order.
    """
    if order.paid_event_id == event_id and order.applied_version == version:
        return PaidStep.APPLIED
    if order.state in _ENDED_BY_CANCEL:
        return PaidStep.SUPERSEDED
    if order.unanswered(CallKind.CREATE) is not None:
        return PaidStep.CLEAR_UP
    if order.applied_version is None:
        return PaidStep.PUSH
    if version <= order.applied_version or digest == order.content_digest:
        return PaidStep.SUPERSEDED
    return PaidStep.ALREADY_PUSHED


class CancelStep(StrEnum):
    """What an ``order.cancelled`` asks for, given the books."""

    CLEAR_UP_CREATE = "clear_up_create"
    ASK_SUPPLIER = "ask_supplier"
    NEVER_PUSHED = "never_pushed"
    REPEAT = "repeat"
    SETTLED = "settled"


_CANCEL_TAKEN = frozenset({OrderState.CANCELLING, OrderState.CANCELLED})


def step_for_cancel(order: Order) -> CancelStep:
    """Decide what an ``order.cancelled`` does (EVENTS, "a cancel ends a so_id").

    - The create's outcome is unknown: clear it up, then cancel.
    - The order is settled, its quantities known: too late, no call.
    - A cancel that was taken already: repeat its result, no call.
    - In our books and certainly not at YLH (its create was refused, or was never sent): cancelled without a call.
    - Everything else asks YLH, also a ``so_id`` never seen: the order may be older than this service.
    """
    if order.unanswered(CallKind.CREATE) is not None:
        return CancelStep.CLEAR_UP_CREATE
    if order.state is OrderState.SETTLED:
        return CancelStep.SETTLED
    if order.state in _CANCEL_TAKEN and not _cancel_pending(order):
        return CancelStep.REPEAT
    if _certainly_absent(order):
        return CancelStep.NEVER_PUSHED
    return CancelStep.ASK_SUPPLIER


def _cancel_pending(order: Order) -> bool:
    """True while the cancel that we mean to make has no answer yet (never sent, or sent and unanswered)."""
    return (
        order.intent is not None
        and order.intent.kind is CallKind.CANCEL
        and order.intent.outcome in {CallOutcome.UNKNOWN, CallOutcome.NOT_SENT}
    )


def _certainly_absent(order: Order) -> bool:
    return (
        order.state in {OrderState.NEW, OrderState.PUSHING}
        and order.intent is not None
        and order.intent.kind is CallKind.CREATE
        and order.intent.outcome in {CallOutcome.REFUSED, CallOutcome.NOT_SENT}
    )
