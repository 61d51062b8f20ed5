"""What a replay is told on the command line, and what is refused before anything is kept or sent."""

from __future__ import annotations

import math

import pytest

from consumer.domain.replay import Terms
from ops.cli.failing import ExitCode, Failure
from ops.cli.replay_options import terms_of


@pytest.mark.parametrize(
    ("canary", "steps"), [("0", ()), (" 0 ", ()), ("1,10", (1, 10)), ("3", (3,)), ("1, 10 ,100", (1, 10, 100))]
)
def test_only_a_nought_is_no_canary(canary: str, steps: tuple[int, ...]) -> None:
    assert terms_of(10, None, canary, 0.2) == Terms(10, None, steps, 0.2)


@pytest.mark.parametrize("canary", ["", ",", "1,", "0,10", "10,1", "1,1", "one", "-1", "1.5"])
def test_no_word_switches_the_canary_off(canary: str) -> None:
    with pytest.raises(Failure) as refused:
        terms_of(10, None, canary, 0.2)
    assert refused.value.code == ExitCode.USAGE


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf, 10_001.0])
def test_a_pace_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(Failure) as refused:
        terms_of(rate)
    assert refused.value.code == ExitCode.USAGE
