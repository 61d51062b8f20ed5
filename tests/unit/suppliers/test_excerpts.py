from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.suppliers.excerpts import LONGEST, excerpt, keys_only

if TYPE_CHECKING:
    from consumer.suppliers.operation import JSON


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        (True, "true"),
        (Decimal("1.50"), "1.50"),
        ("BCD-200", '"BCD-200"'),
        ("海尔路1号", "***"),
        (13800138000, "***"),
        ({"consigneeMobile": "1"}, '{"consigneeMobile": ***}'),
        ({"Access_Token": "abc"}, '{"Access_Token": ***}'),
        ({"张三": 1}, '{"***": 1}'),
        ({"a": {"b": {"c": {"d": 1}}}}, '{"a": {"b": {"c": {…}}}}'),
        ([1, 2, 3, 4], "[1, 2, 3, … 4 in all]"),
        ([[[[1]]]], "[[[[…]]]]"),
    ],
)
def test_the_shape_is_shown_and_harmless_values(value: JSON, shown: str) -> None:
    assert excerpt(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"jwt": "x", "data": 1}, "an object with the keys data, jwt"),
        ({}, "an object with the keys (none)"),
        ("secret", "a text"),
        (None, "null"),
        ([1], "a list"),
        (1, "a number"),
        (False, "a boolean"),
    ],
)
def test_keys_only_shows_no_value(value: JSON, shown: str) -> None:
    assert keys_only(value) == shown


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=9), inner, max_size=6),
    max_leaves=30,
)


@given(_json)
def test_an_excerpt_is_short_and_ascii_but_for_marks(value: JSON) -> None:
    shown = excerpt(value)
    assert len(shown) <= LONGEST
    assert shown.replace("…", "").isascii()
