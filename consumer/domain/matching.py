"""Which order a callback is about. Pure; never a guess (DESIGN section 6, Orders).

Haier's number decides where our books have it. Else it is the platform's number, which several sub-orders of one online
order may share: they are told apart by what they are bound to, by their goods, and by what they wait for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.errors import Unmatched
from consumer.domain.order import OrderState
from consumer.domain.order_parts import Word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.callback_steps import News
    from consumer.domain.order import Order

_WAIT_FOR_AN_ANSWER = frozenset({OrderState.PUSHING, OrderState.PUSHED, OrderState.OUT_OF_STOCK})
_WAIT_FOR_A_CANCEL = frozenset({OrderState.CANCELLING})


def meant(candidates: Sequence[Order], platform_order_no: str, news: News) -> Order:
    """Return the one order that ``news`` is about.

    Args:
        candidates: orders that one of the callback's numbers may mean.
        platform_order_no: the number that YLH calls the platform's: our ``so_id`` or ``online_no``.
        news: what it says, with Haier's number where it gives one.

    Raises:
        Unmatched: code ``unmatched``: none, or more than one that cannot be told apart.
        Unmatched: code ``numbers_disagree``: Haier's number is that of one order, the platform's that of another.
    """
    named = [order for order in candidates if platform_order_no in {order.so_id, order.online_no}]
    numbered = [order for order in candidates if _has_number(order, news.ext_order_no)]
    if numbered:
        # An order that we know only from its cancel has no number of the platform's to disagree with.
        both = [order for order in numbered if order in named or (not named and order.online_no is None)]
        if not both:
            raise Unmatched(
                f"Haier's number {news.ext_order_no} is that of {_list(numbered)}, which is not {platform_order_no}: "
                "ask YLH which order it is about",
                code="numbers_disagree",
            )
        return _one(both, platform_order_no, news)
    return _one(named, platform_order_no, news)


def _one(orders: Sequence[Order], platform_order_no: str, news: News) -> Order:
    left = list(orders)
    if len(left) > 1:
        for narrow in (_perhaps_there, _unbound, _with_these_goods, _waiting):
            # What would leave none says nothing.
            left = narrow(left, news) or left
    if len(left) == 1:
        return left[0]
    if not left:
        raise Unmatched(
            f"our books have no order {platform_order_no}: where an older system pushed it, import it "
            "(`relay order import`) and replay this; else ask YLH, or discard it",
            code="unmatched",
        )
    raise Unmatched(
        f"{platform_order_no} may be any of {_list(left)}, and nothing in the callback tells them apart: ask YLH which "
        "it is about",
        code="unmatched",
    )


def _has_number(order: Order, ext_order_no: str | None) -> bool:
    return ext_order_no is not None and ext_order_no in {order.ext_order_no, order.retail_order_no}


def _perhaps_there(orders: Sequence[Order], _news: News) -> list[Order]:
    """Leave out those that YLH cannot have: nobody has pushed them yet, or it refused them at once."""
    return [order for order in orders if order.state is not OrderState.NEW or order.may_be_there]


def _unbound(orders: Sequence[Order], news: News) -> list[Order]:
    """Return those that this number may still be given to."""
    if news.ext_order_no is None:
        return list(orders)
    return [order for order in orders if order.ext_order_no in {None, news.ext_order_no}]


def _with_these_goods(orders: Sequence[Order], news: News) -> list[Order]:
    told = {item.product_code: item.quantity for item in news.goods}
    if not told:
        return list(orders)
    return [
        order
        for order in orders
        # What the books do not know cannot speak against it.
        if not order.goods or told.items() <= {item.product_code: item.quantity for item in order.goods}.items()
    ]


def _waiting(orders: Sequence[Order], news: News) -> list[Order]:
    if news.word in {Word.TAKEN_ON, Word.TURNED_DOWN, Word.OUT_OF_STOCK}:
        return [order for order in orders if order.state in _WAIT_FOR_AN_ANSWER and order.answer is None]
    return [order for order in orders if order.state in _WAIT_FOR_A_CANCEL]


def _list(orders: Sequence[Order]) -> str:
    return ", ".join(sorted(order.so_id for order in orders)[:5])
