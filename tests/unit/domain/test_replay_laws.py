"""How many letters of a replay may go, when it stops, and what makes no sense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.replay import Counts, Terms, judged_together, may_go, too_many_failed

CANARIES = st.lists(st.integers(1, 60), max_size=4, unique=True).map(lambda steps: tuple(sorted(steps)))


@given(st.integers(0, 200), CANARIES, st.randoms(use_true_random=False))
def test_before_the_outcomes_of_a_step_are_known_no_more_than_that_have_gone(
    letters: int, canary: tuple[int, ...], lots: object
) -> None:
    draw = lots.randint  # type: ignore[attr-defined]  # a random.Random that Hypothesis chooses
    waiting, sent, ended = letters, 0, 0
    for _ in range(10 * letters + 10):
        may = may_go(Counts(waiting=waiting, sent=sent, succeeded=ended), canary)
        assert 0 <= may <= waiting
        going = draw(0, may)
        waiting, sent = waiting - going, sent + going
        begun = sent + ended
        for step in canary:
            assert begun <= step or ended >= step, "beyond a step only once each before it has its outcome"
        known = draw(0, sent)
        sent, ended = sent - known, ended + known
    # Nothing stands for ever: what may go goes, and outcomes come.
    while waiting:
        going = may_go(Counts(waiting=waiting, sent=sent, succeeded=ended), canary)
        assert going or sent, "it waits for nothing"
        waiting, sent, ended = waiting - going, 0, ended + sent + going
    assert ended + sent == letters


@pytest.mark.parametrize(
    ("counts", "canary", "may"),
    [
        (Counts(waiting=100), (1, 10), 1),
        (Counts(waiting=99, sent=1), (1, 10), 0),
        (Counts(waiting=99, succeeded=1), (1, 10), 9),
        (Counts(waiting=90, sent=1, succeeded=9), (1, 10), 0),
        (Counts(waiting=90, succeeded=10), (1, 10), 90),
        (Counts(waiting=5), (), 5),
        (Counts(waiting=4, succeeded=1), (1, 10), 4),
        (Counts(), (1, 10), 0),
    ],
)
def test_first_one_then_ten_then_all(counts: Counts, canary: tuple[int, ...], may: int) -> None:
    assert may_go(counts, canary) == may


@given(st.lists(st.booleans(), max_size=100), st.floats(0, 1))
def test_it_stops_above_a_rate_and_not_at_it(newest: list[bool], stop_at: float) -> None:
    assert too_many_failed(newest, stop_at, of=1) == (bool(newest) and sum(newest) > stop_at * len(newest) + 0) or (
        # Two ways of one comparison may differ in the last digit.
        abs(sum(newest) - stop_at * len(newest)) < 1e-9
    )


def test_never_is_never_and_no_outcome_is_no_failure() -> None:
    assert not too_many_failed([True] * 100, 1.0, of=10)
    assert not too_many_failed([], 0.0, of=1)
    assert too_many_failed([False] * 99 + [True], 0.0, of=10)


@given(st.permutations([True] * 2 + [False] * 8), st.integers(1, 10))
def test_of_ten_that_went_together_two_failures_do_not_stop_it_whenever_they_are_heard_of(
    outcomes: list[bool], heard: int
) -> None:
    assert not too_many_failed(outcomes[:heard], 0.2, of=10)


def test_a_third_failure_of_ten_stops_it_before_the_others_are_heard_of() -> None:
    assert too_many_failed([True] * 3, 0.2, of=10)


@pytest.mark.parametrize(
    ("counts", "canary", "together"),
    [
        (Counts(waiting=99, sent=1), (1, 10), 1),
        (Counts(waiting=95, sent=4, succeeded=1), (1, 10), 1),
        (Counts(waiting=90, sent=9, succeeded=1), (1, 10), 10),
        (Counts(waiting=10, sent=80, succeeded=10), (1, 10), 10),
        (Counts(sent=4, succeeded=1), (1, 10), 5),
        (Counts(waiting=5, sent=1), (), 1),
    ],
)
def test_a_step_of_the_canary_is_judged_as_a_whole(counts: Counts, canary: tuple[int, ...], together: int) -> None:
    assert judged_together(counts, canary) == together


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0.0},
        {"rate": -1.0},
        {"rate": float("nan")},
        {"rate": float("inf")},
        {"most": 0},
        {"canary": (0, 1)},
        {"canary": (10, 1)},
        {"canary": (5, 5)},
        {"stop_at_error_rate": -0.1},
        {"stop_at_error_rate": 1.1},
        {"stop_at_error_rate": float("nan")},
    ],
)
def test_terms_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Terms(**wrong)  # type: ignore[arg-type]
