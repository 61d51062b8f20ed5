"""How moments are stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from consumer.persistence.columns import UTCDateTime, aware, microseconds, milliseconds

_OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=_OFFSETS))  # noqa: DTZ001 (hypothesis wants bounds without one)
def test_a_moment_comes_back_as_the_same_moment_in_utc(moment: datetime) -> None:
    read = UTCDateTime().process_result_value(microseconds(moment), sqlite.dialect())
    assert read == moment
    assert read.tzinfo is UTC


@pytest.mark.parametrize("store", [microseconds, aware])
def test_a_naive_moment_is_refused(store: type) -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        store(datetime(2026, 1, 1))  # noqa: DTZ001 (that is the point)


@pytest.mark.parametrize("store", [microseconds, aware, milliseconds])
def test_nothing_stays_nothing(store: type) -> None:
    assert store(None) is None


def test_a_lease_is_counted_in_milliseconds() -> None:
    assert milliseconds(timedelta(seconds=1.5)) == 1500
