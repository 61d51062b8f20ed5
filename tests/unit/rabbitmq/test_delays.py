"""Delays as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rabbitmq.delays import LONGEST, InvalidDelay, format_delay, parse_delay, parse_delays


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("200ms", 200), ("5s", 5_000), ("30s", 30_000), ("2m", 120_000), ("10m", 600_000), ("1h", 3_600_000)],
)
def test_reads_and_writes_the_usual_delays(text: str, milliseconds: int) -> None:
    delay = parse_delay(text)

    assert delay == timedelta(milliseconds=milliseconds)
    assert format_delay(delay) == text


@pytest.mark.parametrize(
    "text", ["", "5", "s", "0s", "-5s", "1.5s", "5 s", "5S", "5sec", "1d", "٥s", "05s", "25h", "9999999999ms"]
)
def test_refuses_what_is_no_delay_and_says_how_one_looks(text: str) -> None:
    with pytest.raises(InvalidDelay, match=r"200ms, 5s, 2m or 1h|longest delay"):
        parse_delay(text)


@given(st.integers(min_value=1, max_value=LONGEST // timedelta(milliseconds=1)))
def test_what_is_written_reads_back_as_the_same_delay(milliseconds: int) -> None:
    delay = timedelta(milliseconds=milliseconds)

    assert parse_delay(format_delay(delay)) == delay


def test_two_spellings_of_one_delay_are_written_alike() -> None:
    assert format_delay(parse_delay("120s")) == format_delay(parse_delay("2m")) == "2m"


@pytest.mark.parametrize("delay", [timedelta(0), timedelta(seconds=-1), timedelta(microseconds=1500)])
def test_refuses_to_write_what_the_broker_cannot_wait(delay: timedelta) -> None:
    with pytest.raises(InvalidDelay, match="milliseconds"):
        format_delay(delay)


def test_reads_a_ladder_with_blanks() -> None:
    assert parse_delays(" 5s, 30s ,2m ") == (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2))


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "at least one"), (",", "at least one"), ("5s,5s", "longer"), ("2m,120s", "longer"), ("30s,5s", "longer")],
)
def test_refuses_a_ladder_that_does_not_climb(text: str, words: str) -> None:
    with pytest.raises(InvalidDelay, match=words):
        parse_delays(text)
