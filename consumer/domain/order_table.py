"""The order's state machine: what each event and each callback does in each state, as one table of pure functions.

Every state names a rule for everything that can come; there is no default, and mypy holds that. A pair that should
not occur has a rule of its own that says what becomes of it. `docs/order_states.md` is checked against this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from consumer.domain import callback_steps as news
from consumer.domain import order_steps as events
from consumer.domain.order import OrderState
from consumer.domain.order_parts import Word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from consumer.domain.callback_steps import News, Verdict
    from consumer.domain.order import Order
    from consumer.domain.order_steps import Cancelled, CancelStep, Paid, PaidStep, Rescheduled, RescheduleStep

    CallbackRule = Callable[[Order, News], Verdict]


@dataclass(frozen=True, slots=True)
class Row:
    """What can come to an order in one state: a rule for each event of the shop and for each word of a callback."""

    paid: Callable[[Order, Paid], PaidStep]
    cancelled: Callable[[Order, Cancelled], CancelStep]
    rescheduled: Callable[[Order, Rescheduled], RescheduleStep]
    taken_on: CallbackRule
    turned_down: CallbackRule
    out_of_stock: CallbackRule
    cancel_done: CallbackRule
    cancel_refused: CallbackRule
    quantities: CallbackRule

    def of(self, word: Word) -> CallbackRule:
        """Return the rule for a callback."""
        return {
            Word.TAKEN_ON: self.taken_on,
            Word.TURNED_DOWN: self.turned_down,
            Word.OUT_OF_STOCK: self.out_of_stock,
            Word.CANCEL_DONE: self.cancel_done,
            Word.CANCEL_REFUSED: self.cancel_refused,
            Word.QUANTITIES: self.quantities,
        }[word]


_AT_YLH = Row(
    paid=events.against_what_was_applied,
    cancelled=events.cancel,
    rescheduled=events.reschedule,
    taken_on=news.answer,
    turned_down=news.answer,
    out_of_stock=news.answer,
    cancel_done=news.cancel_done,
    cancel_refused=news.cancel_refused_unasked,
    quantities=news.quantities,
)

TABLE: Mapping[OrderState, Row] = MappingProxyType(
    {
        OrderState.NEW: Row(
            paid=events.push,
            cancelled=events.cancel_what_may_be_absent,
            rescheduled=events.hold,
            taken_on=news.news_of_an_absent_order,
            turned_down=news.news_of_an_absent_order,
            out_of_stock=news.news_of_an_absent_order,
            cancel_done=news.cancel_done_for_an_absent_order,
            cancel_refused=news.cancel_refused_for_an_absent_order,
            quantities=news.news_of_an_absent_order,
        ),
        OrderState.PUSHING: Row(
            paid=events.clear_up_first,
            cancelled=events.cancel_after_clearing_up,
            rescheduled=events.reschedule_after_clearing_up,
            taken_on=news.proves_arrival,
            turned_down=news.proves_arrival,
            out_of_stock=news.proves_arrival,
            cancel_done=news.proves_arrival,
            cancel_refused=news.cancel_failure_proves_arrival,
            quantities=news.proves_arrival,
        ),
        OrderState.PUSHED: _AT_YLH,
        OrderState.CONFIRMED: _AT_YLH,
        OrderState.OUT_OF_STOCK: _AT_YLH,
        OrderState.REFUSED: Row(
            paid=events.against_what_was_applied,
            cancelled=events.cancel,
            rescheduled=events.refused_cannot_move,
            taken_on=news.answer,
            turned_down=news.answer,
            out_of_stock=news.answer,
            cancel_done=news.cancel_done,
            cancel_refused=news.cancel_refused_unasked,
            quantities=news.quantities,
        ),
        OrderState.CANCELLING: Row(
            paid=events.ended_by_a_cancel,
            cancelled=events.cancel_once,
            rescheduled=events.nothing_left_to_reschedule,
            taken_on=news.answer_beside_a_cancel,
            turned_down=news.answer_beside_a_cancel,
            out_of_stock=news.answer_beside_a_cancel,
            cancel_done=news.cancel_done,
            cancel_refused=news.cancel_refused,
            quantities=news.quantities,
        ),
        OrderState.CANCEL_FAILED: Row(
            paid=events.ended_by_a_cancel,
            cancelled=events.cancel_after_a_refusal,
            rescheduled=events.reschedule,
            taken_on=news.answer_beside_a_cancel,
            turned_down=news.answer_beside_a_cancel,
            out_of_stock=news.answer_beside_a_cancel,
            cancel_done=news.cancel_done,
            cancel_refused=news.cancel_refused,
            quantities=news.quantities,
        ),
        OrderState.CANCELLED: Row(
            paid=events.ended_by_a_cancel,
            cancelled=events.cancelled_before,
            rescheduled=events.nothing_left_to_reschedule,
            taken_on=news.answer_after_a_cancel,
            turned_down=news.answer_after_a_cancel,
            out_of_stock=news.answer_after_a_cancel,
            cancel_done=news.cancelled_again,
            cancel_refused=news.cancel_refused_after_success,
            quantities=news.quantities_after_a_cancel,
        ),
        OrderState.SETTLED: Row(
            paid=events.against_what_was_applied,
            cancelled=events.too_late_to_cancel,
            rescheduled=events.too_late_to_reschedule,
            taken_on=news.after_the_end,
            turned_down=news.after_the_end,
            out_of_stock=news.after_the_end,
            cancel_done=news.cancel_done_after_quantities,
            cancel_refused=news.after_the_end,
            quantities=news.quantities_again,
        ),
    }
)
"""The rule for everything that can come, by state."""
