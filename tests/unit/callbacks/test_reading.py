"""From a form that is rightly signed to an event of the contract."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.callbacks.reading import SOURCE, Unreadable, method_of, read
from schemas.codec import decode
from schemas.events import SupplierCallbackCancelled, SupplierCallbackConfirmed, SupplierCallbackOutOfStock
from tests.support.ylh_forms import callback, signed

ITEM = {"productCode": "GA0SZC00U", "totalQty": 2, "receiveQty": 1, "returnQty": 1, "rejectQty": 0}


def event_of(form: dict[str, str]) -> Any:
    found = read(form)
    return decode(found.body, routing_key=found.type)


def with_data(text: str, method: str = "confirm") -> dict[str, str]:
    return signed({**callback("SO-1", method), "Data": text})


def test_a_confirmation_becomes_an_event() -> None:
    form = signed({**callback("SO-1", FailMsg=None), "TimeStamp": "20260131120000"})
    event = event_of(form)
    assert (event.type, event.source, event.subject) == ("supplier.callback.confirmed", SOURCE, "SO-1")
    assert event.time.isoformat() == "2026-01-31T12:00:00+08:00"
    assert len(event.id) == 64
    assert event.data == SupplierCallbackConfirmed(
        platform_order_no="SO-1", ext_order_no="EXT.SO-1", state=1, occurred_at=event.time
    )


def test_a_repetition_is_the_same_bytes_whatever_the_order_of_its_parameters() -> None:
    form = callback("SO-1", "cancel", State=2, itemList=[ITEM])
    again = dict(reversed(form.items()))
    assert read(form) == read(again)


def test_quantities_come_as_numbers_or_as_texts() -> None:
    told = {**ITEM, "totalQty": "2", "receiveQty": 1.0, "returnQty": "1.0", "unknown": [1]}
    event = event_of(callback("SO-1", "cancel", State="2", itemList=[told], whatever={"a": 1}))
    assert isinstance(event.data, SupplierCallbackCancelled)
    assert event.data.state == 2
    assert event.data.items is not None
    assert [item.model_dump() for item in event.data.items] == [
        {"product_code": "GA0SZC00U", "total": 2, "received": 1, "returned": 1, "rejected": 0}
    ]


@pytest.mark.parametrize("state", [0, "0", 1, "1", " 1 ", 1.0])
def test_a_state_comes_as_a_number_or_as_a_text(state: object) -> None:
    assert event_of(callback("SO-1", State=state)).data.state == int(float(str(state)))


@pytest.mark.parametrize("state", [0, 1, "1", 7, None, "", "no", [1], True])
def test_out_of_stock_counts_whatever_its_state(state: object) -> None:
    data = event_of(callback("SO-1", "oostock", State=state)).data
    assert isinstance(data, SupplierCallbackOutOfStock)
    assert data.state in {0, 1, None}


@pytest.mark.parametrize(("given", "read_as"), [("", None), (None, None), ("  ", None), (123, "123"), ("E.1 ", "E.1")])
def test_haiers_number_may_be_empty(given: object, read_as: str | None) -> None:
    assert event_of(callback("SO-1", State=0, ExtOrderNo=given)).data.ext_order_no == read_as


def test_the_reason_is_passed_on_verbatim() -> None:
    assert event_of(callback("SO-1", State=0, FailMsg="  地址不在配送范围\n")).data.fail_msg == "  地址不在配送范围\n"


@pytest.mark.parametrize("items", [[{"productCode": "X"}], "no list", [{**ITEM, "totalQty": None}], 3])
def test_quantities_that_are_not_needed_may_be_broken(items: object) -> None:
    data = event_of(callback("SO-1", "cancel", State=1, itemList=items)).data
    assert (data.state, data.items) == (1, None)


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("confirm", {"State": 2}),
        ("confirm", {"State": None}),
        ("confirm", {"State": True}),
        ("confirm", {"State": "1.5"}),
        ("confirm", {"State": [1]}),
        ("confirm", {"PlatformOrderNo": ""}),
        ("confirm", {"PlatformOrderNo": None}),
        ("confirm", {"PlatformOrderNo": "x" * 65}),
        ("confirm", {"PlatformOrderNo": {"a": 1}}),
        ("confirm", {"FailMsg": ["x"]}),
        ("confirm", {"FailMsg": "x" * 2001}),
        ("cancel", {"State": 3}),
        ("cancel", {"State": 2}),
        ("cancel", {"State": 2, "itemList": []}),
        ("cancel", {"State": 2, "itemList": {}}),
        ("cancel", {"State": 2, "itemList": [{**ITEM, "rejectQty": -1}]}),
        ("cancel", {"State": 2, "itemList": [{**ITEM, "rejectQty": "many"}]}),
        ("cancel", {"State": 2, "itemList": [{**ITEM, "rejectQty": None}]}),
        ("cancel", {"State": 2, "itemList": [{**ITEM, "productCode": ""}]}),
        ("cancel", {"State": 2, "itemList": [ITEM, 3]}),
    ],
)
def test_what_we_need_is_never_guessed(method: str, data: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as caught:
        read(callback("SO-1", method, **data))
    assert caught.value.code == "unreadable_callback"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "3", '"x"', "[" * 20_000, '{"State":' + "9" * 5000 + "}", '{"State":NaN}', "\x00"]
)
def test_data_that_is_no_object_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read(with_data(text))


def test_what_no_database_can_hold_is_replaced() -> None:
    text = '{"PlatformOrderNo":"SO-1","State":0,"FailMsg":"a\\u0000b\\ud800c"}'
    assert event_of(with_data(text)).data.fail_msg == "a\ufffdb\ufffdc"


@pytest.mark.parametrize(
    "method", ["", "confirm", "hmm.scm_heorder.", "hmm.scm_heorder.Confirm", "hmm.scm_heorder.new"]
)
def test_an_unknown_method_is_named(method: str) -> None:
    form = signed({**callback("SO-1"), "Method": method})
    assert method_of(form) == "unknown"
    with pytest.raises(Unreadable) as caught:
        read(form)
    assert caught.value.code == "unknown_method"


def test_a_time_that_is_none_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="TimeStamp"):
        read(signed({**callback("SO-1"), "TimeStamp": "yesterday"}))


def test_the_words_of_a_fault_quote_nothing() -> None:
    with pytest.raises(Unreadable) as caught:
        read(callback("13800138000" * 7, State="张三", FailMsg=["李四"]))
    assert not any(text in str(caught.value) for text in ("138", "张三", "李四"))
    assert caught.value.__cause__ is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = st.dictionaries(
    st.sampled_from(["PlatformOrderNo", "ExtOrderNo", "State", "FailMsg", "itemList", "x"]),
    _JSON
    | st.sampled_from([0, 1, 2, "1", "SO-1"])
    | st.lists(st.dictionaries(st.sampled_from(list(ITEM)), st.integers(0, 5) | st.text(max_size=5)), max_size=2),
)


@given(_FIELDS, st.sampled_from(["confirm", "cancel", "oostock"]))
def test_whatever_was_signed_is_an_event_of_the_contract_or_unreadable(data: dict[str, Any], method: str) -> None:
    form = with_data(json.dumps(data), method)
    try:
        found = read(form)
    except Unreadable:
        return
    event = decode(found.body, routing_key=found.type)
    assert event.id == found.id
    assert event.subject == found.platform_order_no
