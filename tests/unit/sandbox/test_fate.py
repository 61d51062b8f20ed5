"""What YLH decides, drawn by seed, and how a decision changes an order at YLH."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import CallbackConfig
from sandbox.fate import Decision, Fates
from sandbox.ledger import Order, State
from sandbox.life import decided, stamp
from sandbox.reading import SHANGHAI

NOW = datetime(2026, 11, 22, 12, 0, 0, 700_000, SHANGHAI)
WORST = CallbackConfig(
    url="http://nowhere.invalid", delay=(0.1, 0.9), refused=0.2, out_of_stock=0.3, intercepted=0.25, settled=0.4,
    cancel_refused=0.3, seed=7,
)  # fmt: skip
SO_IDS = [f"SO-{number}" for number in range(2000)]


def test_shares_are_kept_and_delays_lie_in_their_range() -> None:
    fates = Fates(WORST)
    turns = {so_id: fates.of_create(so_id) for so_id in SO_IDS}
    stories = Counter(tuple(turn.decision for turn in story) for story in turns.values())
    refused = stories[(Decision.REFUSED,)]
    assert 0.17 < refused / 2000 < 0.23
    taken_on = 2000 - refused
    first_out = sum(count for story, count in stories.items() if story[0] is Decision.OUT_OF_STOCK)
    assert 0.26 < first_out / taken_on < 0.34
    ended = sum(count for story, count in stories.items() if story[-1] in {Decision.CANCELLED, Decision.SETTLED})
    assert 0.21 < ended / taken_on < 0.29
    cancels = Counter(turn.decision for so_id in SO_IDS for turn in fates.of_cancel(so_id, 1))
    assert 0.26 < cancels[Decision.CANCEL_REFUSED] / 2000 < 0.34
    waits = [turn.after for story in turns.values() for turn in story]
    assert 0.1 <= min(waits) < 0.12
    assert 0.88 < max(waits) <= 0.9


def test_the_same_seed_has_the_same_fates_and_another_has_others() -> None:
    def told(seed: int) -> list[object]:
        fates = Fates(WORST.model_copy(update={"seed": seed}))
        return [(fates.of_create(so_id), fates.of_cancel(so_id, 1), fates.of_cancel(so_id, 2)) for so_id in SO_IDS[:99]]

    assert told(7) == told(7)
    assert told(7) != told(8)


def test_by_default_every_order_is_taken_on_and_every_cancel_is_done() -> None:
    fates = Fates(CallbackConfig(url="http://nowhere.invalid"))
    assert {tuple(turn.decision for turn in fates.of_create(so_id)) for so_id in SO_IDS} == {(Decision.CONFIRMED,)}
    assert {tuple(turn.decision for turn in fates.of_cancel(so_id, 1)) for so_id in SO_IDS} == {(Decision.CANCELLED,)}


@given(st.text(min_size=1), st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 9)), min_size=1))
def test_quantities_fit_the_order(so_id: str, goods: list[tuple[str, int]]) -> None:
    found = Fates(WORST).quantities(so_id, tuple(goods))
    ordered: Counter[str] = Counter()
    for code, units in goods:
        ordered[code] += units
    assert {item.product_code: item.total for item in found} == ordered
    assert len(found) == len(ordered)
    for item in found:
        assert min(item.received, item.returned, item.rejected) >= 0
        assert item.received + item.returned + item.rejected == item.total


@pytest.mark.parametrize(
    ("before", "decision", "after"),
    [
        ("created", Decision.CONFIRMED, "confirmed"),
        ("created", Decision.REFUSED, "refused"),
        ("created", Decision.OUT_OF_STOCK, "out_of_stock"),
        ("out_of_stock", Decision.CONFIRMED, "confirmed"),
        ("cancelling", Decision.CONFIRMED, "cancelling"),
        ("cancel_failed", Decision.CONFIRMED, "cancel_failed"),
        ("cancelling", Decision.CANCELLED, "cancelled"),
        ("cancelling", Decision.SETTLED, "settled"),
        ("cancelling", Decision.CANCEL_REFUSED, "cancel_failed"),
        ("confirmed", Decision.CANCELLED, "cancelled"),
        ("cancel_failed", Decision.CANCELLED, "cancelled"),
    ],
)
def test_a_decision_leads_on(before: State, decision: Decision, after: State) -> None:
    order = Order("SO-1", state=before)
    assert decided(order, decision, NOW)
    assert order.state == after
    assert order.decisions == [(decision.value, NOW)]


@pytest.mark.parametrize(
    ("before", "decision"),
    [
        ("unknown", Decision.CONFIRMED),
        ("cancelled", Decision.CONFIRMED),
        ("settled", Decision.CANCELLED),
        ("cancelled", Decision.CANCEL_REFUSED),
        ("confirmed", Decision.CANCEL_REFUSED),
        ("refused", Decision.CANCELLED),
    ],
)
def test_a_decision_that_no_longer_fits_is_not_made(before: State, decision: Decision) -> None:
    order = Order("SO-1", state=before)
    assert not decided(order, decision, NOW)
    assert (order.state, order.decisions) == (before, [])


def test_time_stamps_are_whole_seconds_and_tell_two_decisions_apart_unless_tied() -> None:
    order = Order("SO-1", state="created")
    first = stamp(order, NOW, tied=True)
    assert first == NOW.replace(microsecond=0)
    decided(order, Decision.OUT_OF_STOCK, first)
    assert stamp(order, NOW, tied=False) == first + timedelta(seconds=1)
    assert stamp(order, NOW, tied=True) == first
    assert stamp(order, NOW + timedelta(minutes=1), tied=False) == first + timedelta(minutes=1)
