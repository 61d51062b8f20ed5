from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.parts import parts


@given(st.lists(st.text(max_size=3), max_size=60), st.integers(1, 20))
def test_every_key_is_in_one_part_in_its_order_and_no_part_is_too_long_or_empty(keys: list[str], most: int) -> None:
    found = list(parts(keys, most))
    assert [key for part in found for key in part] == list(dict.fromkeys(keys))
    assert all(1 <= len(part) <= most for part in found)
    assert all(len(part) == most for part in found[:-1])
