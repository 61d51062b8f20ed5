"""YLH's signature, and what makes two callbacks one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.callbacks.signature import callback_id, is_signed, signature
from tests.support.ylh_forms import SECRET, callback, sign

EXAMPLE = {
    "AppKey": "k1",
    "Data": '{"State":1}',
    "Method": "hmm.scm_heorder.confirm",
    "TimeStamp": "20260101120000",
}
WORKED = "FC1A29A065B3FCB80F68AB857B8E1807"
NAMES = st.text("ABCDEFabcdef_0123456789", min_size=1, max_size=8)
VALUES = st.text(max_size=20)


def test_the_worked_example_of_the_papers() -> None:
    assert signature(EXAMPLE, "s3cret") == WORKED
    assert is_signed({**EXAMPLE, "Sign": WORKED}, "s3cret")


@pytest.mark.parametrize("sign", ["", WORKED.lower(), WORKED[:-1], f"{WORKED} ", "签名", "0" * 32])
def test_anything_else_is_no_signature(sign: str) -> None:
    assert not is_signed({**EXAMPLE, "Sign": sign}, "s3cret")


def test_the_signature_itself_and_blanks_are_not_signed_and_the_order_does_not_count() -> None:
    mixed = {
        "TimeStamp": "20260101120000",
        "Extra": " \t",
        "Sign": "x",
        "Nothing": "",
        **dict(reversed(EXAMPLE.items())),
    }
    assert signature(mixed, "s3cret") == WORKED


@given(st.dictionaries(NAMES, VALUES, max_size=6), VALUES)
def test_agrees_with_an_independent_reading_of_the_papers(form: dict[str, str], secret: str) -> None:
    assert signature(form, secret) == sign(form, secret)


@given(st.dictionaries(NAMES, VALUES, max_size=6), st.dictionaries(NAMES, VALUES, max_size=6))
def test_two_forms_have_one_id_only_if_all_that_they_say_is_the_same(
    one: dict[str, str], other: dict[str, str]
) -> None:
    def said(form: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in form.items() if value.strip()}

    assert (callback_id(one) == callback_id(other)) is (said(one) == said(other))


def test_the_borders_between_names_and_values_count() -> None:
    assert callback_id({"ab": "c"}) != callback_id({"a": "bc"})
    assert callback_id({"a": "b", "c": "d"}) != callback_id({"a": "bcd"})


def test_blanks_that_nobody_signed_make_no_other_callback() -> None:
    form = callback("SO-1")
    assert callback_id({**form, "Extra": " "}) == callback_id(form)
    assert is_signed({**form, "Extra": " "}, SECRET)
