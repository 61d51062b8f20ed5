"""From the body of a POST to its parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.callbacks.form import MOST_PARAMETERS, NEEDED, NotAForm, is_form, parameters
from tests.support.ylh_forms import body, callback

GOOD = body(callback("SO-1"))


def test_reads_what_was_written() -> None:
    form = callback("SO-1", FailMsg="收货人拒收 100% & + =?", remark="x")
    assert parameters(body(form)) == form


def test_a_raw_utf_8_body_will_do() -> None:
    assert parameters("Extra=中文+x&".encode() + GOOD)["Extra"] == "中文 x"


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_each_needed_name_has_to_be_there_once_and_not_blank(name: str) -> None:
    form = callback("SO-1")
    without = {key: value for key, value in form.items() if key != name}
    with pytest.raises(NotAForm, match=name):
        parameters(body(without))
    with pytest.raises(NotAForm, match=name):
        parameters(body({**form, name: " "}))
    with pytest.raises(NotAForm, match="twice"):
        parameters(body(form) + b"&" + body({name: form[name]}))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (b"x=%ff", "UTF-8"),
        (b"x=\xff", "UTF-8"),
        (b"%ed%a0%80=1", "UTF-8"),
        (b"=1", "name"),
        (b"a.b=1", "name"),
        ("名=1".encode(), "name"),
        (b"a" * 65 + b"=1", "name"),
        (b"x=1&x=1", "twice"),
        (b"&".join(b"x%d=1" % number for number in range(MOST_PARAMETERS)), "more than"),
    ],
)
def test_refuses_what_no_form_of_theirs_has(more: bytes, why: str) -> None:
    with pytest.raises(NotAForm, match=why):
        parameters(GOOD + b"&" + more)


def test_the_refusal_quotes_nothing() -> None:
    with pytest.raises(NotAForm) as caught:
        parameters(GOOD + b"&13800138000=%ff")
    assert "138" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.binary(max_size=300))
def test_whatever_the_bytes_it_reads_them_or_says_no(junk: bytes) -> None:
    for candidate in (junk, GOOD + b"&" + junk, GOOD[: len(junk)] + junk):
        try:
            found = parameters(candidate)
        except NotAForm:
            continue
        assert found.keys() >= NEEDED


@pytest.mark.parametrize(
    ("content_type", "fits"),
    [
        ("application/x-www-form-urlencoded", True),
        ("Application/X-WWW-Form-Urlencoded; charset=UTF-8", True),
        ('application/x-www-form-urlencoded;charset="utf-8"', True),
        ("application/x-www-form-urlencoded;", True),
        ("application/x-www-form-urlencoded; charset=GBK", False),
        ("application/x-www-form-urlencodedx", False),
        ("application/json", False),
        ("multipart/form-data; boundary=x", False),
        ("", False),
    ],
)
def test_which_content_types_are_a_form(content_type: str, fits: bool) -> None:  # noqa: FBT001 - a table
    assert is_form(content_type) is fits
