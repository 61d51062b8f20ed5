"""An order's life at YLH after it was taken in: each decision as it changes the ledger's page, if it still fits."""

from datetime import datetime, timedelta

from sandbox.fate import Decision
from sandbox.ledger import ENDED, Order, State

ANSWERS: dict[Decision, State] = {
    Decision.CONFIRMED: "confirmed",
    Decision.REFUSED: "refused",
    Decision.OUT_OF_STOCK: "out_of_stock",
}
CANCEL_TRACK: frozenset[State] = frozenset({"cancelling", "cancel_failed"})
SECOND = timedelta(seconds=1)


def decided(order: Order, decision: Decision, at: datetime) -> bool:
    """Have a decision hold from ``at``; False where YLH would not make it any more.

    Beside a cancel the answer is noted and the cancel goes on. An order that YLH has turned down is cancelled only
    when that is asked for.
    """
    if not _fits(order, decision):
        return False
    answer = ANSWERS.get(decision)
    if answer is not None:
        order.answer = answer
        order.state = order.state if order.state in CANCEL_TRACK else answer
    elif decision is Decision.CANCEL_REFUSED:
        order.state = "cancel_failed"
    else:
        order.state = "settled" if decision is Decision.SETTLED else "cancelled"
    order.decisions.append((decision.value, at))
    return True


def stamp(order: Order, now: datetime, *, tied: bool) -> datetime:
    """The TimeStamp of the order's next decision, in whole seconds: later than the one before, unless ``tied`` to it.

    A second is all that the supplier's papers give to tell which of two is newer.
    """
    moment = now.replace(microsecond=0)
    if not order.decisions:
        return moment
    before = order.decisions[-1][1]
    return before if tied else max(moment, before + SECOND)


def _fits(order: Order, decision: Decision) -> bool:
    if order.state in ENDED or order.state == "unknown":
        return False
    if decision is Decision.CANCEL_REFUSED:
        return order.state == "cancelling"
    return order.state != "refused" or decision in ANSWERS
