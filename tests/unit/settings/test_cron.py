"""Cron expressions: what is one, and when it comes due, also where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.settings.cron import Cron

SHANGHAI, BERLIN, UTC_ZONE = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
EXPRESSIONS = (
    *("* * * * *", "*/5 * * * *", "0 3 * * *", "30 2 * * *", "15,45 2-3 * * *", "30 */2 * * *", "0 9-17 * * 1-5"),
    *("0 0 L * *", "0 4 * * MON#1", "5 30 2 * * *", "0 0 29 2 *"),
)

expressions = st.sampled_from(EXPRESSIONS)
zones = st.sampled_from([SHANGHAI, BERLIN, UTC_ZONE])
# The days on which Berlin's clocks change, and around them.
moments = st.sampled_from([datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)]).flatmap(
    lambda start: st.timedeltas(timedelta(0), timedelta(hours=9)).map(lambda later: start + later)
)


def times(expression: str, zone: ZoneInfo, after: datetime, until: datetime) -> list[datetime]:
    return list(takewhile(lambda due: due <= until, Cron(expression).after(after, zone)))


def local(expression: str, zone: ZoneInfo, after: str, count: int) -> list[str]:
    found = islice(Cron(expression).after(datetime.fromisoformat(after).replace(tzinfo=zone), zone), count)
    return [due.astimezone(zone).strftime("%d. %H:%M:%S%z") for due in found]


def test_times_are_those_of_the_zone() -> None:
    first = next(Cron("0 3 * * *").after(datetime(2026, 1, 31, 12, tzinfo=UTC), SHANGHAI))
    assert first == datetime(2026, 1, 31, 19, tzinfo=UTC)
    assert first.tzinfo is UTC


def test_six_fields_begin_with_seconds() -> None:
    assert local("*/20 0 3 * * *", SHANGHAI, "2026-01-01", 3) == [
        *("01. 03:00:00+0800", "01. 03:00:20+0800", "01. 03:00:40+0800")
    ]


def test_a_fixed_time_that_does_not_exist_comes_at_the_end_of_the_gap() -> None:
    assert local("30 2 * * *", BERLIN, "2026-03-28", 3) == [
        *("28. 02:30:00+0100", "29. 03:00:00+0200", "30. 02:30:00+0200")
    ]


def test_a_fixed_time_that_exists_twice_comes_once() -> None:
    assert local("30 2 * * *", BERLIN, "2026-10-24", 3) == [
        *("24. 02:30:00+0200", "25. 02:30:00+0200", "26. 02:30:00+0100")
    ]


def test_begun_in_the_second_of_two_hours_it_does_not_tell_times_of_the_first() -> None:
    within = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    assert next(Cron("30 2 * * *").after(within, BERLIN)) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_every_hour_goes_by_real_time() -> None:
    assert local("0 * * * *", BERLIN, "2026-10-25T01:30", 3) == [
        *("25. 02:00:00+0200", "25. 02:00:00+0100", "25. 03:00:00+0100")
    ]
    assert local("0 * * * *", BERLIN, "2026-03-29T00:30", 2) == ["29. 01:00:00+0100", "29. 03:00:00+0200"]


@given(expressions, zones, moments, st.timedeltas(timedelta(0), timedelta(hours=30)))
def test_the_times_of_two_stretches_are_those_of_the_whole(
    expression: str, zone: ZoneInfo, start: datetime, length: timedelta
) -> None:
    """Wherever a scheduler takes over, it sees the due times that the one before it would have seen."""
    begin, end = datetime(2026, 3, 28, tzinfo=UTC) if start.month == 3 else datetime(2026, 10, 24, tzinfo=UTC), start
    whole = times(expression, zone, begin, end + length)
    assert whole == times(expression, zone, begin, start) + times(expression, zone, start, end + length)
    assert whole == sorted(set(whole))


@given(expressions, zones, moments, st.timedeltas(timedelta(0), timedelta(days=800)))
def test_the_newest_is_the_last_of_all(expression: str, zone: ZoneInfo, until: datetime, back: timedelta) -> None:
    if not expression.startswith("0"):
        back = min(back, timedelta(days=3))
    every = times(expression, zone, until - back, until)
    assert Cron(expression).newest(until - back, until, zone) == (every[-1] if every else None)


def test_the_newest_may_lie_years_back() -> None:
    newest = Cron("0 0 29 2 *").newest(datetime(2020, 1, 1, tzinfo=UTC), datetime(2027, 12, 1, tzinfo=UTC), UTC_ZONE)
    assert newest == datetime(2024, 2, 29, tzinfo=UTC)


def test_the_newest_of_years_of_seconds_takes_no_time() -> None:
    until = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert Cron("* * * * * *").newest(datetime(2000, 1, 1, tzinfo=UTC), until, SHANGHAI) == until


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "fields"),
        ("0 3 * *", "fields"),
        ("@daily", "fields"),
        ("60 3 * * *", "minute"),
        ("0 0 30 2 *", "day-of-month"),
        ("0 3 * * FREITAG", "day-of-week"),
        ("0 3 * * *" + " " * 200, "longer"),
    ],
)
def test_what_is_none_is_said(text: str, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Cron(text)


@given(st.text(alphabet="0123456789*/,-#LW MON²JAN\n", max_size=30) | st.text(max_size=20))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        cron = Cron(text)
    except ValueError:
        return
    assert next(cron.after(datetime(2026, 1, 1, tzinfo=UTC), SHANGHAI), None) is not None
