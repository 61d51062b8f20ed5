from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.suppliers.json_text import encode

_money = st.decimals(min_value=0, max_value=10**10, places=2)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | _money,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_values)
def test_what_is_written_is_read_back_exactly(value: object) -> None:
    assert json.loads(encode(value), parse_float=Decimal) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("2899.50"), "2899.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-2"), "0.01"),
        ("张三\n", '"张三\\n"'),
        ({"a": (1, True)}, '{"a":[1,true]}'),
    ],
)
def test_numbers_are_written_digit_by_digit(value: object, text: str) -> None:
    assert encode(value) == text.encode()


@pytest.mark.parametrize("value", [0.1, [1.0], Decimal("NaN"), Decimal("Infinity"), object()])
def test_a_float_or_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        encode(value)
