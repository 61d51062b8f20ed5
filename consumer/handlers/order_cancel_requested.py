"""``order.cancel.requested``: cancel at YLH what must not stand there (DESIGN section 6, Orders; from us to ourselves).

Our books have the order as cancelled without YLH having said so: its create was refused, or YLH did not know the order.
Then YLH confirmed it after all. The shop has been told that the customer may be refunded, so the order has to go. It
stays cancelled in the books meanwhile; where YLH refuses, a person has to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.errors import Rejected
from consumer.domain.letters import note_of
from consumer.domain.order import CallKind, CallOutcome, Intent, OrderState
from consumer.domain.outcome import Ending, Outcome
from consumer.handlers.order_calls import Refused, utc_now
from consumer.handlers.order_results import concluded
from schemas.events import OrderCancelled
from schemas.identity import body_digest
from schemas.internal import OrderCancelRequested

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.domain.order import Order
    from consumer.domain.ports import YlhOrders
    from consumer.domain.writes import InboxKey
    from consumer.handlers.order_calls import OrderCalls, OrderWorker
    from schemas.envelope import Event


class OrderCancelRequestedHandler:
    """Carries out ``order.cancel.requested``."""

    def __init__(self, calls: OrderCalls, ylh: YlhOrders) -> None:
        self._calls = calls
        self._ylh = ylh

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:
        """Cancel the order at YLH; nothing to do where it took that before, or called back that it is cancelled."""
        wanted = event.data
        if not isinstance(wanted, OrderCancelRequested):
            raise TypeError(f"order.cancel.requested carries {type(wanted).__name__}")
        worker = self._calls.worker(key)
        order = await worker.read(wanted.so_id)
        taken = order.intent is not None and (order.intent.kind, order.intent.outcome) == (
            CallKind.CANCEL,
            CallOutcome.DONE,
        )
        if order.state is not OrderState.CANCELLED or order.ending is not None or taken:
            return Outcome(Ending.SUPERSEDED, ())
        started = utc_now()
        try:
            undone = await worker.undo(order, self._intent(event, order, wanted, started))
        except Refused as error:
            return _refused(event, key, error.order, error.refusal, worker, started)
        except Rejected as refusal:
            # The first send, of which nothing is known, may be what the second one was refused for.
            return _refused(event, key, await worker.read(wanted.so_id), refusal, worker, started)
        message = f"YLH took the cancel of {order.so_id} after all"
        return concluded(event, key, (), worker.release(undone), started=started, message=message)

    def _intent(self, event: Event, order: Order, wanted: OrderCancelRequested, now: datetime) -> Intent:
        waiting = order.unanswered(CallKind.CANCEL)
        if waiting is not None and waiting.event_id == event.id:
            return waiting
        cancel = OrderCancelled(so_id=order.so_id, version=1, reason=wanted.reason, cancelled_at=now)
        body = self._ylh.cancel_body(cancel, source_system=order.source_system, now=now)
        return Intent(
            kind=CallKind.CANCEL,
            body=body,
            digest=body_digest(body),
            version=None,
            outcome=CallOutcome.UNKNOWN,
            event_source=event.source,
            event_id=event.id,
            occurred_at=now,
        )


def _refused(
    event: Event, key: InboxKey, order: Order, refusal: Rejected, worker: OrderWorker, started: datetime
) -> Outcome:
    proposal = Rejected(
        f"order {order.so_id} is cancelled in our books and the shop may have refunded it, but YLH took it on and now "
        "refuses to cancel it: have YLH stop the delivery, then discard this letter",
        code="compensation_refused",
        supplier="ylh",
        operation="cancel",
        supplier_code=refusal.supplier_code,
        supplier_message=refusal.supplier_message,
        status=refusal.status,
    )
    failed = note_of(proposal)
    return concluded(event, key, (), worker.release(order), started=started, failed=failed, refusal=proposal)
