"""``supplier.callback.*``: what YLH said later of an order (EVENTS, "In"; SUPPLIERS, "YLH calls us back").

No call is made, so no lease is taken: the order is written only where nobody works on it and nobody has written it
since it was read. While our own call is in flight the callback goes round; after that it can be applied.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from consumer.domain.callback_steps import Deed, News
from consumer.domain.callbacks import judge, taken_in
from consumer.domain.errors import Rejected, Unmatched
from consumer.domain.letters import note_of
from consumer.domain.matching import meant
from consumer.domain.order import OrderState
from consumer.domain.order_parts import Goods, Word
from consumer.domain.outcome import Ending, Outcome, Result
from consumer.domain.writes import SaveOrder
from consumer.handlers.order_calls import utc_now
from consumer.handlers.order_results import numbered, settled_held
from schemas.events import SupplierCallbackCancelled, SupplierCallbackConfirmed, SupplierCallbackOutOfStock
from schemas.events.callbacks import PART_OF_THE_GOODS, ReturnedItem
from schemas.internal import OrderCancelRequested
from schemas.results import (
    OrderCancelFailed,
    OrderCancelSucceeded,
    OrderConfirmed,
    OrderOutOfStock,
    OrderRefused,
    OrderSettled,
)

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.domain.callback_steps import Verdict
    from consumer.domain.order import Order
    from consumer.domain.ports import Books
    from consumer.domain.writes import InboxKey
    from schemas.envelope import Event
    from schemas.results import OrderResult

    Callback = SupplierCallbackConfirmed | SupplierCallbackCancelled | SupplierCallbackOutOfStock

_REASON = "订单已取消，请勿发货"
"""What YLH reads where an order is cancelled that must not stand there."""

_CANCEL_WORDS = {0: Word.CANCEL_REFUSED, 1: Word.CANCEL_DONE, PART_OF_THE_GOODS: Word.QUANTITIES}


CALLBACKS = ("supplier.callback.confirmed", "supplier.callback.cancelled", "supplier.callback.out_of_stock")
"""The event types that this handler carries out."""


class CallbackHandler:
    """Carries out all three callbacks: they differ only in what they say."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:  # noqa: ARG002 (a handler's signature)
        """Find the order, take the news in, tell the shop.

        Raises:
            Unmatched: it fits no order, or contradicts what the shop was told: a person has to look.
        """
        told = _told(event)
        news = news_of(told)
        candidates = await self._books.orders_by_numbers(told.platform_order_no, told.ext_order_no)
        order = meant(candidates, told.platform_order_no, news)
        verdict = judge(order, news)
        if verdict.deed is Deed.PARK:
            raise Unmatched(f"order {order.so_id}: {verdict.for_a_person}", code=verdict.because)
        return _outcome(event, order, news, verdict)


def news_of(told: Callback) -> News:
    """Return what a callback says."""
    match told:
        case SupplierCallbackConfirmed():
            word = Word.TAKEN_ON if told.state == 1 else Word.TURNED_DOWN
            goods: tuple[Goods, ...] = ()
        case SupplierCallbackCancelled():
            word, goods = _CANCEL_WORDS[told.state], _goods(told)
        case SupplierCallbackOutOfStock():
            word, goods = Word.OUT_OF_STOCK, ()
    said = repr((word.value, told.fail_msg, sorted((item.product_code, repr(item)) for item in goods)))
    digest = hashlib.sha256(said.encode()).hexdigest()
    return News(word, told.occurred_at, digest, told.ext_order_no, told.fail_msg, goods)


def _goods(told: SupplierCallbackCancelled) -> tuple[Goods, ...]:
    """Return the quantities, each product once: it may stand on several lines, as it was ordered."""
    found: dict[str, Goods] = {}
    for item in told.items or ():
        before = found.get(item.product_code, Goods(item.product_code, 0, 0, 0, 0))
        found[item.product_code] = Goods(
            item.product_code,
            before.quantity + item.total,
            (before.received or 0) + item.received,
            (before.returned or 0) + item.returned,
            (before.rejected or 0) + item.rejected,
        )
    return tuple(found.values())


