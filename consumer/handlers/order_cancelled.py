"""``order.cancelled``: ends a ``so_id`` whatever its version (EVENTS, "A cancel ends"; SUPPLIERS, YLH, cancel)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from consumer.domain.errors import Rejected, Snoozed
from consumer.domain.letters import note_of
from consumer.domain.order import CallKind, CallOutcome, Intent, Order, OrderState
from consumer.domain.order_steps import Cancelled, CancelStep
from consumer.domain.order_table import TABLE
from consumer.domain.outcome import Ending, Outcome
from consumer.domain.ports import UNKNOWN_ORDER
from consumer.handlers.order_calls import Refused, utc_now
from consumer.handlers.order_results import concluded, numbered, settled_held
from schemas.events import OrderCancelled
from schemas.identity import body_digest
from schemas.results import OrderCancelAccepted, OrderCancelFailed, OrderCancelSucceeded

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.domain.outcome import Result
    from consumer.domain.ports import YlhOrders
    from consumer.domain.writes import InboxKey
    from consumer.handlers.order_calls import OrderCalls, OrderWorker
    from schemas.envelope import Event


_UNTIL_THE_CALLBACK = timedelta(hours=1)
"""Between two looks at whether the callback has come; each look asks YLH once more."""


class OrderCancelledHandler:
    """Carries out ``order.cancelled``."""

    def __init__(self, calls: OrderCalls, ylh: YlhOrders) -> None:
        self._calls = calls
        self._ylh = ylh

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:  # noqa: C901 (one case for each step)
        """Cancel the order, or say why not (`consumer.domain.order_table`)."""
        cancel = event.data
        if not isinstance(cancel, OrderCancelled):
            raise TypeError(f"order.cancelled carries {type(cancel).__name__}")
        worker = self._calls.worker(key)
        order = await worker.read(cancel.so_id)
        asked = Cancelled(event.source, event.id, replayed=bool(key.run))
        while True:
            match TABLE[order.state].cancelled(order, asked):
                case CancelStep.CLEAR_UP_CREATE:
                    order = await worker.clear_up_create(order)
                case CancelStep.CLEAR_UP_RESCHEDULE:
                    order = await worker.clear_up_reschedule(order)
                    if order.unanswered(CallKind.RESCHEDULE) is not None:
                        # YLH refuses to say. A cancel does not wait for that: most likely no day will matter.
                        return await self._ask(event, key, order, cancel, worker)
                case CancelStep.NEVER_PUSHED:
                    cancelled = replace(order, state=OrderState.CANCELLED)
                    return _succeeded(event, key, cancelled, cancel, worker, started=utc_now())
                case CancelStep.REPEAT:
                    return _repeated(order, cancel, worker)
                case CancelStep.FAILED:
                    return _failed(event, key, order, cancel, _refused_later(order), worker, started=utc_now())
                case CancelStep.SETTLED:
                    return _failed(event, key, order, cancel, _too_late(order), worker, started=utc_now())
                case CancelStep.ASK_SUPPLIER:
                    return await self._ask(event, key, order, cancel, worker)

    async def _ask(
        self, event: Event, key: InboxKey, order: Order, cancel: OrderCancelled, worker: OrderWorker
    ) -> Outcome:
        started = utc_now()
        pushed_by_us = order.applied_version is not None
        try:
            taken = await worker.cancel(order, self._intent(event, order, cancel, started))
        except Refused as error:
            if error.refusal.code == UNKNOWN_ORDER and not pushed_by_us:
                absent = replace(error.order, state=OrderState.CANCELLED)
                return _succeeded(event, key, absent, cancel, worker, started=started)
            failed = replace(error.order, state=OrderState.CANCEL_FAILED)
            return _failed(event, key, failed, cancel, error.refusal, worker, started=started)
        except Rejected as refusal:
            raise Snoozed(
                f"YLH refused a second send of the cancel of {order.so_id}, whose first send was never answered; "
                "the callback decides",
                code="cancel_refused_on_resend",
                delay=_UNTIL_THE_CALLBACK,
            ) from refusal
        return _accepted(event, key, taken, cancel, worker, started=started)

    def _intent(self, event: Event, order: Order, cancel: OrderCancelled, now: datetime) -> Intent:
        waiting = order.intent
        if waiting is not None and waiting.kind is CallKind.CANCEL and waiting.unanswered:
            return waiting
        body = self._ylh.cancel_body(cancel, source_system=order.source_system, now=now)
        return Intent(
            kind=CallKind.CANCEL,
            body=body,
            digest=body_digest(body),
            version=cancel.version,
            outcome=CallOutcome.UNKNOWN,
            event_source=event.source,
            event_id=event.id,
            occurred_at=now,
        )


def _accepted(
    event: Event, key: InboxKey, order: Order, cancel: OrderCancelled, worker: OrderWorker, *, started: datetime
) -> Outcome:
    counted, result = _taken(order, cancel)
    message = f"YLH took the cancel of {order.so_id}; its callback tells the end"
    return _ended(event, key, counted, result, worker, started, message=message)


def _succeeded(
    event: Event, key: InboxKey, order: Order, cancel: OrderCancelled, worker: OrderWorker, *, started: datetime
) -> Outcome:
    counted, result = _done(order, cancel)
    return _ended(
        event, key, counted, result, worker, started, message=f"order {order.so_id} is cancelled: never at YLH"
    )


def _failed(
    event: Event,
    key: InboxKey,
    order: Order,
    cancel: OrderCancelled,
    refusal: Rejected,
    worker: OrderWorker,
    *,
    started: datetime,
) -> Outcome:
    note = note_of(refusal)
    counted, result = numbered(
        replace(order, error=note),
        "order.cancel.failed",
        OrderCancelFailed,
        version=cancel.version,
        now=utc_now(),
        at_supplier=refusal.code != UNKNOWN_ORDER,
        refundable=False,
        error=note.to_result(),
    )
    return _ended(event, key, counted, result, worker, started, refusal=refusal)


def _repeated(order: Order, cancel: OrderCancelled, worker: OrderWorker) -> Outcome:
    """The order's cancel was taken before: tell again how it stands, without a call."""
    counted, result = _taken(order, cancel) if order.state is OrderState.CANCELLING else _done(order, cancel)
    return Outcome(Ending.DONE, (result,), (worker.release(counted),))


