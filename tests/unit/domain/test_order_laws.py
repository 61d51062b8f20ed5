"""Laws of the order's state machine, over the table alone: final states, order of arrival, repetitions, quantities."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.callback_steps import Deed, News
from consumer.domain.callbacks import judge, taken_in
from consumer.domain.order import FINAL, CallKind, CallOutcome, Intent, Order, OrderState
from consumer.domain.order_page import transitions
from consumer.domain.order_parts import Goods, Word
from consumer.domain.order_table import TABLE, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

AT = datetime(2026, 11, 22, tzinfo=UTC)
ANSWERS = (Word.TAKEN_ON, Word.TURNED_DOWN, Word.OUT_OF_STOCK)
CREATE = Intent(CallKind.CREATE, b"{}", "d", 1, CallOutcome.DONE, "/shop", "paid-1", AT)
CANCEL = replace(CREATE, kind=CallKind.CANCEL, event_id="cancel-1")
GOODS = (Goods("BX1", 2), Goods("BX2", 1))


def news(word: Word, second: int, *, goods: tuple[Goods, ...] = (), ext: str | None = None) -> News:
    return News(word, AT + timedelta(seconds=second), f"{word}-{second}", ext, None, goods)


def pushed(state: OrderState = OrderState.PUSHED, intent: Intent = CREATE) -> Order:
    return Order("SO1", state=state, applied_version=1, paid_event_id="paid-1", intent=intent, goods=GOODS)


def heard(order: Order, told: Sequence[News]) -> Order:
    for one in told:
        order = taken_in(order, one, judge(order, one))
    return order


@st.composite
def histories(draw: st.DrawFn) -> list[News]:
    """What one YLH says of one order, in the order in which it happened: answers, refused cancels, at most one end."""
    seconds = itertools.count(1)
    told = [news(draw(st.sampled_from(ANSWERS)), next(seconds), ext="E1") for _ in range(draw(st.integers(0, 3)))]
    told += [news(Word.CANCEL_REFUSED, next(seconds)) for _ in range(draw(st.integers(0, 2)))]
    end = draw(st.sampled_from([None, Word.CANCEL_DONE, Word.QUANTITIES]))
    if end is not None:
        goods = (Goods("BX1", 2, 1, 1, 0), Goods("BX2", 1, 1, 0, 0)) if end is Word.QUANTITIES else ()
        told.append(news(end, next(seconds), goods=goods))
    return told


def test_every_state_names_a_rule_for_everything_that_can_come() -> None:
    assert set(TABLE) == set(OrderState)
    for row in TABLE.values():
        for field in fields(Row):
            assert getattr(row, field.name).__doc__


def test_nothing_leads_out_of_a_final_state() -> None:
    assert not [change for change in transitions() if change[0] in FINAL]
    assert {target for _, target, _ in transitions()} == set(OrderState)


@given(histories(), st.randoms(use_true_random=False), st.sampled_from([CREATE, CANCEL]))
def test_callbacks_in_any_order_and_twice_end_alike(told: list[News], random: object, intent: Intent) -> None:
    state = OrderState.PUSHED if intent is CREATE else OrderState.CANCELLING
    straight = heard(pushed(state, intent), told)
    mixed = [*told, *told[:2]]
    random.shuffle(mixed)  # type: ignore[attr-defined]  # hypothesis' own random.Random
    shuffled = heard(pushed(state, intent), mixed)
    for one in (straight, shuffled):
        assert one.ext_order_no == ("E1" if any(news.ext_order_no for news in told) else None)
    assert shuffled.goods == straight.goods
    assert shuffled.refundable == straight.refundable
    assert shuffled.state == straight.state


@given(st.sampled_from(sorted(FINAL)), st.lists(st.sampled_from(Word), max_size=5), st.data())
def test_a_final_state_is_never_left(state: OrderState, words: list[Word], data: st.DataObject) -> None:
    order = pushed(state)
    for word in words:
        one = news(word, data.draw(st.integers(0, 9)), goods=GOODS if word is Word.QUANTITIES else ())
        verdict = judge(order, one)
        order = taken_in(order, one, verdict)
        assert order.state is state
        if verdict.deed is Deed.PARK:
            assert verdict.for_a_person


@given(st.sampled_from(OrderState), st.sampled_from(Word), st.integers(0, 3))
def test_the_same_word_again_changes_nothing(state: OrderState, word: Word, second: int) -> None:
    intent = replace(CREATE, outcome=CallOutcome.UNKNOWN) if state is OrderState.PUSHING else CREATE
    applied = None if state in {OrderState.NEW, OrderState.PUSHING} else 1
    order = replace(pushed(state, intent), applied_version=applied)
    goods = (Goods("BX1", 2, 1, 1, 0), Goods("BX2", 1, 1, 0, 0)) if word is Word.QUANTITIES else ()
    one = news(word, second, goods=goods)
    once = heard(order, [one])
    assert heard(once, [one]) == once


@pytest.mark.parametrize("word", list(Word))
def test_a_callback_proves_that_an_unanswered_create_arrived(word: Word) -> None:
    pushing = Order("SO1", state=OrderState.PUSHING, intent=replace(CREATE, outcome=CallOutcome.UNKNOWN), goods=GOODS)
    goods = (Goods("BX1", 2, 1, 1, 0), Goods("BX2", 1, 1, 0, 0)) if word is Word.QUANTITIES else ()
    order = heard(pushing, [news(word, 1, goods=goods)])
    assert (order.applied_version, order.paid_event_id) == (1, "paid-1")
    assert order.unanswered(CallKind.CREATE) is None
    assert order.state is not OrderState.PUSHING


def test_a_tie_that_differs_is_parked_and_one_that_does_not_is_a_repetition() -> None:
    order = heard(pushed(), [news(Word.TAKEN_ON, 1)])
    assert judge(order, news(Word.TURNED_DOWN, 1)).because == "tie"
    assert judge(order, news(Word.TAKEN_ON, 1)).deed is Deed.IGNORE
    # A cancel of the same second is another track.
    assert judge(order, news(Word.CANCEL_DONE, 1)).deed is Deed.APPLY


def test_an_order_that_only_our_books_call_cancelled_is_undone_at_ylh() -> None:
    ours = replace(pushed(OrderState.CANCELLED), applied_version=None)
    assert judge(ours, news(Word.TAKEN_ON, 1)).deed is Deed.UNDO
    assert judge(ours, news(Word.TURNED_DOWN, 1)).deed is Deed.IGNORE
    theirs = heard(pushed(), [news(Word.CANCEL_DONE, 5)])
    assert judge(theirs, news(Word.TAKEN_ON, 4)).deed is Deed.IGNORE
    assert judge(theirs, news(Word.TAKEN_ON, 6)).deed is Deed.PARK


@pytest.mark.parametrize(
    "told",
    [
        (Goods("ANOTHER", 1, 0, 1, 0),),
        (Goods("BX1", 3, 0, 1, 0),),
        (Goods("BX1", 2, 2, 1, 0),),
    ],
)
def test_quantities_that_do_not_fit_the_order_are_parked(told: tuple[Goods, ...]) -> None:
    assert judge(pushed(), news(Word.QUANTITIES, 1, goods=told)).because == "quantities_do_not_fit"


def test_another_number_than_the_bound_one_is_parked() -> None:
    order = heard(pushed(), [news(Word.TAKEN_ON, 1, ext="E1")])
    assert judge(order, news(Word.TAKEN_ON, 2, ext="E2")).because == "other_ext_order_no"
