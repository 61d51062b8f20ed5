"""Percentiles by nearest rank."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.pacing import percentile


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_of_a_hundred(share: float, value: int) -> None:
    assert percentile(range(1, 101), share) == value


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_it_is_the_least_that_so_many_do_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)


def test_of_nothing_there_is_none() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)
