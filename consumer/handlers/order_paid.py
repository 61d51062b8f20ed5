"""``order.paid``: push the order to YLH, once, whatever crashes (EVENTS, "In"; SUPPLIERS, YLH, create)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from consumer.domain.errors import ErrorClass, Rejected
from consumer.domain.letters import ErrorNote, note_of
from consumer.domain.order import CallKind, CallOutcome, Intent, Order
from consumer.domain.order_parts import Consignee, Days, Goods
from consumer.domain.order_steps import Paid, PaidStep
from consumer.domain.order_table import TABLE
from consumer.domain.outcome import Ending, Outcome
from consumer.domain.results import finished_sync_log
from consumer.domain.writes import SyncStatus, SyncType
from consumer.handlers.order_calls import OrderCalls, Refused, utc_now
from consumer.handlers.order_results import iso, numbered
from schemas.events import OrderPaid
from schemas.results import OrderPushFailed, OrderPushSucceeded, OrderSuperseded

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.domain.ports import YlhOrders
    from consumer.domain.writes import InboxKey
    from schemas.envelope import Event


class OrderPaidHandler:
    """Carries out ``order.paid``."""

    def __init__(self, calls: OrderCalls, ylh: YlhOrders) -> None:
        self._calls = calls
        self._ylh = ylh

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:
        """Push the order, or say why not (`consumer.domain.order_table`)."""
        paid = _paid(event)
        order = await self._calls.read(paid.so_id)
        digest = content_digest(paid)
        asked = Paid(event.id, paid.version, digest)
        while True:
            match TABLE[order.state].paid(order, asked):
                case PaidStep.PUSH:
                    return await self._push(event, key, order, digest)
                case PaidStep.CLEAR_UP:
                    mine = order.intent is not None and (order.intent.event_source, order.intent.event_id) == (
                        event.source,
                        event.id,
                    )
                    if mine and order.intent is not None:
                        return await self._send(event, key, order, order.intent)
                    order = await self._calls.clear_up_create(order)
                case PaidStep.APPLIED:
                    return self._pushed(event, key, order, started=utc_now())
                case PaidStep.SUPERSEDED:
                    return self._superseded(order, paid)
                case PaidStep.ALREADY_PUSHED:
                    return self._already_pushed(event, key, order)

    async def _push(self, event: Event, key: InboxKey, order: Order, digest: str) -> Outcome:
        paid = _paid(event)
        now = utc_now()
        known = replace(
            order,
            online_no=paid.online_no,
            source_system=paid.source_system,
            days=Days(iso(paid.distribution_on), iso(paid.install_on)),
            goods=_goods(paid),
            consignee=_consignee(paid),
        )
        try:
            body = self._ylh.create_body(paid)
        except Rejected as refusal:
            return self._refused(event, key, known, refusal, started=now)
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
        return await self._send(event, key, known, intent)

    async def _send(self, event: Event, key: InboxKey, order: Order, intent: Intent) -> Outcome:
        started = utc_now()
        try:
            pushed = await self._calls.create(order, intent)
        except Refused as error:
            return self._refused(event, key, error.order, error.refusal, started=started)
        return self._pushed(event, key, pushed, started=started)

    def _pushed(self, event: Event, key: InboxKey, order: Order, *, started: datetime) -> Outcome:
        now = utc_now()
        counted, result = numbered(
            order, "order.push.succeeded", OrderPushSucceeded, version=order.applied_version, now=now
        )
        row, told = finished_sync_log(
            event,
            key,
            sync_type=SyncType.ORDER,
            status=SyncStatus.SUCCESS,
            message=f"order {order.so_id} is at YLH",
            counts=(1, 1, 0),
            started_at=started,
            now=now,
        )
        return Outcome(Ending.DONE, (result, told), (self._calls.release(counted), row))

    def _refused(self, event: Event, key: InboxKey, order: Order, refusal: Rejected, *, started: datetime) -> Outcome:
        return self._failed(event, key, order, note_of(refusal), started=started, refusal=refusal)

    def _already_pushed(self, event: Event, key: InboxKey, order: Order) -> Outcome:
        note = ErrorNote(
            error_class=ErrorClass.REJECTED,
            code="already_pushed",
            message=(
                f"order {order.so_id} is at YLH in version {order.applied_version} and YLH cannot change an order: "
                "cancel it and send a new so_id"
            ),
        )
        return self._failed(event, key, order, note, started=utc_now(), refusal=None)

    def _failed(
        self,
        event: Event,
        key: InboxKey,
        order: Order,
        note: ErrorNote,
        *,
        started: datetime,
        refusal: Rejected | None,
    ) -> Outcome:
        paid = _paid(event)
        now = utc_now()
        counted, result = numbered(
            order, "order.push.failed", OrderPushFailed, version=paid.version, now=now, error=note.to_result()
        )
        row, told = finished_sync_log(
            event,
            key,
            sync_type=SyncType.ORDER,
            status=SyncStatus.FAILED,
            message=note.supplier_message or note.message,
            counts=(1, 0, 1),
            started_at=started,
            now=now,
        )
        return Outcome(Ending.REFUSED, (result, told), (self._calls.release(counted), row), refusal=refusal)

    def _superseded(self, order: Order, paid: OrderPaid) -> Outcome:
        counted, result = numbered(
            order,
            "order.superseded",
            OrderSuperseded,
            version=paid.version,
            now=utc_now(),
            applied_version=order.applied_version,
        )
        return Outcome(Ending.SUPERSEDED, (result,), (self._calls.release(counted),))


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
