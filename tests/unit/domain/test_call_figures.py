"""Figures add up exactly, and a quantile from buckets lies within the bucket's error of the exact one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.call_figures import ERROR, GROWTH, SMALLEST, CallFigures, bucket_of, seconds_of

DURATIONS = st.lists(st.floats(SMALLEST, 600), min_size=1, max_size=200)
SHARES = st.floats(0, 1)


def figures(durations: list[float], outcome: str = "ok") -> CallFigures:
    buckets: dict[int, int] = {}
    for seconds in durations:
        buckets[bucket_of(seconds)] = buckets.get(bucket_of(seconds), 0) + 1
    return CallFigures({outcome: len(durations)}, buckets, sum(durations))


@given(DURATIONS, SHARES)
def test_a_quantile_is_right_within_the_error(durations: list[float], share: float) -> None:
    exact = sorted(durations)[max(1, math.ceil(share * len(durations))) - 1]
    found = figures(durations).quantile(share)
    assert found is not None
    # A float on the very edge of a bucket may fall on either side of it.
    assert exact / (1 + ERROR) * 0.999999 <= found <= exact * (1 + ERROR) * 1.000001


@given(st.lists(DURATIONS, max_size=5), SHARES)
def test_processes_added_up_are_as_one_that_saw_all(parts: list[list[float]], share: float) -> None:
    whole = figures([seconds for part in parts for seconds in part])
    summed = CallFigures.sum(map(figures, parts))
    assert summed.calls == whole.calls
    assert summed.buckets == whole.buckets
    assert summed.quantile(share) == whole.quantile(share)
    assert summed.seconds == pytest.approx(whole.seconds)


@given(st.floats(0, 10_000))
def test_a_bucket_holds_what_it_stands_for(seconds: float) -> None:
    middle = seconds_of(bucket_of(seconds))
    if seconds <= SMALLEST:
        assert middle == SMALLEST
    else:
        assert middle / GROWTH < seconds < middle * GROWTH


def test_a_refusal_is_no_success() -> None:
    summed = CallFigures.sum([figures([0.1, 0.3]), figures([0.2], "rejected"), figures([30.0], "transient")])
    assert summed.outcomes == {"ok": 2, "rejected": 1, "transient": 1}
    assert summed.success_rate == 0.5
    assert summed.mean == pytest.approx(7.65)


def test_without_a_call_there_is_nothing_to_say() -> None:
    none = CallFigures.sum([])
    assert (none.calls, none.success_rate, none.mean, none.quantile(0.95)) == (0, None, None, None)
