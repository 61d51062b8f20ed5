"""``order.paid``: push the order to YLH, once, whatever crashes (EVENTS, "In"; SUPPLIERS, YLH, create).

Reschedules that came before it go along in its body.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from consumer.domain.copying import replace
from consumer.domain.errors import ErrorClass, Rejected
from consumer.domain.letters import ErrorNote, note_of
from consumer.domain.order import CallKind, CallOutcome, Intent, Order
from consumer.domain.order_parts import Consignee, Days, Goods
from consumer.domain.order_steps import Paid, PaidStep
from consumer.domain.order_table import TABLE
from consumer.domain.outcome import Ending, Outcome
from consumer.handlers.order_calls import Refused, utc_now
from consumer.handlers.order_results import concluded, day, iso, numbered, settled_held
from schemas.events import OrderPaid
from schemas.results import OrderPushFailed, OrderPushSucceeded, OrderSuperseded

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.domain.order_parts import HeldReschedule
    from consumer.domain.ports import YlhOrders
    from consumer.domain.writes import InboxKey
    from consumer.handlers.order_calls import OrderCalls, OrderWorker
    from schemas.envelope import Event


class OrderPaidHandler:
    """Carries out ``order.paid``."""

    def __init__(self, calls: OrderCalls, ylh: YlhOrders) -> None:
        self._calls = calls
        self._ylh = ylh

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:
        """Push the order, or say why not (`consumer.domain.order_table`)."""
        paid = _paid(event)
        worker = self._calls.worker(key)
        order = await worker.read(paid.so_id)
        digest = content_digest(paid)
        asked = Paid(event.id, paid.version, digest)
        while True:
            match TABLE[order.state].paid(order, asked):
                case PaidStep.PUSH:
                    return await self._push(event, key, order, worker, digest)
                case PaidStep.CLEAR_UP:
                    mine = order.intent is not None and (order.intent.event_source, order.intent.event_id) == (
                        event.source,
                        event.id,
                    )
                    if mine and order.intent is not None:
                        return await self._send(event, key, order, order.intent, worker)
                    order = await worker.clear_up_create(order)
                case PaidStep.APPLIED:
                    return _pushed(event, key, order, worker, started=utc_now())
                case PaidStep.SUPERSEDED:
                    return _superseded(order, paid, worker)
                case PaidStep.ALREADY_PUSHED:
                    return _already_pushed(event, key, order, worker)

    async def _push(self, event: Event, key: InboxKey, order: Order, worker: OrderWorker, digest: str) -> Outcome:
        paid = _paid(event)
        now = utc_now()
        days = _days_to_push(paid, order.held)
        known = replace(
            order,
            online_no=paid.online_no,
            source_system=paid.source_system,
            days=days,
            goods=_goods(paid),
            consignee=_consignee(paid),
        )
        try:
            body = self._ylh.create_body(_on_days(paid, days) if order.held else paid)
        except Rejected as refusal:
            return _refused(event, key, known, refusal, worker, started=now)
        intent = Intent(
            kind=CallKind.CREATE,
            body=body,
            digest=digest,
            version=paid.version,
            outcome=CallOutcome.UNKNOWN,
            event_source=event.source,
            event_id=event.id,
            occurred_at=now,
        )
        return await self._send(event, key, known, intent, worker)

    async def _send(self, event: Event, key: InboxKey, order: Order, intent: Intent, worker: OrderWorker) -> Outcome:
        started = utc_now()
        try:
            pushed = await worker.create(order, intent)
        except Refused as error:
            return _refused(event, key, error.order, error.refusal, worker, started=started)
        return _pushed(event, key, pushed, worker, started=started)


def _pushed(event: Event, key: InboxKey, order: Order, worker: OrderWorker, *, started: datetime) -> Outcome:
    now = utc_now()
    counted, result = numbered(order, "order.push.succeeded", OrderPushSucceeded, version=_paid(event).version, now=now)
    settled, held = settled_held(counted, now)
    message = f"order {order.so_id} is at YLH"
    return concluded(event, key, (result, *held), worker.release(settled), started=started, message=message)


def _refused(
    event: Event, key: InboxKey, order: Order, refusal: Rejected, worker: OrderWorker, *, started: datetime
) -> Outcome:
    note = note_of(refusal)
    return _failed(event, key, replace(order, error=note), note, worker, started=started, refusal=refusal)


def _already_pushed(event: Event, key: InboxKey, order: Order, worker: OrderWorker) -> Outcome:
    note = ErrorNote(
        error_class=ErrorClass.REJECTED,
        code="already_pushed",
        message=(
            f"order {order.so_id} is at YLH in version {order.applied_version} and YLH cannot change an order: "
            "cancel it and send a new so_id"
        ),
    )
    return _failed(event, key, order, note, worker, started=utc_now(), refusal=None)


def _failed(
    event: Event,
    key: InboxKey,
    order: Order,
    note: ErrorNote,
    worker: OrderWorker,
    *,
    started: datetime,
    refusal: Rejected | None,
) -> Outcome:
    now = utc_now()
    counted, result = numbered(
        order, "order.push.failed", OrderPushFailed, version=_paid(event).version, now=now, error=note.to_result()
    )
    return concluded(event, key, (result,), worker.release(counted), started=started, failed=note, refusal=refusal)


def _superseded(order: Order, paid: OrderPaid, worker: OrderWorker) -> Outcome:
    counted, result = numbered(
        order,
        "order.superseded",
        OrderSuperseded,
        version=paid.version,
        now=utc_now(),
        applied_version=order.applied_version,
    )
    return Outcome(Ending.SUPERSEDED, (result,), (worker.release(counted),))


def _days_to_push(paid: OrderPaid, held: tuple[HeldReschedule, ...]) -> Days:
    """Return the days that the create asks for: those of the order, and of every newer reschedule that waits for it."""
    days = Days(iso(paid.distribution_on), iso(paid.install_on))
    for one in sorted(held, key=lambda held: held.version):
        days = days.under(one.days) if one.version > paid.version else days
    return days


def _on_days(paid: OrderPaid, days: Days) -> OrderPaid:
    return paid.model_copy(update={"distribution_on": day(days.distribution_on), "install_on": day(days.install_on)})


def _paid(event: Event) -> OrderPaid:
    if not isinstance(event.data, OrderPaid):
        raise TypeError(f"order.paid carries {type(event.data).__name__}")
    return event.data


def _goods(paid: OrderPaid) -> tuple[Goods, ...]:
    """Return what was ordered, each product once: a gift may stand on a line of its own."""
    units: dict[str, int] = {}
    for item in paid.items:
        units[item.product_code] = units.get(item.product_code, 0) + item.quantity
    return tuple(Goods(product_code, quantity) for product_code, quantity in units.items())


def _consignee(paid: OrderPaid) -> Consignee:
    who = paid.consignee
    places = (who.province, who.city, who.area, who.town, who.address)
    return Consignee(who.name, who.mobile, " ".join(place for place in places if place))


def content_digest(paid: OrderPaid) -> str:
    """Return what tells a correction from a repetition: a digest of the content without its version."""
    return hashlib.sha256(paid.model_dump_json(exclude={"version"}).encode()).hexdigest()
