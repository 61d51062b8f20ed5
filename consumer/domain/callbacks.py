"""A callback and the order that it is about: what it comes to, and the order afterwards. Pure functions.

`judge` looks at what holds in every state (numbers, quantities) and then asks `consumer.domain.order_table`;
`taken_in` carries the verdict out on the values.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from consumer.domain.callback_steps import Deed, Verdict
from consumer.domain.order import FINAL, CallKind, CallOutcome
from consumer.domain.order_parts import Goods, Stamp, Word
from consumer.domain.order_table import TABLE

if TYPE_CHECKING:
    from consumer.domain.callback_steps import News
    from consumer.domain.order import Order

_ANSWERS = frozenset({Word.TAKEN_ON, Word.TURNED_DOWN, Word.OUT_OF_STOCK})


def judge(order: Order, news: News) -> Verdict:
    """Return what ``news`` of ``order`` comes to."""
    if news.ext_order_no is not None and order.ext_order_no not in {None, news.ext_order_no}:
        return Verdict(
            Deed.PARK,
            "other_ext_order_no",
            for_a_person=(
                f"the order is bound to Haier's number {order.ext_order_no} and this names {news.ext_order_no}: ask "
                "YLH which order it is about"
            ),
        )
    misfit = _misfit(order.goods, news.goods)
    if misfit is not None:
        return Verdict(Deed.PARK, "quantities_do_not_fit", for_a_person=misfit)
    if news.word is Word.CANCEL_DONE and any(item.received for item in news.goods):
        return Verdict(
            Deed.PARK,
            "contradiction",
            for_a_person=(
                "it says that the whole order is cancelled, and by its quantities the customer kept a part: ask YLH "
                "which holds, before the customer is refunded"
            ),
        )
    return TABLE[order.state].of(news.word)(order, news)


def taken_in(order: Order, news: News, verdict: Verdict) -> Order:
    """Return the order once ``verdict`` holds; the very same order where nothing changes.

    The first number binds, also one that came late. What was overtaken, repeated or parked changes nothing else.
    """
    if verdict.deed is Deed.PARK:
        return order
    bound = order if order.ext_order_no or not news.ext_order_no else replace(order, ext_order_no=news.ext_order_no)
    if verdict.deed is Deed.IGNORE:
        return bound
    if verdict.deed is Deed.UNDO:
        return replace(bound, answer=_stamp(news))
    there = bound if bound.state in FINAL else bound.arrived()
    known = replace(
        _settled_calls(there, news.word),
        fail_msg=news.fail_msg or bound.fail_msg,
        # What was told before no longer stands once the end has come.
        error=None if verdict.state in FINAL else there.error,
    )
    stamped = (
        replace(known, answer=_stamp(news)) if news.word in _ANSWERS else replace(known, ending=_ending(known, news))
    )
    if news.goods:
        stamped = replace(stamped, goods=_with_quantities(order.goods, news.goods))
    return stamped if verdict.state is None else replace(stamped, state=verdict.state)


def _stamp(news: News) -> Stamp:
    return Stamp(news.word, news.at, news.digest)


def _ending(order: Order, news: News) -> Stamp | None:
    """A cancel that failed and that nobody asked for says nothing of one that is still to come."""
    asked = order.intent is not None and order.intent.kind is CallKind.CANCEL
    return order.ending if news.word is Word.CANCEL_REFUSED and not asked else _stamp(news)


def _settled_calls(order: Order, word: Word) -> Order:
    """An unanswered cancel is answered by what YLH says became of it."""
    if order.unanswered(CallKind.CANCEL) is None or word in _ANSWERS:
        return order
    return order.answered(CallOutcome.REFUSED if word is Word.CANCEL_REFUSED else CallOutcome.DONE)


def _misfit(ordered: tuple[Goods, ...], told: tuple[Goods, ...]) -> str | None:
    """Say how quantities fail to fit the order; None: they fit, or the books do not know what was ordered."""
    if not ordered:
        return None
    units = {item.product_code: item.quantity for item in ordered}
    for item in told:
        if item.product_code not in units:
            return (
                f"it has quantities of {item.product_code}, which is not in the order: ask YLH which order it is about"
            )
        counted = (item.received or 0) + (item.returned or 0) + (item.rejected or 0)
        if item.quantity != units[item.product_code] or counted > item.quantity:
            return (
                f"of {item.product_code} the order has {units[item.product_code]} units; here {item.quantity} in all, "
                f"{counted} of them kept, returned or rejected: compare with YLH"
            )
    return None


def _with_quantities(ordered: tuple[Goods, ...], told: tuple[Goods, ...]) -> tuple[Goods, ...]:
    """Return the order's goods with the quantities told; what the books do not know yet comes from the callback."""
    known = {item.product_code: item for item in told}
    if not ordered:
        return told
    return tuple(known.get(item.product_code, item) for item in ordered)
