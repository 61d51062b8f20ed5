from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.suppliers.excerpts import LONGEST, excerpt, keys_only, traced

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


CREATE = {
    "sourceSystem": "SHOP",
    "shopName": "Li's shop",
    "consigneeName": "Zhang San",
    "consigneeMobile": "138",
    "cancelReason": "call Bob 5",
    "passWord": "s3cret",
    "detailAddress": "Road 1",
    "totalQty": 1,
    "itemList": [{"productCode": "BX1", "itemQty": 1, "retailPrice": "10.50"}],
}


def test_a_trace_shows_the_shape_and_what_stands_under_harmless_keys() -> None:
    shown = traced(json.dumps(CREATE).encode())
    assert '"sourceSystem": "SHOP"' in shown
    assert '"totalQty": 1' in shown
    for hidden in ("Li's", "Zhang", "138", "Bob", "s3cret", "Road"):
        assert hidden not in shown


@given(st.text(min_size=3), st.text(min_size=3))
def test_a_trace_shows_nothing_under_a_key_that_it_does_not_know(key: str, value: str) -> None:
    shown = traced(json.dumps({f"x{key}": {"y": [value]}, "z": value}).encode())
    assert value not in shown.replace("***", "") or value in f"x{key}"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", "nothing"),
        (b"grant_type=password&password=s3cret", "35 bytes that are not JSON"),
        (b"[" * 5000, "5000 bytes that are not JSON"),
        (b'"' + b"a" * 70_000 + b'"', "70002 bytes, too many to be shown"),
        (b'"s3cret"', "***"),
        ('{"stock": 3, "name": "李"}'.encode(), '{"stock": 3, "name": ***}'),
    ],
)
def test_a_trace_of_anything_is_short_and_tells_nothing(body: bytes, shown: str) -> None:
    assert traced(body) == shown
