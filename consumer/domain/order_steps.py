"""What the shop's events ask for, given the books: the rules of the event columns of `consumer.domain.order_table`.

A rule sees the order in one state and returns a step; the handlers carry steps out, with their calls. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from consumer.domain.order import CallKind, CallOutcome

if TYPE_CHECKING:
    from consumer.domain.order import Order


@dataclass(frozen=True, slots=True)
class Paid:
    """An ``order.paid``, as far as a rule needs it; ``digest`` is the fingerprint of its content without version."""

    event_id: str
    version: int
    digest: str


class PaidStep(StrEnum):
    """What an ``order.paid`` asks for."""

    PUSH = "push"
    APPLIED = "applied"
    CLEAR_UP = "clear_up"
    SUPERSEDED = "superseded"
    ALREADY_PUSHED = "already_pushed"


@dataclass(frozen=True, slots=True)
class Cancelled:
    """An ``order.cancelled``, as far as a rule needs it; ``replayed`` by a person, who wants YLH to be asked anew."""

    event_source: str
    event_id: str
    replayed: bool = False


class CancelStep(StrEnum):
    """What an ``order.cancelled`` asks for."""

    CLEAR_UP_CREATE = "clear_up_create"
    CLEAR_UP_RESCHEDULE = "clear_up_reschedule"
    ASK_SUPPLIER = "ask_supplier"
    NEVER_PUSHED = "never_pushed"
    REPEAT = "repeat"
    FAILED = "failed"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Rescheduled:
    """An ``order.rescheduled``, as far as a rule needs it."""

    event_source: str
    event_id: str
    version: int


class RescheduleStep(StrEnum):
    """What an ``order.rescheduled`` asks for."""

    HOLD = "hold"
    UNDECIDED = "undecided"
    CLEAR_UP_CREATE = "clear_up_create"
    CLEAR_UP_RESCHEDULE = "clear_up_reschedule"
    SEND = "send"
    APPLIED = "applied"
    NO_NUMBER = "no_number"
    SUPERSEDED = "superseded"
    REFUSED = "refused"
    SETTLED = "settled"


# ---- order.paid ----


def push(_order: Order, _paid: Paid) -> PaidStep:
    """Nothing of it holds at YLH, as far as we know: push it."""
    return PaidStep.PUSH


def clear_up_first(_order: Order, _paid: Paid) -> PaidStep:
    """A create's outcome is unknown: its stored body is sent again, whatever came meanwhile, then decide anew."""
    return PaidStep.CLEAR_UP


def against_what_was_applied(order: Order, paid: Paid) -> PaidStep:
    """YLH has the order (EVENTS, "version" and "a newer order.paid").

    Its own effect holds already (somebody else cleared up its unanswered call): applied. Not newer, or of the same
    content: superseded. Newer with another content: refused, since YLH cannot change an order.
    """
    if order.paid_event_id == paid.event_id:
        return PaidStep.APPLIED
    if order.applied_version is None or paid.version <= order.applied_version or paid.digest == order.content_digest:
        return PaidStep.SUPERSEDED
    return PaidStep.ALREADY_PUSHED


def ended_by_a_cancel(order: Order, paid: Paid) -> PaidStep:
    """A cancel ends a ``so_id``, whatever its version; what was applied before it is still told."""
    return PaidStep.APPLIED if order.paid_event_id == paid.event_id else PaidStep.SUPERSEDED


# ---- order.cancelled ----


def cancel_what_may_be_absent(order: Order, _asked: Cancelled) -> CancelStep:
    """Certainly not at YLH (its create was refused, or never sent): no call. Else ask: it may be older."""
    create = order.intent if order.intent is not None and order.intent.kind is CallKind.CREATE else None
    if create is not None and create.outcome in {CallOutcome.REFUSED, CallOutcome.NOT_SENT}:
        return CancelStep.NEVER_PUSHED
    return CancelStep.ASK_SUPPLIER


