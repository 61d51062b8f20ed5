"""``order.rescheduled``: other days of delivery or installation (EVENTS, "In"; SUPPLIERS, YLH, reschedule).

Before its create it is held in the order and goes along with that; its result comes then, under this event.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from consumer.domain.errors import Rejected, Snoozed
from consumer.domain.letters import note_of
from consumer.domain.order import CallKind, CallOutcome, Intent, Order
from consumer.domain.order_parts import Days, HeldReschedule
from consumer.domain.order_steps import Rescheduled, RescheduleStep
from consumer.domain.order_table import TABLE
from consumer.domain.outcome import Ending, Outcome
from consumer.handlers.order_calls import Refused, utc_now
from consumer.handlers.order_results import concluded, iso, numbered, superseded_held
from schemas.events import OrderRescheduled
from schemas.identity import body_digest
from schemas.results import OrderRescheduleFailed, OrderRescheduleSucceeded, OrderSuperseded

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.domain.ports import YlhOrders
    from consumer.domain.writes import InboxKey
    from consumer.handlers.order_calls import OrderCalls, OrderWorker
    from schemas.envelope import Event

_UNTIL_YLH_SPEAKS = timedelta(minutes=2)
"""Between two looks at whether a callback has brought the order's number, or proved that YLH has it."""


_ENDS = frozenset({RescheduleStep.APPLIED, RescheduleStep.SUPERSEDED, RescheduleStep.REFUSED, RescheduleStep.SETTLED})
"""Steps that tell how the event ended without a call."""


class OrderRescheduledHandler:
    """Carries out ``order.rescheduled``."""

    def __init__(self, calls: OrderCalls, ylh: YlhOrders) -> None:
        self._calls = calls
        self._ylh = ylh

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:  # noqa: C901, PLR0911 (one case for each step)
        """Send the new days, hold them, or say why not (`consumer.domain.order_table`)."""
        asked = _asked(event)
        worker = self._calls.worker(key)
        order = await worker.read(asked.so_id)
        this = Rescheduled(event.source, event.id, asked.version)
        while True:
            step = TABLE[order.state].rescheduled(order, this)
            if step in _ENDS and await worker.has_told(key, "order.reschedule.succeeded"):
                # Another event found it unanswered, cleared it up, and said so.
                return Outcome(Ending.DONE, ())
            match step:
                case RescheduleStep.HOLD:
                    return _held(event, key, order, worker)
                case RescheduleStep.UNDECIDED:
                    raise Snoozed(
                        f"YLH refused order {order.so_id} and may have it all the same: these days wait for a create "
                        "that succeeds, or for YLH's callback",
                        code="create_undecided",
                        delay=_UNTIL_YLH_SPEAKS,
                    )
                case RescheduleStep.CLEAR_UP_CREATE:
                    order = await worker.clear_up_create(order)
                case RescheduleStep.CLEAR_UP_RESCHEDULE:
                    order = await _after_the_days_before(order, worker)
                case RescheduleStep.SEND:
                    return await self._send(event, key, order, worker)
                case RescheduleStep.NO_NUMBER:
                    raise Snoozed(
                        f"order {order.so_id} has no number yet by which YLH would know it: YLH's callback brings one",
                        code="no_order_number",
                        delay=_UNTIL_YLH_SPEAKS,
                    )
                case RescheduleStep.APPLIED:
                    return _succeeded(event, key, order, worker, started=utc_now())
                case RescheduleStep.SUPERSEDED:
                    return _superseded(order, asked, worker)
                case RescheduleStep.REFUSED:
                    return _failed(event, key, order, _not_taken_on(order), worker, started=utc_now())
                case RescheduleStep.SETTLED:
                    return _failed(event, key, order, _too_late(order), worker, started=utc_now())

    async def _send(self, event: Event, key: InboxKey, order: Order, worker: OrderWorker) -> Outcome:
        started = utc_now()
        try:
            moved = await worker.reschedule(order, self._intent(event, order, started))
        except Refused as error:
            return _failed(event, key, error.order, error.refusal, worker, started=started)
        return _succeeded(event, key, moved, worker, started=started)

    def _intent(self, event: Event, order: Order, now: datetime) -> Intent:
        asked = _asked(event)
        # Another event's unanswered reschedule has been cleared up by now, so one that waits is this event's own.
        waiting = order.unanswered(CallKind.RESCHEDULE)
        if waiting is not None:
            return waiting
        body = self._ylh.reschedule_body(
            order.order_no or "", distribution_on=asked.distribution_on, install_on=asked.install_on
        )
        return Intent(
            kind=CallKind.RESCHEDULE,
            body=body,
            digest=body_digest(body),
            version=asked.version,
            outcome=CallOutcome.UNKNOWN,
            event_source=event.source,
            event_id=event.id,
            occurred_at=now,
            days=_days(asked),
        )