def _outcome(event: Event, order: Order, news: News, verdict: Verdict) -> Outcome:
    now = utc_now()
    known = taken_in(order, news, verdict)
    # While the create is the last call: what was held for it is told now that it is known to have arrived.
    settled, held = settled_held(known, now)
    warning = _warning(order, verdict)
    if verdict.deed in {Deed.IGNORE, Deed.NOTE, Deed.UNDO}:
        told: tuple[Result, ...] = (_undoing(settled),) if verdict.deed is Deed.UNDO else ()
        writes = (SaveOrder(settled, uuid4().hex),) if settled != order else ()
        ending = Ending.DONE if verdict.deed is Deed.UNDO else Ending.SUPERSEDED
        return Outcome(ending, (*told, *held), writes, refusal=warning, subject=order.so_id)
    counted, result = _result(settled, news, now)
    refusal = warning or (_refusal(order, news) if verdict.state is OrderState.CANCEL_FAILED else None)
    caused = replace(result, correlationid=order.paid_event_id or settled.paid_event_id, causationid=event.id)
    return Outcome(
        Ending.DONE, (*held, caused), (SaveOrder(counted, uuid4().hex),), refusal=refusal, subject=order.so_id
    )


def _warning(order: Order, verdict: Verdict) -> Unmatched | None:
    if verdict.for_a_person is None:
        return None
    return Unmatched(f"order {order.so_id}: {verdict.for_a_person}", code=verdict.because)


def _undoing(order: Order) -> Result:
    return Result(
        "order.cancel.requested", OrderCancelRequested(so_id=order.so_id, reason=_REASON), subject=order.so_id
    )


def _result(order: Order, news: News, now: datetime) -> tuple[Order, Result]:
    def say(type_: str, model: type[OrderResult], **more: object) -> tuple[Order, Result]:
        return numbered(order, type_, model, version=order.applied_version, now=now, **more)

    match news.word:
        case Word.TAKEN_ON:
            return say("order.confirmed", OrderConfirmed, fail_msg=news.fail_msg)
        case Word.TURNED_DOWN:
            return say("order.refused", OrderRefused, fail_msg=news.fail_msg)
        case Word.OUT_OF_STOCK:
            return say("order.out_of_stock", OrderOutOfStock, fail_msg=news.fail_msg)
        case Word.CANCEL_DONE:
            return say("order.cancel.succeeded", OrderCancelSucceeded, at_supplier=True, refundable=True)
        case Word.CANCEL_REFUSED:
            return _cancel_failed(order, news, now)
        case Word.QUANTITIES:
            return say("order.settled", OrderSettled, items=tuple(map(_item, news.goods)))


def _cancel_failed(order: Order, news: News, now: datetime) -> tuple[Order, Result]:
    note = note_of(_refusal(order, news))
    return numbered(
        replace(order, error=note),
        "order.cancel.failed",
        OrderCancelFailed,
        version=order.applied_version,
        now=now,
        at_supplier=True,
        refundable=False,
        error=note.to_result(),
    )


def _refusal(order: Order, news: News) -> Rejected:
    """YLH's no to a cancel, in its own words; one that was asked for stays in the ledger (DESIGN section 6)."""
    return Rejected(
        f"YLH did not cancel {order.so_id}: the order stands; another order.cancelled asks once more",
        code="cancel_refused",
        supplier="ylh",
        operation="cancel",
        supplier_message=news.fail_msg,
    )


def _item(item: Goods) -> ReturnedItem:
    return ReturnedItem(
        product_code=item.product_code,
        total=item.quantity,
        received=item.received or 0,
        returned=item.returned or 0,
        rejected=item.rejected or 0,
    )


def _told(event: Event) -> Callback:
    told = event.data
    if not isinstance(told, SupplierCallbackConfirmed | SupplierCallbackCancelled | SupplierCallbackOutOfStock):
        raise TypeError(f"{event.type} carries {type(told).__name__}")
    return told
