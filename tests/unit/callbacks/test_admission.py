"""AppKey, signature, and the time window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from consumer.callbacks.admission import Admission, time_of
from consumer.settings import CallbackWindow
from tests.support.ylh_forms import APP_KEY, SECRET, callback, signed

NOW = datetime(2026, 1, 31, 4, 0, 0, tzinfo=UTC)
ADMISSION = Admission(APP_KEY, SECRET, CallbackWindow(timedelta(hours=72), timedelta(minutes=10)))


def test_ours_is_let_in() -> None:
    assert ADMISSION.admits(callback("SO-1"))


def test_a_right_signature_under_another_app_key_is_not() -> None:
    assert not ADMISSION.admits(signed({**callback("SO-1"), "AppKey": "another"}))


@pytest.mark.parametrize("name", ["Data", "Method", "TimeStamp", "Sign", "AppKey"])
def test_nothing_can_be_changed_after_signing(name: str) -> None:
    form = callback("SO-1")
    assert not ADMISSION.admits({**form, name: form[name] + "1"})
    assert not ADMISSION.admits({**form, "Extra": "1"})


@pytest.mark.parametrize(
    ("offset", "inside"),
    [
        (timedelta(0), True),
        (-timedelta(hours=72), True),
        (-timedelta(hours=72, seconds=1), False),
        (timedelta(minutes=10), True),
        (timedelta(minutes=10, seconds=1), False),
    ],
)
def test_the_window_has_two_sides(offset: timedelta, inside: bool) -> None:  # noqa: FBT001 - a table
    assert ADMISSION.in_time(NOW + offset, NOW) is inside


def test_a_time_stamp_is_chinas() -> None:
    assert time_of("20260131120000") == NOW


@pytest.mark.parametrize(
    "text", ["", "2026013112000", "202601311200000", "20261331120000", "20260131250000", "00010101000000",
             "2026-01-31 12:00", "２０２６０１３１１２００００", "20260131120060"]
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    assert time_of(text) is None


def test_the_secret_is_not_shown() -> None:
    assert SECRET not in repr(ADMISSION)