def _ended(
    event: Event,
    key: InboxKey,
    order: Order,
    result: Result,
    worker: OrderWorker,
    started: datetime,
    *,
    message: str = "",
    refusal: Rejected | None = None,
) -> Outcome:
    settled, held = settled_held(order, utc_now())
    failed = None if refusal is None else note_of(refusal)
    saved = worker.release(settled)
    return concluded(
        event, key, (result, *held), saved, started=started, message=message, failed=failed, refusal=refusal
    )


def _refused_later(order: Order) -> Rejected:
    return Rejected(
        f"YLH took the cancel of {order.so_id} and said later that it did not succeed: the order stands",
        code="cancel_refused",
        supplier="ylh",
        operation="cancel",
        supplier_message=order.fail_msg,
    )


def _too_late(order: Order) -> Rejected:
    return Rejected(
        f"order {order.so_id} is settled: its goods are delivered or back, and there is nothing left to cancel",
        code="already_settled",
        supplier="ylh",
        operation="cancel",
    )


def _taken(order: Order, cancel: OrderCancelled) -> tuple[Order, Result]:
    return numbered(
        order,
        "order.cancel.accepted",
        OrderCancelAccepted,
        version=cancel.version,
        now=utc_now(),
        at_supplier=True,
        refundable=False,
    )


def _done(order: Order, cancel: OrderCancelled) -> tuple[Order, Result]:
    return numbered(
        order,
        "order.cancel.succeeded",
        OrderCancelSucceeded,
        version=cancel.version,
        now=utc_now(),
        at_supplier=order.at_supplier is not False,
        refundable=True,
    )
