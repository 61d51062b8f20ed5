"""What YLH's callbacks do, given the books: the rules of the callback columns of `consumer.domain.order_table`.

A rule sees the order in one state and one piece of news, and returns a `Verdict`. Within one track the newer
``TimeStamp`` wins, and what was said in the same second but differs is parked (DESIGN section 6). A final state is
never left: news that contradicts it goes to a person, whichever of the two came first. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from consumer.domain.order import CallKind, CallOutcome, OrderState
from consumer.domain.order_parts import Word

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.domain.order import Order
    from consumer.domain.order_parts import Goods, Stamp


@dataclass(frozen=True, slots=True)
class News:
    """What one callback says.

    Attributes:
        word: what became of the order.
        at: its ``TimeStamp`` (aware).
        digest: fingerprint of what it says (`Stamp.digest`).
        ext_order_no: Haier's number, where it gives one.
        fail_msg: the reason, verbatim.
        goods: quantities by product (`Word.QUANTITIES`).
    """

    word: Word
    at: datetime
    digest: str
    ext_order_no: str | None = None
    fail_msg: str | None = None
    goods: tuple[Goods, ...] = ()


class Deed(StrEnum):
    """What is done with a callback."""

    APPLY = "apply"
    """It holds from now on, and the shop is told."""
    TELL = "tell"
    """The shop is told; the coarse state stays, since a cancel rules it or nobody asked."""
    NOTE = "note"
    """The shop knows it already: its time is kept, and what else it brings."""
    IGNORE = "ignore"
    """Nothing new: done without a result."""
    UNDO = "undo"
    """YLH has an order that our books have as cancelled: it is cancelled there."""
    PARK = "park"
    """A person has to look; nothing changes."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a callback comes to.

    Attributes:
        deed: what is done.
        because: why, as a stable name: the code of what is parked.
        state: the state that follows, for `Deed.APPLY`.
        for_a_person: what a person should look into, and what to do about it; None: nobody has to.
    """

    deed: Deed
    because: str
    state: OrderState | None = None
    for_a_person: str | None = None


_STATE_AFTER = {
    Word.TAKEN_ON: OrderState.CONFIRMED,
    Word.TURNED_DOWN: OrderState.REFUSED,
    Word.OUT_OF_STOCK: OrderState.OUT_OF_STOCK,
    Word.CANCEL_DONE: OrderState.CANCELLED,
    Word.CANCEL_REFUSED: OrderState.CANCEL_FAILED,
    Word.QUANTITIES: OrderState.SETTLED,
}
"""Where each word leads while nothing stands against it."""


def _apply(news: News, because: str, *, for_a_person: str | None = None) -> Verdict:
    return Verdict(Deed.APPLY, because, _STATE_AFTER[news.word], for_a_person)


def _ignore(because: str) -> Verdict:
    return Verdict(Deed.IGNORE, because)


def _note(because: str) -> Verdict:
    return Verdict(Deed.NOTE, because)


def _tell(because: str) -> Verdict:
    return Verdict(Deed.TELL, because)


def _park(because: str, what: str) -> Verdict:
    return Verdict(Deed.PARK, because, for_a_person=what)


def _against(stamp: Stamp | None, news: News, fresh: Verdict, older: Verdict | None = None) -> Verdict:
    """Let the newer ``TimeStamp`` win; a tie that says the same is a repetition, one that does not is parked."""
    if stamp is None or news.at > stamp.at:
        return fresh
    if news.at < stamp.at:
        return older or _ignore("overtaken")
    if news.digest == stamp.digest:
        return _ignore("repeated")
    return _park(
        "tie",
        f"in the same second YLH also said {stamp.word.value}: ask YLH which of the two holds. Where it is this one, "
        "have YLH send it again, since a newer TimeStamp wins (replayed as it is, it is parked again); else discard it",
    )


# ---- on an order that is not known to be at YLH ----


def _not_pushed() -> Verdict:
    return _park(
        "not_pushed",
        "our books have no create that YLH can have taken: ask YLH who pushed this order. Where it is to be delivered, "
        "send its order.paid once more, which YLH refuses because it has the order, and then replay this; else discard "
        "it",
    )


def news_of_an_absent_order(order: Order, news: News) -> Verdict:
    """Our create was refused or never sent; where it may be there all the same, YLH's word is taken, a person told."""
    if order.may_be_there:
        return _apply(
            news,
            "told_as_failed",
            for_a_person=(
                f"the shop was told that the push failed, and now YLH says {news.word.value}: tell the shop, or cancel "
                "the order with an order.cancelled"
            ),
        )
    return _not_pushed()


def proves_arrival(_order: Order, news: News) -> Verdict:
    """Our create is unanswered: that YLH speaks of the order proves that it arrived."""
    return _apply(news, "arrived")


def cancel_failure_proves_arrival(_order: Order, _news: News) -> Verdict:
    """Our create is unanswered and proved; the cancel that failed was not ours, the order stands."""
    return _tell("not_asked")


# ---- the answer track ----


