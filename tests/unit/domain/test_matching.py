"""Which order a callback is about: found by its numbers, told apart by what is known of each, and never guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.callback_steps import News
from consumer.domain.errors import Unmatched
from consumer.domain.matching import meant
from consumer.domain.order import CallKind, CallOutcome, Intent, Order, OrderState
from consumer.domain.order_parts import Goods, Stamp, Word

AT = datetime(2026, 11, 22, tzinfo=UTC)
ONLINE = "JD-1"
KNOWN = Stamp(Word.TAKEN_ON, AT, "d")


def order(so_id: str = "SO1", state: OrderState = OrderState.PUSHED, **more: object) -> Order:
    return replace(Order(so_id, state=state, online_no=ONLINE, applied_version=1), **more)  # type: ignore[arg-type]  # any field


def news(word: Word = Word.TAKEN_ON, ext: str | None = None, *goods: Goods) -> News:
    return News(word, AT, "d", ext, None, goods)


def create(outcome: CallOutcome) -> Intent:
    return Intent(CallKind.CREATE, b"{}", "d", 1, outcome, "/shop", "paid-1", AT)


@pytest.mark.parametrize(
    ("number", "ext", "found"),
    [
        ("SO1", None, order()),
        (ONLINE, None, order()),
        (ONLINE, "E1", order(ext_order_no="E1")),
        (ONLINE, "E1", order(retail_order_no="E1")),
        ("SO1", "E9", order()),
    ],
)
def test_any_of_its_numbers_finds_an_order(number: str, ext: str | None, found: Order) -> None:
    assert meant([found], number, news(ext=ext)) is found


def test_haiers_number_decides_between_sub_orders() -> None:
    orders = [order("SO1", ext_order_no="E1"), order("SO2", ext_order_no="E2")]
    assert meant(orders, ONLINE, news(Word.CANCEL_DONE, "E2")).so_id == "SO2"


def test_haiers_number_finds_an_order_that_is_known_only_from_its_cancel() -> None:
    tombstone = Order("SO1", state=OrderState.CANCELLING, ext_order_no="E1")
    assert meant([tombstone], ONLINE, news(Word.CANCEL_DONE, "E1")) is tombstone


@pytest.mark.parametrize("others", [[], [order("SO9", online_no="JD-9")], [Order("JD-9")]])
def test_numbers_of_two_orders_are_not_weighed_against_each_other(others: list[Order]) -> None:
    with pytest.raises(Unmatched) as parked:
        meant([order(ext_order_no="E1"), *others], "JD-9", news(ext="E1"))
    assert parked.value.code == "numbers_disagree"


def test_a_number_that_the_books_do_not_have_is_parked() -> None:
    with pytest.raises(Unmatched, match="relay order import") as parked:
        meant([], "JD-9", news(ext="E1"))
    assert parked.value.code == "unmatched"


@pytest.mark.parametrize(
    ("other", "told"),
    [
        # It has a number of its own.
        (order("SO2", ext_order_no="E2"), news(ext="E1")),
        # It has other goods, or another number of them.
        (order("SO2", goods=(Goods("BX2", 1),)), news(Word.QUANTITIES, None, Goods("BX1", 2, 1, 1, 0))),
        (order("SO2", goods=(Goods("BX1", 1),)), news(Word.QUANTITIES, None, Goods("BX1", 2, 1, 1, 0))),
        # It has had its answer.
        (order("SO2", OrderState.CONFIRMED, answer=KNOWN), news()),
        (order("SO2", OrderState.CANCELLED), news(Word.OUT_OF_STOCK)),
        # YLH cannot have it.
        (Order("SO2", online_no=ONLINE), news(Word.CANCEL_DONE)),
        (Order("SO2", online_no=ONLINE, intent=create(CallOutcome.REFUSED)), news(Word.QUANTITIES)),
    ],
)
def test_sub_orders_are_told_apart_by_number_goods_and_state(other: Order, told: News) -> None:
    this = order("SO1", goods=(Goods("BX1", 2),))
    assert meant([this, other], ONLINE, told) is this
    assert meant([other, this], ONLINE, told) is this


def test_a_cancel_is_of_the_sub_order_that_waits_for_one() -> None:
    orders = [order("SO1"), order("SO2", OrderState.CANCELLING)]
    assert meant(orders, ONLINE, news(Word.CANCEL_REFUSED)).so_id == "SO2"


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (order("SO2"), news(ext="E1")),
        (order("SO2", OrderState.CONFIRMED, answer=KNOWN), news(Word.CANCEL_DONE)),
        # What the books do not know of its goods cannot speak against it.
        (order("SO2"), news(Word.QUANTITIES, None, Goods("BX1", 2, 1, 1, 0))),
        # Nobody confirmed that its create failed.
        (Order("SO2", online_no=ONLINE, intent=create(CallOutcome.MAY_BE_THERE)), news(Word.CANCEL_DONE)),
    ],
)
def test_what_may_be_either_is_parked(other: Order, told: News) -> None:
    with pytest.raises(Unmatched, match="any of SO1, SO2") as parked:
        meant([other, order("SO1", goods=(Goods("BX1", 2),))], ONLINE, told)
    assert parked.value.code == "unmatched"


NUMBERS = st.sampled_from([None, "E1", "E2"])
GOODS = st.sampled_from([(), (Goods("BX1", 2),), (Goods("BX2", 1),), (Goods("BX1", 2), Goods("BX2", 1))])
INTENTS = st.sampled_from([None, *map(create, CallOutcome)])
ORDERS = st.builds(
    Order,
    so_id=st.sampled_from([f"SO{number}" for number in range(4)]),
    state=st.sampled_from(OrderState),
    online_no=st.sampled_from([ONLINE, ONLINE, "JD-2", None]),
    ext_order_no=NUMBERS,
    retail_order_no=NUMBERS,
    intent=INTENTS,
    goods=GOODS,
    answer=st.sampled_from([None, KNOWN]),
)
CANDIDATES = st.lists(ORDERS, max_size=4, unique_by=lambda one: one.so_id)
TOLD = st.builds(news, st.sampled_from(Word), NUMBERS)


def choice(orders: list[Order], told: News) -> str:
    try:
        return meant(orders, ONLINE, told).so_id
    except Unmatched as parked:
        return parked.code


@given(CANDIDATES, TOLD, st.data())
def test_nothing_is_chosen_where_two_fit_equally(orders: list[Order], told: News, data: st.DataObject) -> None:
    chosen = choice(orders, told)
    if chosen in {"unmatched", "numbers_disagree"}:
        return
    (one,) = [order for order in orders if order.so_id == chosen]
    twin = replace(one, so_id="TWIN")
    assert choice(data.draw(st.permutations([*orders, twin])), told) == "unmatched"


@given(CANDIDATES, TOLD, st.data())
def test_the_order_of_the_candidates_does_not_matter(orders: list[Order], told: News, data: st.DataObject) -> None:
    assert choice(data.draw(st.permutations(orders)), told) == choice(orders, told)


@given(CANDIDATES, TOLD)
def test_what_is_chosen_has_one_of_the_numbers(orders: list[Order], told: News) -> None:
    chosen = choice(orders, told)
    for one in orders:
        if one.so_id == chosen:
            named = one.online_no == ONLINE
            assert named or told.ext_order_no in {one.ext_order_no, one.retail_order_no}
