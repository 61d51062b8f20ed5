"""``order.cancelled``: ends a ``so_id`` whatever its version (EVENTS, "A cancel ends"; SUPPLIERS, YLH, cancel)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from consumer.domain.errors import Rejected, Snoozed
from consumer.domain.letters import note_of
from consumer.domain.order import CallKind, CallOutcome, Intent, Order, OrderState
from consumer.domain.order_steps import CancelStep
from consumer.domain.order_table import TABLE
from consumer.domain.outcome import Ending, Outcome
from consumer.domain.ports import UNKNOWN_ORDER
from consumer.domain.results import finished_sync_log
from consumer.domain.writes import SyncStatus, SyncType
from consumer.handlers.order_calls import OrderCalls, Refused, utc_now
from consumer.handlers.order_results import numbered
from schemas.events import OrderCancelled
from schemas.identity import body_digest
from schemas.results import OrderCancelAccepted, OrderCancelFailed, OrderCancelSucceeded

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.domain.outcome import Result
    from consumer.domain.ports import YlhOrders
    from consumer.domain.writes import InboxKey
    from schemas.envelope import Event


_UNTIL_THE_CALLBACK = timedelta(hours=1)
"""Between two looks at whether the callback has come; each look asks YLH once more."""


class OrderCancelledHandler:
    """Carries out ``order.cancelled``."""

    def __init__(self, calls: OrderCalls, ylh: YlhOrders) -> None:
        self._calls = calls
        self._ylh = ylh

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:
        """Cancel the order, or say why not (`consumer.domain.order_table`)."""
        cancel = event.data
        if not isinstance(cancel, OrderCancelled):
            raise TypeError(f"order.cancelled carries {type(cancel).__name__}")
        order = await self._calls.read(cancel.so_id)
        while True:
            match TABLE[order.state].cancelled(order):
                case CancelStep.CLEAR_UP_CREATE:
                    order = await self._calls.clear_up_create(order)
                case CancelStep.NEVER_PUSHED:
                    cancelled = replace(order, state=OrderState.CANCELLED)
                    return self._succeeded(event, key, cancelled, cancel, started=utc_now())
                case CancelStep.REPEAT:
                    return self._repeated(order, cancel)
                case CancelStep.SETTLED:
                    return self._failed(event, key, order, cancel, _too_late(order), started=utc_now())
                case CancelStep.ASK_SUPPLIER:
                    return await self._ask(event, key, order, cancel)

    async def _ask(self, event: Event, key: InboxKey, order: Order, cancel: OrderCancelled) -> Outcome:
        started = utc_now()
        pushed_by_us = order.applied_version is not None
        try:
            taken = await self._calls.cancel(order, self._intent(event, order, cancel, started))
        except Refused as error:
            if error.refusal.code == UNKNOWN_ORDER and not pushed_by_us:
                absent = replace(error.order, state=OrderState.CANCELLED)
                return self._succeeded(event, key, absent, cancel, started=started)
            failed = replace(error.order, state=OrderState.CANCEL_FAILED)
            return self._failed(event, key, failed, cancel, error.refusal, started=started)
        except Rejected as refusal:
            raise Snoozed(
                f"YLH refused a second send of the cancel of {order.so_id}, whose first send was never answered; "
                "the callback decides",
                code="cancel_refused_on_resend",
                delay=_UNTIL_THE_CALLBACK,
            ) from refusal
        return self._accepted(event, key, taken, cancel, started=started)

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
        self, event: Event, key: InboxKey, order: Order, cancel: OrderCancelled, *, started: datetime
    ) -> Outcome:
        counted, result = _accepted(order, cancel)
        return self._ended(
            event,
            key,
            counted,
            result,
            started,
            message=f"YLH took the cancel of {order.so_id}; its callback tells the end",
        )

    def _succeeded(
        self, event: Event, key: InboxKey, order: Order, cancel: OrderCancelled, *, started: datetime
    ) -> Outcome:
        counted, result = _succeeded(order, cancel)
        return self._ended(
            event, key, counted, result, started, message=f"order {order.so_id} is cancelled: never at YLH"
        )

    def _failed(
        self,
        event: Event,
        key: InboxKey,
        order: Order,
        cancel: OrderCancelled,
        refusal: Rejected,
        *,
        started: datetime,
    ) -> Outcome:
        note = note_of(refusal)
        counted, result = numbered(
            order,
            "order.cancel.failed",
            OrderCancelFailed,
            version=cancel.version,
            now=utc_now(),
            at_supplier=refusal.code != UNKNOWN_ORDER,
            refundable=False,
            error=note.to_result(),
        )
        return self._ended(
            event, key, counted, result, started, message=note.supplier_message or note.message, refusal=refusal
        )

    def _repeated(self, order: Order, cancel: OrderCancelled) -> Outcome:
        """The order's cancel was taken before: tell again how it stands, without a call."""
        counted, result = (
            _accepted(order, cancel) if order.state is OrderState.CANCELLING else _succeeded(order, cancel)
        )
        return Outcome(Ending.DONE, (result,), (self._calls.release(counted),))

    def _ended(
        self,
        event: Event,
        key: InboxKey,
        order: Order,
        result: Result,
        started: datetime,
        *,
        message: str,
        refusal: Rejected | None = None,
    ) -> Outcome:
        ok = refusal is None
        row, told = finished_sync_log(
            event,
            key,
            sync_type=SyncType.ORDER,
            status=SyncStatus.SUCCESS if ok else SyncStatus.FAILED,
            message=message,
            counts=(1, 1, 0) if ok else (1, 0, 1),
            started_at=started,
            now=utc_now(),
        )
        ending = Ending.DONE if ok else Ending.REFUSED
        return Outcome(ending, (result, told), (self._calls.release(order), row), refusal=refusal)


def _too_late(order: Order) -> Rejected:
    return Rejected(
        f"order {order.so_id} is settled: its goods are delivered or back, and there is nothing left to cancel",
        code="already_settled",
        supplier="ylh",
        operation="cancel",
    )


def _accepted(order: Order, cancel: OrderCancelled) -> tuple[Order, Result]:
    return numbered(
        order,
        "order.cancel.accepted",
        OrderCancelAccepted,
        version=cancel.version,
        now=utc_now(),
        at_supplier=True,
        refundable=False,
    )


def _succeeded(order: Order, cancel: OrderCancelled) -> tuple[Order, Result]:
    return numbered(
        order,
        "order.cancel.succeeded",
        OrderCancelSucceeded,
        version=cancel.version,
        now=utc_now(),
        at_supplier=order.applied_version is not None,
        refundable=True,
    )
