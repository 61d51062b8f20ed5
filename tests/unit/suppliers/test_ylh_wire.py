from __future__ import annotations

import pytest
from pydantic import ValidationError

from consumer.suppliers.operation import JSON, Misshapen, Said
from consumer.suppliers.ylh.wire import read_accepted, read_created, read_token


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ({"retailOrderNo": "SO.1"}, "SO.1"),
        ({"retailOrderNo": 20190106000003, "more": []}, "20190106000003"),
        ({"retailOrderNo": None}, None),
        ({"retailOrderNo": "  "}, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_success_in_an_envelope_may_come_without_a_number(value: JSON, number: str | None) -> None:
    assert read_created(Said(value, enveloped=True)) == number


@pytest.mark.parametrize("value", [[], "SO.1", 5, True, {"retailOrderNo": ["SO.1"]}])
def test_data_of_another_shape_is_no_success(value: JSON) -> None:
    with pytest.raises(ValidationError):
        read_created(Said(value, enveloped=True))


def test_a_bare_create_has_to_name_the_order() -> None:
    assert read_created(Said({"retailOrderNo": "SO.1"}, enveloped=False)) == "SO.1"
    with pytest.raises(Misshapen):
        read_created(Said({}, enveloped=False))


def test_a_cancel_is_accepted_in_an_envelope_or_by_a_bare_true() -> None:
    read_accepted(Said(None, enveloped=True))
    read_accepted(Said(True, enveloped=False))


@pytest.mark.parametrize("value", [False, None, {}, [], "true", 1])
def test_any_other_bare_value_accepts_no_cancel(value: JSON) -> None:
    with pytest.raises(Misshapen):
        read_accepted(Said(value, enveloped=False))


def test_a_token_may_lack_its_type_and_life() -> None:
    token = read_token(Said({"access_token": "t", "expires_in": "3599"}, enveloped=False))
    assert (token.access_token, token.token_type, token.expires_in) == ("t", None, 3599)


@pytest.mark.parametrize("value", [{}, {"access_token": ""}, {"access_token": None}, [], None])
def test_an_answer_without_a_token_is_no_token(value: JSON) -> None:
    with pytest.raises(ValidationError):
        read_token(Said(value, enveloped=False))
