"""A callback taken in: what it proves, what it overrides, what it may never undo; and that its order is no matter."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.callback_steps import Deed, News
from consumer.domain.callbacks import judge, taken_in
from consumer.domain.errors import Rejected
from consumer.domain.letters import note_of
from consumer.domain.order import FINAL, CallKind, CallOutcome, Intent, Order, OrderState
from consumer.domain.order_parts import Goods, Word

if TYPE_CHECKING:
    from collections.abc import Sequence

AT = datetime(2026, 11, 22, tzinfo=UTC)
ORDERED = (Goods("BX1", 2), Goods("BX2", 1))
KEPT = (Goods("BX1", 2, 1, 1, 0), Goods("BX2", 1, 1, 0, 0))
ALL_BACK = (Goods("BX1", 2, 0, 2, 0), Goods("BX2", 1, 0, 0, 1))
FAILURE = note_of(Rejected("no", code="refused", supplier="ylh", operation="create"))


def news(word: Word, second: int = 1, goods: tuple[Goods, ...] = (), ext: str | None = None) -> News:
    return News(word, AT + timedelta(seconds=second), f"{word}-{goods}", ext, None, goods)


def call(kind: CallKind, outcome: CallOutcome) -> Intent:
    return Intent(kind, b"{}", "d", 1, outcome, "/shop", f"{kind.value}-1", AT)


CREATED = call(CallKind.CREATE, CallOutcome.DONE)
PUSHED = Order("SO1", OrderState.PUSHED, 1, paid_event_id="create-1", intent=CREATED, goods=ORDERED)
PUSHING = Order("SO1", OrderState.PUSHING, intent=call(CallKind.CREATE, CallOutcome.UNKNOWN), goods=ORDERED)
DOUBTFUL = Order("SO1", intent=call(CallKind.CREATE, CallOutcome.MAY_BE_THERE), goods=ORDERED, error=FAILURE)
CANCELLING = replace(PUSHED, state=OrderState.CANCELLING, intent=call(CallKind.CANCEL, CallOutcome.DONE))
NEVER_PUSHED = Order("SO1", OrderState.CANCELLED, intent=call(CallKind.CREATE, CallOutcome.REFUSED), goods=ORDERED)
UNKNOWN_TO_YLH = Order("SO1", OrderState.CANCELLED, intent=call(CallKind.CANCEL, CallOutcome.REFUSED))


def heard(order: Order, *told: News) -> Order:
    for one in told:
        order = taken_in(order, one, judge(order, one))
    return order


# ---- what a callback proves and overrides ----


def test_a_failed_push_that_arrived_all_the_same_is_no_failure_any_more() -> None:
    verdict = judge(DOUBTFUL, news(Word.TAKEN_ON))
    order = taken_in(DOUBTFUL, news(Word.TAKEN_ON), verdict)
    assert (order.state, order.applied_version, order.error) == (OrderState.CONFIRMED, 1, None)
    assert verdict.for_a_person


def test_the_end_overrides_a_refused_cancel_and_an_answer_does_not() -> None:
    failed = replace(CANCELLING, state=OrderState.CANCEL_FAILED, error=FAILURE)
    assert heard(failed, news(Word.TAKEN_ON)).error == FAILURE
    assert heard(failed, news(Word.CANCEL_DONE)).error is None


def test_what_is_older_than_a_refusal_is_no_answer_to_the_cancel_that_was_asked_for_after_it() -> None:
    refused = heard(CANCELLING, news(Word.CANCEL_REFUSED, 5))
    anew = replace(refused, state=OrderState.CANCELLING, intent=call(CallKind.CANCEL, CallOutcome.DONE))
    assert judge(anew, news(Word.CANCEL_REFUSED, 4)).deed is Deed.IGNORE
    assert judge(anew, news(Word.CANCEL_DONE, 4)).because == "contradiction"
    assert heard(anew, news(Word.CANCEL_REFUSED, 6)).state is OrderState.CANCEL_FAILED
    assert heard(anew, news(Word.CANCEL_DONE, 6)).state is OrderState.CANCELLED


def test_an_unanswered_cancel_is_answered_by_what_became_of_it() -> None:
    waiting = replace(CANCELLING, intent=call(CallKind.CANCEL, CallOutcome.UNKNOWN))
    for word, outcome in (
        (Word.CANCEL_DONE, CallOutcome.DONE),
        (Word.CANCEL_REFUSED, CallOutcome.REFUSED),
        (Word.TAKEN_ON, CallOutcome.UNKNOWN),
    ):
        intent = heard(waiting, news(word)).intent
        assert intent is not None
        assert intent.outcome is outcome


def test_a_number_binds_also_where_it_comes_with_old_news() -> None:
    order = heard(PUSHED, news(Word.CANCEL_DONE, 5), news(Word.TAKEN_ON, 1, ext="E1"))
    assert (order.state, order.ext_order_no) == (OrderState.CANCELLED, "E1")


def test_quantities_are_kept_product_by_product() -> None:
    assert heard(PUSHED, news(Word.QUANTITIES, goods=KEPT[:1])).goods == (KEPT[0], ORDERED[1])
    unknown = replace(PUSHED, goods=())
    assert heard(unknown, news(Word.QUANTITIES, goods=KEPT)).goods == KEPT


def test_a_cancel_of_all_keeps_the_quantities_that_it_brings() -> None:
    order = heard(PUSHED, news(Word.CANCEL_DONE, goods=ALL_BACK))
    assert (order.state, order.goods, order.refundable) == (OrderState.CANCELLED, ALL_BACK, True)


def test_a_cancel_of_all_of_which_a_part_was_kept_goes_to_a_person() -> None:
    verdict = judge(CANCELLING, news(Word.CANCEL_DONE, goods=KEPT))
    assert (verdict.deed, verdict.because) == (Deed.PARK, "contradiction")


# ---- after the end ----


@pytest.mark.parametrize("order", [NEVER_PUSHED, UNKNOWN_TO_YLH])
@pytest.mark.parametrize("told", [news(Word.CANCEL_DONE), news(Word.QUANTITIES, goods=ALL_BACK)])
def test_an_end_that_only_the_books_knew_stays_one_and_takes_its_time_from_ylh(order: Order, told: News) -> None:
    ended = heard(order, told)
    assert ended.state is OrderState.CANCELLED
    assert ended.ending is not None
    # What was said before that is old, what comes after it is for a person.
    assert judge(ended, news(Word.TAKEN_ON, 1)).deed is Deed.IGNORE
    assert judge(ended, news(Word.TAKEN_ON, 2)).deed is Deed.PARK


def test_an_order_is_undone_once_however_often_ylh_speaks_of_it() -> None:
    asked = heard(UNKNOWN_TO_YLH, news(Word.TAKEN_ON, 2))
    assert judge(UNKNOWN_TO_YLH, news(Word.TAKEN_ON, 2)).deed is Deed.UNDO
    assert judge(asked, news(Word.TAKEN_ON, 2)).deed is Deed.IGNORE
    assert judge(asked, news(Word.OUT_OF_STOCK, 1)).deed is Deed.IGNORE
    for outcome in (CallOutcome.UNKNOWN, CallOutcome.DONE):
        under_way = replace(asked, intent=call(CallKind.CANCEL, outcome))
        assert judge(under_way, news(Word.OUT_OF_STOCK, 3)).deed is Deed.IGNORE


def test_an_imported_cancel_is_no_matter_for_another_cancel() -> None:
    imported = Order("SO1", OrderState.CANCELLED, applied_version=1)
    assert judge(imported, news(Word.TAKEN_ON)).deed is Deed.PARK


def test_the_cancel_that_undoes_an_order_is_answered_by_its_callback() -> None:
    under_way = replace(UNKNOWN_TO_YLH, intent=call(CallKind.CANCEL, CallOutcome.UNKNOWN))
    ended = heard(under_way, news(Word.CANCEL_DONE))
    assert ended.unanswered(CallKind.CANCEL) is None
    assert heard(ended, news(Word.CANCEL_DONE)) == ended


# ---- laws ----


@st.composite
def lives(draw: st.DrawFn) -> list[News]:
    """All that one YLH says of one order, as it happened: each part of it at a second of its own, some of it twice."""
    seconds = itertools.count(1)
    answers = st.sampled_from([Word.TAKEN_ON, Word.TURNED_DOWN, Word.OUT_OF_STOCK])
    told = [news(draw(answers), next(seconds), ext=draw(st.sampled_from(["E1", None]))) for _ in range(draw(_FEW))]
    told += [news(Word.CANCEL_REFUSED, next(seconds)) for _ in range(draw(_FEW))]
    end = draw(st.sampled_from([None, Word.CANCEL_DONE, Word.QUANTITIES]))
    if end is not None:
        told.append(news(end, next(seconds), draw(_PARTS[end]), draw(st.sampled_from(["E1", None]))))
    return told


_FEW = st.integers(0, 3)
_PARTS = {
    Word.CANCEL_DONE: st.sampled_from([(), ALL_BACK]),
    Word.QUANTITIES: st.sampled_from([KEPT, ALL_BACK, KEPT[:1]]),
}
STARTS = st.sampled_from([PUSHING, PUSHED, DOUBTFUL, CANCELLING, replace(PUSHED, goods=())])


def coarse(order: Order) -> tuple[object, ...]:
    return order.state, order.goods, order.ext_order_no, order.refundable, order.at_supplier


@given(STARTS, lives(), st.data())
def test_in_whatever_order_and_however_often_it_comes_it_ends_alike(
    start: Order, told: list[News], data: st.DataObject
) -> None:
    mixed = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told)) if told else st.just([]))]))
    assert coarse(heard(start, *mixed)) == coarse(heard(start, *told))


GOODS = st.sampled_from([(), KEPT, ALL_BACK])
NEWS = st.builds(news, st.sampled_from(Word), st.integers(0, 5), GOODS, st.sampled_from([None, "E1", "E2"]))
INTENTS = st.one_of(st.none(), st.builds(call, st.sampled_from(CallKind), st.sampled_from(CallOutcome)))
ENDED = st.builds(
    Order,
    so_id=st.just("SO1"),
    state=st.sampled_from(sorted(FINAL)),
    applied_version=st.sampled_from([None, 1]),
    intent=INTENTS,
    goods=st.sampled_from([(), ORDERED]),
)


@given(ENDED, st.lists(NEWS, max_size=6))
def test_nothing_leaves_a_final_state(order: Order, told: Sequence[News]) -> None:
    state = order.state
    for one in told:
        order = heard(order, one)
        assert order.state is state


@given(st.one_of(STARTS, ENDED), st.lists(NEWS, max_size=6))
def test_the_first_number_stays(order: Order, told: Sequence[News]) -> None:
    bound: str | None = None
    for one in told:
        order = heard(order, one)
        assert bound in {None, order.ext_order_no}
        bound = order.ext_order_no


@given(st.one_of(STARTS, ENDED), NEWS)
def test_what_is_parked_changes_nothing_and_says_what_to_do(order: Order, one: News) -> None:
    verdict = judge(order, one)
    if verdict.deed is Deed.PARK:
        assert taken_in(order, one, verdict) is order
        assert verdict.for_a_person
