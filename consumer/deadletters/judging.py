"""What a replay of a letter would do: go, find its event done already, or fail for certain. Pure functions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from consumer.domain.errors import ErrorClass
from consumer.domain.order import Order
from consumer.domain.order_steps import Cancelled, CancelStep, Paid, PaidStep, Rescheduled, RescheduleStep
from consumer.domain.order_table import TABLE
from consumer.domain.outcome import Ending
from consumer.handlers.order_paid import content_digest
from schemas.codec import decode
from schemas.events import OrderCancelled, OrderPaid, OrderRescheduled
from schemas.faults import InvalidEvent
from schemas.internal import CatalogBatchPrices, CatalogBatchProducts, CatalogBatchStock, OrderCancelRequested
from schemas.registry import is_result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.domain.writes import InboxEntry, Letter
    from schemas.envelope import Event

_CODES_A_CALL: Final = 20
_CALLS: Final[Mapping[str, str]] = {
    "order.paid": "ylh.create",
    "order.cancelled": "ylh.cancel",
    "order.cancel.requested": "ylh.cancel",
    "order.rescheduled": "ylh.reschedule",
    "sync.products.requested": "haier.products",
    "sync.prices.requested": "haier.prices",
    "sync.stock.requested": "haier.stock",
    "sync.balance.requested": "haier.balance",
    "sync.logistics.requested": "ylh.logistics",
    "sync.logistics.batch": "ylh.logistics",
}
"""The call that an event makes; a sync's request: the first of many, which its plan makes."""
_CANCELLED_BEFORE: Final = "already done: the order is cancelled, or its cancel is under way"
_OVER: Final = "already done: the order is over, nothing of it can be moved or cancelled any more"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a replay of one letter would do.

    Attributes:
        reason: why it would not go; None: it would.
        calls: what it would ask of suppliers, e.g. ``{"ylh.create": 1}``.
    """

    reason: str | None = None
    calls: Mapping[str, int] = field(default_factory=dict)


def read(letter: Letter, max_bytes: int) -> Event | str:
    """Return the event of a letter, or why there is none that could be replayed as it is."""
    if not letter.body:
        return "not replayable: its body was scrubbed, with its customer's data"
    try:
        event = decode(letter.body, routing_key=None, max_bytes=max_bytes)
    except InvalidEvent as error:
        return f"not replayable as it is: {error} (`relay dlq edit` mends it)"
    if is_result(event.type):
        return f"not replayable: {event.type} is a result, which nobody takes in"
    if letter.error_class is ErrorClass.INVALID_EVENT:
        return f"not replayable as it is: {letter.message} (`relay dlq edit` mends it)"
    return event


def judge(event: Event, done: InboxEntry | None, order: Order | None) -> Verdict:
    """Say what a replay of ``event`` would do now.

    Args:
        event: of the letter, or what a person made of it.
        done: how the event ended when it first came, or None.
        order: the order that it is about, as it stands; None where it is about none, or the books know none.
    """
    if done is not None and done.outcome != Ending.REFUSED:
        return Verdict(f"already done: its event ended as {done.outcome} at {done.done_at:%Y-%m-%d %H:%M:%S} UTC")
    reason = _order_says(event, order)
    return Verdict(reason) if reason is not None else Verdict(calls=_calls(event))


def _order_says(event: Event, order: Order | None) -> str | None:
    """Return why the order's books have it that nothing is left to do."""
    match event.data:
        case OrderPaid() as paid:
            known = order or Order(paid.so_id)
            return _paid(known, TABLE[known.state].paid(known, Paid(event.id, paid.version, content_digest(paid))))
        case OrderCancelled() as cancel:
            known = order or Order(cancel.so_id)
            step = TABLE[known.state].cancelled(known, Cancelled(event.source, event.id, replayed=True))
            return {CancelStep.REPEAT: _CANCELLED_BEFORE, CancelStep.SETTLED: _OVER}.get(step)
        case OrderRescheduled() as moved:
            known = order or Order(moved.so_id)
            step_ = TABLE[known.state].rescheduled(known, Rescheduled(event.source, event.id, moved.version))
            return {
                RescheduleStep.APPLIED: "already done: these days hold",
                RescheduleStep.SUPERSEDED: f"already done: version {known.applied_version} or a cancel is applied",
                RescheduleStep.REFUSED: _OVER,
                RescheduleStep.SETTLED: _OVER,
            }.get(step_)
        case _:
            return None


def _paid(order: Order, step: PaidStep) -> str | None:
    match step:
        case PaidStep.APPLIED:
            return "already done: the supplier has the order"
        case PaidStep.ALREADY_PUSHED:
            return "not replayable: the supplier has the order with other content, which paying anew does not change"
        case PaidStep.SUPERSEDED if order.applied_version is None:
            return _CANCELLED_BEFORE
        case PaidStep.SUPERSEDED:
            return f"already done: version {order.applied_version} is applied, or the order is cancelled"
        case PaidStep.PUSH | PaidStep.CLEAR_UP:
            return None


def _calls(event: Event) -> Mapping[str, int]:
    match event.data:
        case CatalogBatchStock() as batch:
            return {"haier.stock": len(batch.product_codes)}
        case CatalogBatchPrices() as batch:
            return {"haier.prices": -(-len(batch.product_codes) // _CODES_A_CALL)}
        case CatalogBatchProducts() as batch:
            return {"haier.products": -(-len(batch.product_codes or ("",)) // _CODES_A_CALL)}
        case _:
            call = _CALLS.get(event.type)
            return Counter() if call is None else {call: 1}


def so_id_of(event: Event) -> str | None:
    """Return the order that an event is about, where a replay depends on it."""
    match event.data:
        case OrderPaid() | OrderCancelled() | OrderRescheduled() | OrderCancelRequested():
            return event.data.so_id
        case _:
            return None
