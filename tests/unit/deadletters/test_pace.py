"""How many letters may go: so many a second, what was missed made up for only in part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.deadletters.replaying import Pace

GAPS = st.lists(st.floats(0.01, 3), min_size=1, max_size=200)


@given(st.floats(0.1, 1000), GAPS)
def test_no_more_go_than_the_rate_allows(rate: float, gaps: list[float]) -> None:
    pace, now, gone = Pace(rate, 0.0), 0.0, 0
    for gap in gaps:
        now += gap
        room = pace.room(now)
        pace.went(room)
        gone += room
    assert gone <= 1 + rate * now + 1e-6


@pytest.mark.parametrize("rate", [1.0, 10.0, 200.0])
def test_looked_at_often_it_keeps_its_rate(rate: float) -> None:
    pace, gone = Pace(rate, 0.0), 0
    for tick in range(1, 601):
        room = pace.room(tick / 10)
        pace.went(room)
        gone += room
    assert gone == pytest.approx(rate * 60, rel=0.02)


def test_a_long_wait_is_no_reason_to_hurry() -> None:
    pace = Pace(200.0, 0.0)
    assert pace.room(60.0) == 100
    pace.went(100)
    pace.rest()
    assert pace.room(120.0) == 0
    assert pace.room(120.1) == pytest.approx(20, abs=1)
