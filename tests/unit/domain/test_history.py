"""Attempts as they travel: what we write comes back, what others write does not, and it stays within a frame."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.errors import ErrorClass
from consumer.domain.history import MOST, MOST_BYTES, Entry, extended, failed_attempt, read, to_text
from consumer.domain.letters import ErrorNote

AT = datetime(2026, 11, 23, tzinfo=UTC)
SAID = ErrorNote(
    ErrorClass.UNKNOWN_OUTCOME,
    "http_503",
    "长" * 900,
    supplier="ylh",
    supplier_code="E-1",
    supplier_message="繁" * 900,
    status=503,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)


def many(count: int, note: ErrorNote = SAID) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(1, count + 1):
        entries = extended(entries, failed_attempt(number, note, at=AT, seconds=0.12345))
    return entries


def test_an_attempt_says_when_how_long_and_what_the_supplier_answered() -> None:
    [entry] = many(1)
    assert entry == {
        "attempt": 1,
        "at": AT.isoformat(),
        "class": "unknown_outcome",
        "code": "http_503",
        "message": "长" * 500,
        "seconds": 0.123,
        "status": 503,
        "supplier_code": "E-1",
        "supplier_message": "繁" * 500,
    }
    assert read(to_text([entry])) == [entry]


def test_short_attempts_are_kept_up_to_a_number_the_oldest_give_way() -> None:
    short = ErrorNote(ErrorClass.TRANSIENT, "timeout", "no answer")
    assert [entry["attempt"] for entry in many(100, short)] == list(range(100 - MOST + 1, 101))


def test_long_ones_stay_within_a_frame() -> None:
    entries = many(100)
    assert len(to_text(entries).encode()) <= MOST_BYTES + 2 * len(entries)
    assert entries[-1]["attempt"] == 100
    assert len(entries) > 10


@given(JSON)
def test_what_others_wrote_is_read_as_what_we_could_have_written(document: Any) -> None:
    found = read(to_text([document]) if not isinstance(document, list) else to_text(document))
    assert read(to_text(found)) == found
    for entry in found:
        assert all(type(value) in (str, int, float) for value in entry.values())


@pytest.mark.parametrize("value", [True, -1, 10**12, float("nan"), float("inf"), "12", None, [1]])
def test_figures_that_cannot_be_ours_are_left_out(value: object) -> None:
    for key in ("attempt", "status", "seconds"):
        assert read(to_text([{key: value, "code": "c"}])) == [{"code": "c"}]