def answer(order: Order, news: News) -> Verdict:
    """YLH says whether it delivers."""
    return _against(order.answer, news, _apply(news, "answered"))


def answer_beside_a_cancel(order: Order, news: News) -> Verdict:
    """A cancel rules the state; the answer is noted and told."""
    return _against(order.answer, news, _tell("cancel_rules"))


def answer_after_a_cancel(order: Order, news: News) -> Verdict:
    """The order is cancelled.

    Where it was at YLH, an answer that is not newer than its end came late, and a newer one contradicts it. Where it
    was only our books that said so (never pushed, unknown to YLH), the order is there after all and has to go: once,
    however often YLH speaks of it meanwhile.
    """
    if news.word is Word.TURNED_DOWN:
        return _ignore("after_the_end")
    if order.ending is None and order.applied_version is None:
        if _being_undone(order):
            return _ignore("cancel_rules")
        return _against(order.answer, news, Verdict(Deed.UNDO, "alive_after_cancel"))
    if order.ending is not None and news.at <= order.ending.at:
        return _ignore("overtaken")
    return _park(
        "alive_after_cancel",
        f"the order was cancelled at YLH, and then it said {news.word.value}; the shop may have refunded it: ask YLH, "
        "and have it stop the delivery",
    )


def _being_undone(order: Order) -> bool:
    """Whether the cancel that undoes it is under way or was taken; one that only our books said has no such call."""
    call = order.intent
    return call is not None and call.kind is CallKind.CANCEL and call.outcome in {CallOutcome.UNKNOWN, CallOutcome.DONE}


def after_the_end(_order: Order, _news: News) -> Verdict:
    """The goods are delivered or back: what YLH says of the order itself came late."""
    return _ignore("after_the_end")


# ---- the cancel track ----


def cancel_done(order: Order, news: News) -> Verdict:
    """Cancelled, intercepted or refused at the door, asked for or not; one older than a refusal contradicts that.

    Money hangs on it: the shop was told that the order stands, and may have asked for a cancel anew.
    """
    older = _park(
        "contradiction",
        "YLH refused the cancel later than it says here that the order is cancelled: ask YLH which holds, before the "
        "customer is refunded",
    )
    return _against(order.ending, news, _apply(news, "cancelled"), older)


def cancelled_again(order: Order, news: News) -> Verdict:
    """It is cancelled: the same once more, or for the first time from YLH; an answer from before it then came late."""
    return _note("repeated") if order.ending is None or news.at > order.ending.at else _ignore("repeated")


def cancel_refused(order: Order, news: News) -> Verdict:
    """The cancel that we asked for did not succeed: the order stands. One older than another refusal came late."""
    return _against(order.ending, news, _apply(news, "cancel_refused"))


def cancel_refused_unasked(_order: Order, _news: News) -> Verdict:
    """A cancel failed that nobody asked for here: the order stands as it did."""
    return _tell("not_asked")


def cancel_refused_after_success(order: Order, news: News) -> Verdict:
    """The order is cancelled; an older refusal was overtaken, a newer one contradicts what the shop was told."""
    if order.ending is not None and news.at < order.ending.at:
        return _ignore("overtaken")
    return _park(
        "contradiction",
        "the shop was told that the order is cancelled and may have refunded it, and YLH refuses the cancel: have YLH "
        "stop the delivery",
    )


def quantities(_order: Order, news: News) -> Verdict:
    """A part of the goods, or all of them, came back: the order is settled, whatever was refused before."""
    return _apply(news, "settled")


def quantities_again(order: Order, news: News) -> Verdict:
    """Quantities are known: newer ones take their place."""
    return _against(order.ending, news, _apply(news, "settled"))


def quantities_after_a_cancel(order: Order, news: News) -> Verdict:
    """The order is cancelled: quantities by which all came back say the same, others contradict it."""
    if news.goods and all(item.all_back for item in news.goods):
        return _against(order.ending, news, _tell("all_back"))
    return _park(
        "contradiction",
        "the shop was told that the whole order is cancelled, and by these quantities the customer kept a part: "
        "compare with YLH before the customer is refunded",
    )


def cancel_done_after_quantities(order: Order, news: News) -> Verdict:
    """The order is settled: that all is cancelled fits only where all came back, or came late."""
    if all(item.all_back for item in order.goods):
        return _ignore("repeated")
    older = _ignore("overtaken")
    return _against(
        order.ending,
        news,
        _park(
            "contradiction",
            "by the quantities before this the customer kept a part, and now YLH says that all is cancelled: compare "
            "with YLH before the customer is refunded",
        ),
        older,
    )


def cancel_done_for_an_absent_order(order: Order, news: News) -> Verdict:
    """Our create was refused or never sent: cancelled is what it is; where it may be there, YLH's word is taken."""
    return _apply(news, "cancelled") if order.may_be_there else news_of_an_absent_order(order, news)


def cancel_refused_for_an_absent_order(_order: Order, _news: News) -> Verdict:
    """Nobody here asked for a cancel of an order that our books have not pushed."""
    return _not_pushed()
