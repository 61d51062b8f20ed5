from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from consumer.suppliers.fields import (
    Answer,
    OptionalAmount,
    OptionalLifetime,
    OptionalMoment,
    OptionalText,
    Remark,
    Switch,
    Whole,
    many,
    number,
    one_or_many,
)

UNREADABLE: tuple[object, ...] = ("soon", "", "12", -5, "99999999999999", "9999-12-31T23:59:59-23:59", [], True)


class Page(Answer):
    amount: OptionalAmount = None
    whole: Whole = 0
    at: OptionalMoment = None
    remark: Remark = None
    switch: Switch = False
    text: OptionalText = None
    life: OptionalLifetime = None


def only(**fields: Any) -> Page:
    return Page.model_validate(fields)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (5, Decimal(5)),
        ("5", Decimal(5)),
        (" -12.50 ", Decimal("-12.50")),
        (Decimal("0.030"), Decimal("0.030")),
        (Decimal("1E+3"), Decimal(1000)),
    ],
)
def test_numbers_are_read_exactly(value: object, read: Decimal) -> None:
    assert number(value) == read


@pytest.mark.parametrize(
    "value",
    [
        True,
        None,
        "",
        "NaN",
        "Infinity",
        "1e5",
        "1,000",
        "５",
        "0x1",
        1.5,
        [],
        Decimal("NaN"),
        Decimal("1e999999"),
        10**15,
    ],
)
def test_what_is_no_number_is_none(value: object) -> None:
    assert number(value) is None


@pytest.mark.parametrize("field", ["amount", "whole", "switch"])
@pytest.mark.parametrize("value", ["张三", [1], {"x": 1}, "1.5.2"])
def test_what_is_there_has_to_be_of_its_kind_and_is_not_quoted(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        only(**{field: value})
    assert "张三" not in str(caught.value)
    assert field in str(caught.value)


def test_what_we_do_not_need_may_be_missing_null_or_blank() -> None:
    assert only() == only(amount=None, at=None, remark=None, text=None) == only(amount=" ", at="", text="  ")


@pytest.mark.parametrize("value", ["12", 12, Decimal("12.00"), "12.0"])
def test_a_whole_number_may_have_a_point(value: object) -> None:
    assert only(whole=value).whole == 12


@pytest.mark.parametrize("value", ["12.5", None, "", True])
def test_a_part_of_a_unit_is_no_stock(value: object) -> None:
    with pytest.raises(ValidationError):
        only(whole=value)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("2025-05-01 10:00:00", datetime(2025, 5, 1, 2, tzinfo=UTC)),
        ("2025/05/01 10:00", datetime(2025, 5, 1, 2, tzinfo=UTC)),
        ("2025-05-01T10:00:00.5+08:00", datetime(2025, 5, 1, 2, 0, 0, 500_000, UTC)),
        ("2025-05-01", datetime(2025, 4, 30, 16, tzinfo=UTC)),
        ("20250501100000", datetime(2025, 5, 1, 2, tzinfo=UTC)),
        (1746064800, datetime(2025, 5, 1, 2, tzinfo=UTC)),
        ("1746064800000", datetime(2025, 5, 1, 2, tzinfo=UTC)),
        *((value, None) for value in UNREADABLE),
    ],
)
def test_a_time_is_read_in_the_forms_that_we_know_and_untold_in_others(value: object, read: datetime | None) -> None:
    assert only(at=value).at == read


@pytest.mark.parametrize(
    ("value", "read"),
    [("1", True), (0, False), (True, True), ("是", True), ("N", False), ("maybe", None), (None, None), ([], None)],
)
def test_a_remark_says_yes_no_or_nothing(value: object, read: bool | None) -> None:  # noqa: FBT001 -- a table of values
    assert only(remark=value).remark is read


def test_a_list_that_is_none_is_told_without_what_stands_there() -> None:
    values: list[object] = ["张三", None, 5, {"张三": 1}]
    for value in values:
        with pytest.raises(ValidationError) as caught:
            many(Page, value)
        assert "张三" not in str(caught.value)


def test_one_alone_is_read_as_a_list_of_it() -> None:
    assert one_or_many(Page, {"text": 5}) == many(Page, [{"text": "5"}])
    assert one_or_many(Page, []) == []


@pytest.mark.parametrize("value", ["", " ", "one hour", "nan", Decimal("1E+308"), 10**400, True, [1], {}])
def test_an_odd_lifetime_costs_no_token(value: object) -> None:
    assert only(life=value).life is None


@pytest.mark.parametrize("value", [3600, "3600", "3600.0", Decimal("3.6E+3")])
def test_a_lifetime_is_read_as_any_number(value: object) -> None:
    assert only(life=value).life == 3600