def cancel_after_clearing_up(_order: Order, _asked: Cancelled) -> CancelStep:
    """The create's outcome is unknown: clear it up, then cancel."""
    return CancelStep.CLEAR_UP_CREATE


def cancel(order: Order, _asked: Cancelled) -> CancelStep:
    """YLH has it: ask.

    A reschedule without an answer is cleared up first: the cancel takes its place in the books, and where YLH refuses
    that later, the order stands on days that nobody would know.
    """
    if order.unanswered(CallKind.RESCHEDULE) is not None:
        return CancelStep.CLEAR_UP_RESCHEDULE
    return CancelStep.ASK_SUPPLIER


def cancel_once(order: Order, _asked: Cancelled) -> CancelStep:
    """A cancel is under way: taken, it is told again; not answered yet, or never sent, it is sent again."""
    waiting = (
        order.intent is not None
        and order.intent.kind is CallKind.CANCEL
        and order.intent.outcome in {CallOutcome.UNKNOWN, CallOutcome.NOT_SENT}
    )
    return CancelStep.ASK_SUPPLIER if waiting else CancelStep.REPEAT


def cancel_after_a_refusal(order: Order, asked: Cancelled) -> CancelStep:
    """YLH refused a cancel. Where its callback said so of this very one, that is told; else it is asked anew."""
    mine = (
        not asked.replayed
        and order.ending is not None
        and order.intent is not None
        and order.intent.kind is CallKind.CANCEL
        and (order.intent.event_source, order.intent.event_id) == (asked.event_source, asked.event_id)
    )
    return CancelStep.FAILED if mine else cancel(order, asked)


def cancelled_before(_order: Order, _asked: Cancelled) -> CancelStep:
    """It is cancelled: told again, no call."""
    return CancelStep.REPEAT


def too_late_to_cancel(_order: Order, _asked: Cancelled) -> CancelStep:
    """Quantities are known: the goods are delivered or back, there is nothing left to cancel."""
    return CancelStep.SETTLED


# ---- order.rescheduled ----


def hold(order: Order, _asked: Rescheduled) -> RescheduleStep:
    """No create holds yet: it is kept and goes with the create (DESIGN section 6, Orders).

    Where a create was refused and the order may be there all the same, it waits outside: kept in the order it would
    count as having gone along, once a callback proves that create.
    """
    return RescheduleStep.UNDECIDED if order.may_be_there else RescheduleStep.HOLD


def reschedule_after_clearing_up(_order: Order, _asked: Rescheduled) -> RescheduleStep:
    """The create's outcome is unknown: clear it up, then decide anew."""
    return RescheduleStep.CLEAR_UP_CREATE


def reschedule(order: Order, asked: Rescheduled) -> RescheduleStep:
    """YLH has the order: send it, unless something newer holds.

    An earlier reschedule without an answer is cleared up first, with its stored body: of two that give different
    days both have to hold in the end.
    """
    if order.applied_event_id == asked.event_id:
        return RescheduleStep.APPLIED
    waiting = order.unanswered(CallKind.RESCHEDULE)
    if waiting is not None and (waiting.event_source, waiting.event_id) != (asked.event_source, asked.event_id):
        return RescheduleStep.CLEAR_UP_RESCHEDULE
    if order.applied_version is not None and asked.version <= order.applied_version:
        return RescheduleStep.SUPERSEDED
    return RescheduleStep.NO_NUMBER if order.order_no is None else RescheduleStep.SEND


def nothing_left_to_reschedule(order: Order, asked: Rescheduled) -> RescheduleStep:
    """A cancel ends a ``so_id``; what was applied before it is still told."""
    return RescheduleStep.APPLIED if order.applied_event_id == asked.event_id else RescheduleStep.SUPERSEDED


def refused_cannot_move(_order: Order, _asked: Rescheduled) -> RescheduleStep:
    """YLH refused the order: nothing will be delivered that could be moved."""
    return RescheduleStep.REFUSED


def too_late_to_reschedule(_order: Order, _asked: Rescheduled) -> RescheduleStep:
    """The goods are delivered or back."""
    return RescheduleStep.SETTLED
