"""Our `replace` is the library's, for the values that it takes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pytest

from consumer.domain.copying import replace
from consumer.domain.order import Order, OrderState


def test_a_copy_has_the_changes_and_all_the_rest() -> None:
    order = Order("S-1", OrderState.PUSHING, sequence=3, online_no="T-1")
    changed = replace(order, state=OrderState.PUSHED, sequence=4)
    assert changed == dataclasses.replace(order, state=OrderState.PUSHED, sequence=4)
    assert order == Order("S-1", OrderState.PUSHING, sequence=3, online_no="T-1")
    assert type(changed) is Order


def test_a_copy_is_frozen_too() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        replace(Order("S-1"), sequence=1).sequence = 2  # type: ignore[misc]


def test_a_field_that_is_not_there_is_named() -> None:
    with pytest.raises(TypeError, match="Order has no field 'nonsense'"):
        replace(Order("S-1"), nonsense=1)  # type: ignore[call-arg]


def test_what_checks_itself_is_left_to_the_library() -> None:
    @dataclass(frozen=True, slots=True)
    class Checked:
        one: int
        two: int

        def __post_init__(self) -> None:
            raise AssertionError

    checked = object.__new__(Checked)
    with pytest.raises(TypeError, match=r"Checked is copied by dataclasses\.replace"):
        replace(checked, one=1)
