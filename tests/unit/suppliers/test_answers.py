"""The table of DESIGN section 6, answer by answer, for calls that change something and for those that do not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.errors import (
    Malformed,
    Misconfigured,
    Rejected,
    SupplierError,
    Throttled,
    Transient,
    Unauthorised,
    UnknownOutcome,
)
from consumer.suppliers.answers import parsed, read_answer, retry_after
from consumer.suppliers.operation import JSON, Misshapen, Operation, Said

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _number(said: Said) -> JSON:
    if not isinstance(said.value, dict) or "no" not in said.value:
        raise Misshapen("no", "a number")
    number: JSON = said.value["no"]
    return number


def _operation(*, changes: bool, private: bool = False) -> Operation[JSON]:
    return Operation(
        supplier="ylh",
        name="create" if changes else "products",
        url=httpx.URL("https://supplier.example/create"),
        changes=changes,
        read=_number,
        settings="YLH_BASE_URL",
        private=private,
    )


CHANGE, LOOK = _operation(changes=True), _operation(changes=False)


def _read(operation: Operation[JSON], status: int, body: bytes | object, headers: dict[str, str] | None = None) -> JSON:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(operation, status=status, headers=httpx.Headers(headers), body=sent, subject="order SO-1")


@pytest.mark.parametrize("operation", [CHANGE, LOOK])
@pytest.mark.parametrize(
    "body",
    [
        {"no": "A"},
        {"success": True, "data": {"no": "A"}},
        {"success": "true", "code": "0", "data": {"no": "A", "x": 1}},
    ],
)
def test_a_success_is_read_from_an_envelope_or_bare(operation: Operation[JSON], body: object) -> None:
    assert _read(operation, 200, body) == "A"


@pytest.mark.parametrize(
    ("status", "body", "of_a_change", "of_a_look"),
    [
        (200, b"", UnknownOutcome, Transient),
        (200, b'{"success": true, "data": {"no"', UnknownOutcome, Transient),
        (200, b"<html>busy</html>", UnknownOutcome, Transient),
        (200, b"\xff\xfe", UnknownOutcome, Transient),
        (200, b'{"no": NaN}', UnknownOutcome, Transient),
        (200, b"[" * 50_000, UnknownOutcome, Transient),
        (200, b"9" * 200_000, UnknownOutcome, Transient),
        (200, {"other": "shape"}, UnknownOutcome, Malformed),
        (200, [], UnknownOutcome, Malformed),
        (200, None, UnknownOutcome, Malformed),
        (200, {"success": True, "data": []}, UnknownOutcome, Malformed),
        (200, {"success": None, "data": {"no": 1}}, UnknownOutcome, Malformed),
        (200, {"success": "perhaps", "data": {"no": 1}}, UnknownOutcome, Malformed),
        (500, {"success": False, "code": "x"}, UnknownOutcome, Transient),
        (502, b"<html>", UnknownOutcome, Transient),
        (503, {"success": True, "data": {"no": 1}}, UnknownOutcome, Transient),
        (599, b"", UnknownOutcome, Transient),
        (300, b"", Misconfigured, Misconfigured),
        (302, b"", Misconfigured, Misconfigured),
        (308, b"", Misconfigured, Misconfigured),
        (404, {"no": 1}, Misconfigured, Misconfigured),
        (405, b"", Misconfigured, Misconfigured),
        (400, {"message": "bad"}, Rejected, Rejected),
        (409, b"<html>", Rejected, Rejected),
        (422, [], Rejected, Rejected),
        (200, {"success": False}, Rejected, Rejected),
        (200, {"success": False, "data": {"no": "A"}}, Rejected, Rejected),
        (200, {"success": "false", "data": {"no": "A"}}, Rejected, Rejected),
        (201, {"success": False, "code": 500}, Rejected, Rejected),
        (429, b"", Throttled, Throttled),
        (200, {"success": False, "code": "429"}, Throttled, Throttled),
        (401, b"", Unauthorised, Unauthorised),
        (403, {"success": False}, Unauthorised, Unauthorised),
        (200, {"success": False, "code": 401}, Unauthorised, Unauthorised),
        (200, {"success": False, "code": "503"}, UnknownOutcome, Transient),
    ],
)
def test_each_answer_has_its_class(
    status: int, body: object, of_a_change: type[SupplierError], of_a_look: type[SupplierError]
) -> None:
    for operation, kind in ((CHANGE, of_a_change), (LOOK, of_a_look)):
        with pytest.raises(SupplierError) as caught:
            _read(operation, status, body)
        assert type(caught.value) is kind
        assert (caught.value.supplier, caught.value.operation) == ("ylh", operation.name)


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"success": False, "code": "20001", "message": "子单号重复"}, "20001", "子单号重复"),
        ({"success": False, "code": 20001, "description": "子单号重复"}, "20001", "子单号重复"),
        ({"success": False, "message": "", "description": "后者"}, None, "后者"),
        ({"success": False, "message": None}, None, None),
        ({"success": False, "message": {"nested": 1}}, None, None),
    ],
)
def test_a_refusal_keeps_the_suppliers_code_and_words(body: object, code: str | None, words: str | None) -> None:
    with pytest.raises(Rejected) as caught:
        _read(CHANGE, 200, body)
    assert (caught.value.code, caught.value.supplier_code, caught.value.supplier_message) == ("refused", code, words)


def test_the_suppliers_words_stay_out_of_the_message_because_they_may_name_the_customer() -> None:
    with pytest.raises(Rejected) as caught:
        _read(CHANGE, 200, {"success": False, "message": "收货人张三不存在"})
    assert "张三" not in str(caught.value)
    assert caught.value.supplier_message == "收货人张三不存在"


def test_long_words_are_cut() -> None:
    with pytest.raises(Rejected) as caught:
        _read(CHANGE, 200, {"success": False, "message": "x" * 600})
    assert caught.value.supplier_message == "x" * 500


def test_another_shape_shows_the_place_and_no_personal_data() -> None:
    body = {"consigneeName": "Zhang", "list": ["13800138000", "张三", 5], "state": "OPEN"}
    with pytest.raises(Malformed) as caught:
        _read(LOOK, 200, body)
    words = str(caught.value)
    assert "no: expected a number" in words
    assert '"state": "OPEN"' in words
    assert not any(secret in words for secret in ("Zhang", "13800138000", "张三"))


def test_another_shape_of_a_login_shows_keys_only() -> None:
    with pytest.raises(Malformed) as caught:
        _read(_operation(changes=False, private=True), 200, {"jwt": "abcdef"})
    assert "jwt" in str(caught.value)
    assert "abcdef" not in str(caught.value)


def test_a_wrong_endpoint_names_the_settings_to_look_at() -> None:
    with pytest.raises(Misconfigured, match="YLH_BASE_URL") as caught:
        _read(CHANGE, 404, b"")
    assert caught.value.code == "wrong_endpoint"


def test_decimals_are_exact() -> None:
    assert _read(LOOK, 200, b'{"no": 0.1000000000000000055511151231257827}') == Decimal(
        "0.1000000000000000055511151231257827"
    )


def test_a_byte_order_mark_is_no_fault() -> None:
    assert parsed(b"\xef\xbb\xbf[1]") == [1]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "7"}, timedelta(seconds=7)),
        ({"Retry-After": " 0 "}, timedelta(0)),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30 GMT"}, timedelta(seconds=30)),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30 -0000"}, timedelta(seconds=30)),
        ({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, timedelta(0)),
        # The supplier's clock is an hour ahead: its own date counts.
        (
            {"retry-after": "Thu, 01 Jan 2026 13:00:05 GMT", "date": "Thu, 01 Jan 2026 13:00:00 GMT"},
            timedelta(seconds=5),
        ),
        ({"retry-after": "9" * 400}, timedelta(hours=1)),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "²"}, None),
    ],
)
def test_retry_after_comes_in_seconds_or_as_a_date(headers: dict[str, str], expected: timedelta | None) -> None:
    assert retry_after(httpx.Headers([(k.encode(), v.encode()) for k, v in headers.items()]), NOON) == expected


@given(st.text(max_size=40))
def test_any_retry_after_is_a_rest_or_nothing(text: str) -> None:
    rest = retry_after({"retry-after": text}, NOON)
    assert rest is None or timedelta(0) <= rest <= timedelta(hours=1)


_digits = st.integers(-(10**25), 10**25).map(str)
_dates = st.builds(
    "{}, {} {} {} {}:{}:{} {}".format,
    st.sampled_from(["Thu", "Mon", "x"]),
    st.integers(0, 40) | _digits,
    st.sampled_from(["Jan", "Feb", "Dec", "x"]),
    st.integers(0, 10_000) | _digits,
    st.integers(0, 25) | _digits,
    st.integers(0, 61) | _digits,
    st.integers(0, 61) | _digits,
    st.sampled_from(["GMT", "", "x"]) | st.integers(-9999, 9999).map("{:+05}".format) | _digits.map("+{}".format),
)


@given(_dates | _digits | st.text(max_size=40), st.none() | _dates | st.text(max_size=40))
def test_any_wish_and_any_clock_of_a_supplier_is_a_bounded_rest_or_nothing(wish: str, clock: str | None) -> None:
    rest = retry_after({"retry-after": wish} | ({} if clock is None else {"date": clock}), NOON)
    assert rest is None or timedelta(0) <= rest <= timedelta(hours=1)


@given(st.integers(0, 3600), st.timedeltas(timedelta(days=-365), timedelta(days=365)))
def test_a_wrong_clock_of_the_supplier_does_not_change_the_rest_that_it_means(rest: int, skew: timedelta) -> None:
    now = (NOON + skew).replace(microsecond=0)
    headers = {"date": format_datetime(now, usegmt=True)}
    headers["retry-after"] = format_datetime(now + timedelta(seconds=rest), usegmt=True)
    assert retry_after(headers, NOON) == timedelta(seconds=rest)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"NaN",
        b'{"no":NaN}',
        b'{"no":Infinity}',
        b'{"no":1e99999999999999999999}',
        b'{"no":' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        '{"no":1}'.encode("utf-16"),
        '{"no":1}'.encode("utf-32"),
        '{"no":"\u4e2d"}'.encode("gbk"),
        b'\xef\xbb\xbf\xef\xbb\xbf{"no":1}',
        b'{"success":true}{"no":1}',
        b"\x1f\x8b\x08",
    ],
)
@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_success_that_nobody_can_read_leaves_a_change_unknown(status: int, body: bytes) -> None:
    with pytest.raises(UnknownOutcome):
        _read(CHANGE, status, body)
    with pytest.raises(Transient):
        _read(LOOK, status, body)


def test_what_no_database_can_hold_is_replaced_wherever_it_stands() -> None:
    body = rb'{"success":false,"message":"a\u0000b\ud83dc\ud83d\ude00","x\udc00":["\u0000"]}'
    with pytest.raises(Rejected) as caught:
        _read(CHANGE, 200, body)
    assert caught.value.supplier_message == "a\ufffdb\ufffdc\U0001f600"
    assert parsed(body) == {"success": False, "message": "a\ufffdb\ufffdc\U0001f600", "x\ufffd": ["\ufffd"]}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["success", "code", "message", "data", "no"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.integers(min_value=100, max_value=999), _json | st.binary(max_size=20))
def test_whatever_comes_is_read_or_has_a_class_and_success_false_is_never_a_success(status: int, body: Any) -> None:
    for operation in (CHANGE, LOOK):
        failed: SupplierError | None = None
        try:
            _read(operation, status, body)
        except SupplierError as error:
            failed = error
        if failed is None:
            assert 200 <= status < 300
            assert not isinstance(body, dict) or body.get("success", True) in (True, "true")
        else:
            assert not (operation.changes and isinstance(failed, Transient | Malformed))
