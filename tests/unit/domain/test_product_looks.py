from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from consumer.domain.product import Product, ProductChange, changes

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KNOWN = Product("A", "M", None, None, None, (), procurable=True, reason=None, seen_at=NOW)


def test_two_looks_with_the_same_result_are_equal() -> None:
    assert replace(KNOWN, seen_at=NOW + timedelta(hours=1)) == KNOWN
    assert changes({"A": KNOWN}, [replace(KNOWN, seen_at=None)]) == []


def test_a_newer_look_or_one_of_unknown_age_brings_a_change() -> None:
    for seen_at in (NOW, NOW + timedelta(seconds=1), None):
        look = replace(KNOWN, model="N", seen_at=seen_at)
        assert changes({"A": KNOWN}, [look]) == [ProductChange(new=look, old=KNOWN)]


def test_an_older_look_brings_nothing() -> None:
    assert changes({"A": KNOWN}, [replace(KNOWN, model="N", seen_at=NOW - timedelta(seconds=1))]) == []