async def _after_the_days_before(order: Order, worker: OrderWorker) -> Order:
    """Return the order once it is known whether another event's days hold.

    Raises:
        Snoozed: YLH refused to say.
    """
    cleared = await worker.clear_up_reschedule(order)
    if cleared.unanswered(CallKind.RESCHEDULE) is None:
        return cleared
    raise Snoozed(
        f"whether the days before these hold for order {order.so_id} is in doubt: their own event has to end first (it "
        "is on its way, or in the dead letters)",
        code="earlier_days_in_doubt",
        delay=_UNTIL_YLH_SPEAKS,
    )


def _held(event: Event, key: InboxKey, order: Order, worker: OrderWorker) -> Outcome:
    """Keep it until there is a create; what gives no day that a newer one does not give too is superseded at once."""
    now = utc_now()
    asked = _asked(event)
    this = HeldReschedule(key, asked.version, _days(asked), now)
    kept, overridden = _newest_for_each_day((*order.held, this))
    waiting, told = replace(order, held=kept), []
    for one in overridden:
        waiting, result = superseded_held(waiting, one, now)
        told.append(result)
    ending = Ending.HELD if this in kept else Ending.SUPERSEDED
    return Outcome(ending, tuple(told), (worker.release(waiting),))


def _newest_for_each_day(
    held: tuple[HeldReschedule, ...],
) -> tuple[tuple[HeldReschedule, ...], tuple[HeldReschedule, ...]]:
    """Part those that give a day which no newer one gives from the others, both oldest first.

    Of the same version the one that came first counts as the newer: its version was not newer than what stood.
    """
    kept: list[HeldReschedule] = []
    overridden: list[HeldReschedule] = []
    settled = Days()
    for one in sorted(held, key=lambda held: held.version, reverse=True):
        adds = (one.days.distribution_on and not settled.distribution_on) or (
            one.days.install_on and not settled.install_on
        )
        (kept if adds else overridden).append(one)
        settled = one.days.under(settled)
    return tuple(reversed(kept)), tuple(reversed(overridden))


def _succeeded(event: Event, key: InboxKey, order: Order, worker: OrderWorker, *, started: datetime) -> Outcome:
    asked = _asked(event)
    counted, result = numbered(
        replace(order, error=None),
        "order.reschedule.succeeded",
        OrderRescheduleSucceeded,
        version=asked.version,
        now=utc_now(),
        distribution_on=asked.distribution_on,
        install_on=asked.install_on,
    )
    message = f"order {order.so_id} has its new days at YLH"
    return concluded(event, key, (result,), worker.release(counted), started=started, message=message)


def _failed(
    event: Event, key: InboxKey, order: Order, refusal: Rejected, worker: OrderWorker, *, started: datetime
) -> Outcome:
    asked = _asked(event)
    note = note_of(refusal)
    counted, result = numbered(
        replace(order, error=note),
        "order.reschedule.failed",
        OrderRescheduleFailed,
        version=asked.version,
        now=utc_now(),
        distribution_on=asked.distribution_on,
        install_on=asked.install_on,
        error=note.to_result(),
    )
    return concluded(event, key, (result,), worker.release(counted), started=started, failed=note, refusal=refusal)


def _superseded(order: Order, asked: OrderRescheduled, worker: OrderWorker) -> Outcome:
    counted, result = numbered(
        order,
        "order.superseded",
        OrderSuperseded,
        version=asked.version,
        now=utc_now(),
        applied_version=order.applied_version,
    )
    return Outcome(Ending.SUPERSEDED, (result,), (worker.release(counted),))


def _not_taken_on(order: Order) -> Rejected:
    return _refusal(order, "order_refused", "YLH refused the order, so nothing will be delivered that could be moved")


def _too_late(order: Order) -> Rejected:
    return _refusal(order, "already_settled", "its goods are delivered or back, and there is nothing left to move")


def _refusal(order: Order, code: str, why: str) -> Rejected:
    return Rejected(f"order {order.so_id}: {why}", code=code, supplier="ylh", operation="reschedule")


def _days(asked: OrderRescheduled) -> Days:
    return Days(iso(asked.distribution_on), iso(asked.install_on))


def _asked(event: Event) -> OrderRescheduled:
    if not isinstance(event.data, OrderRescheduled):
        raise TypeError(f"order.rescheduled carries {type(event.data).__name__}")
    return event.data
