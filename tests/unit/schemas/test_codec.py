"""Whatever the bytes, `decode` gives an event or says which field is wrong."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

import schemas
from schemas.codec import CONTENT_TYPE, Event, InvalidEvent, decode, encode, new_event
from schemas.events import Consignee, OrderItem, OrderPaid, OrderStatusRequested, SyncBalanceRequested
from schemas.results import ErrorInfo, EventRejected, OrderPushFailed, ProductChanged, ProductValues, RejectedField

EXAMPLES = Path(schemas.__file__).parent / "examples"
PAID = (EXAMPLES / "order.paid" / "valid-full.json").read_bytes()


def refused(body: bytes, routing_key: str | None = "order.paid") -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        decode(body, routing_key=routing_key)
    return caught.value


def paid(**changes: object) -> bytes:
    return json.dumps({**json.loads(PAID), **changes}, ensure_ascii=False).encode()


def in_data(**changes: object) -> bytes:
    return paid(data={**json.loads(PAID)["data"], **changes})


@pytest.mark.parametrize(
    ("body", "came"),
    [
        (b"", "0 bytes"),
        (b"   ", "broken JSON"),
        (b"{", "broken JSON"),
        (b'{"id": "\xff"}', "not UTF-8 at position 8"),
        (b"\xef\xbb\xbf{}", "broken JSON"),
        (b"null", "null"),
        (b"[]", "a list of 0"),
        (b'"text"', "text of 4 characters"),
        (b"7", "a number"),
        (b"1" * 200_000, "too long"),
        (b'{"version": ' + b"1" * 200_000 + b"}", "too long"),
        (b"[" * 50_000, "nested too deep"),
        (b'{"a":' * 50_000, "nested too deep"),
        (b" " * 262_145, "262145 bytes"),
    ],
    ids=lambda value: value[:12].decode("latin-1") if isinstance(value, bytes) else None,
)
@pytest.mark.parametrize("routing_key", ["order.paid", None, "no.such.key"])
def test_a_body_that_is_no_event_is_refused_whole(body: bytes, came: str, routing_key: str | None) -> None:
    error = refused(body, routing_key)
    assert error.errors[0].field == "body"
    assert came in error.errors[0].input
    assert error.event_id is None


def test_an_event_nested_deeper_than_any_reader_should_go_is_refused_whole() -> None:
    error = refused(b'{"type":"order.paid","x":' + b"[" * 300 + b"]" * 300 + b"}")
    assert error.errors[0].field == "body"
    assert "recursion limit" in error.errors[0].input


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", "type"),
        (paid(type=None), "type"),
        (paid(type=7), "type"),
        (paid(type="order.payed"), "type"),
        (paid(type="order.cancelled"), "type"),
        (paid(specversion="9.9"), "specversion"),
        (paid(id=""), "id"),
        (paid(source=""), "source"),
        (paid(id="a\u0000b"), "id"),
        (paid(data_base64="e30="), "data_base64"),
        (in_data(items=[]), "data.items"),
        (in_data(version=0), "data.version"),
        (in_data(version=1.0), "data.version"),
        (in_data(total_amount=float("nan")), "data.total_amount"),
        (in_data(total_amount=5998), "data.total_amount"),
        (in_data(total_amount="١٢"), "data.total_amount"),
        (in_data(so_id="SO\n"), "data.so_id"),
        (in_data(created_at="2026-01-31 09:30:00Z"), "data.created_at"),
        (in_data(created_at="2026-01-31T25:30:00Z"), "data.created_at"),
        (in_data(created_at="0000-01-31T00:00:00Z"), "data.created_at"),
        (in_data(distribution_on="2026-02-30"), "data.distribution_on"),
        (in_data(distribution_on=1769823000), "data.distribution_on"),
        (in_data(remark="x" * 501), "data.remark"),
        (PAID.replace(b'"version": 1', b'"version": 1, "version": 2'), "data.version"),
        (PAID.replace(b'"quantity": 2', b'"quantity": 2, "quantity" : 2'), "data.items.0.quantity"),
        (PAID.replace(b'"id":', b'"id": "first", "id":'), "id"),
        (PAID.replace("张三".encode(), b"\\ud800"), "data.consignee.name"),
    ],
)
def test_a_fault_is_told_at_its_field(body: bytes, field: str) -> None:
    assert refused(body).errors[0].field == field


def test_type_is_compared_with_the_routing_key() -> None:
    error = refused(PAID, "order.cancelled")
    assert error.errors[0].field == "type"
    assert error.errors[0].expected == 'the routing key, "order.cancelled"'
    assert error.errors[0].input == '"order.paid"'


def test_what_could_be_read_of_a_bad_event_is_kept_for_its_answer() -> None:
    error = refused(in_data(version=0))
    assert (error.event_id, error.source) == ("0b6c0a3e-5f1d-4c52-9d8e-6f7a1b2c3d4e", "/shop/orders")
    assert (error.type, error.subject) == ("order.paid", "SO-20260131-0001")
    assert refused(paid(id="")).event_id is None
    assert refused(paid(id=5)).event_id is None


def test_a_message_names_the_first_field_and_counts_the_others() -> None:
    error = refused(paid(specversion="9.9", id=""))
    assert str(error) == 'specversion: expected "1.0"; got "9.9" (and 1 more)'


def test_no_personal_data_in_a_fault() -> None:
    person = json.loads(PAID)["data"]["consignee"]
    bodies = [
        in_data(consignee={**person, "mobile": "13812345678" * 4}),
        in_data(consignee="13812345678 secret street"),
        in_data(consignee=[person]),
        in_data(consignee={**person, "phone": "13812345678"}),
        in_data(phone="13812345678"),
        in_data(remark=13812345678),
        in_data(mobile="13812345678"),
        PAID.replace("张三".encode(), '张三","name":"13812345678'.encode()),
        PAID.replace("张三".encode(), b"13812345678\\ud800"),
    ]
    for body in bodies:
        error = refused(body)
        assert "1381234" not in str(error)
        assert all("1381234" not in fault.input and "张三" not in fault.input for fault in error.errors)


def test_what_came_is_told_in_at_most_a_hundred_characters() -> None:
    error = refused(in_data(so_id="x" * 5000))
    assert len(error.errors[0].input) == 100


def test_ten_thousand_faults_are_told_as_twenty() -> None:
    error = refused(in_data(items=[1] * 10_000))
    assert len(error.errors) == 20


def test_text_that_looks_like_keys_is_no_duplicate() -> None:
    event = decode(in_data(remark='":":":" "so_id": "so_id" :'), routing_key="order.paid")
    assert isinstance(event.data, OrderPaid)
    assert event.data.remark == '":":":" "so_id": "so_id" :'


def test_the_type_is_found_without_a_routing_key_wherever_it_stands() -> None:
    document = json.loads(PAID)
    moved = {"zz": "x", "data": document.pop("data"), **document}
    assert decode(json.dumps(moved).encode()).type == "order.paid"
    misleading = {"data": {**moved["data"]}, "note": '"type": "order.cancelled"', **document}
    assert decode(json.dumps(misleading).encode()).type == "order.paid"


def test_unknown_extension_attributes_are_kept() -> None:
    event = decode(PAID, routing_key="order.paid")
    assert event.extensions == {"shopregion": "north", "attempt": 1}
    assert json.loads(encode(event))["shopregion"] == "north"


def test_an_extension_attribute_that_is_null_is_not_set() -> None:
    event = decode(paid(shopregion=None), routing_key="order.paid")
    assert event.extensions == {"attempt": 1}
    assert decode(encode(event)) == event


def test_values_have_their_python_types() -> None:
    data = decode(PAID, routing_key="order.paid").data
    assert isinstance(data, OrderPaid)
    assert data.total_amount == Decimal("5998.00")
    assert data.distribution_on == date(2026, 2, 3)
    assert data.created_at == datetime(2026, 1, 31, 1, 30, tzinfo=UTC)
    assert data.items[0].quantity == 2


def test_an_event_cannot_be_changed() -> None:
    event = decode(PAID)
    with pytest.raises(ValidationError):
        event.id = "other"  # type: ignore[misc]  # that is the test


def order(**changes: Any) -> OrderPaid:
    values: dict[str, Any] = {
        "so_id": "SO-1",
        "online_no": "1",
        "version": 1,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "consignee": Consignee(name="张三", mobile="1", province="北京市", city="北京市", area="朝阳区", address="x"),
        "items": [
            OrderItem(
                product_code="A",
                quantity=3,
                retail_price=Decimal("1E+1"),
                discount=Decimal(0),
                actual_price=Decimal("9.99"),
                is_gift=False,
            )
        ],
        "total_amount": Decimal("29.97"),
        "government_subsidy": False,
    }
    return OrderPaid(**{**values, **changes})


def test_a_new_event_fills_in_what_can_be_known() -> None:
    event = new_event("order.paid", order(), source="/shop")
    assert event.subject == "SO-1"
    assert event.time is not None
    assert len(event.id) == 36
    written = json.loads(encode(event))
    assert written["data"]["items"][0]["retail_price"] == "10"
    assert "distribution_on" not in written["data"]
    assert "correlationid" not in written
    assert decode(encode(event), routing_key="order.paid") == event


def test_a_result_writes_null_for_what_is_unknown() -> None:
    data = OrderPushFailed(
        so_id="SO-1",
        online_no=None,
        source_system=None,
        version=1,
        state="new",
        sequence=1,
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        retail_order_no=None,
        ext_order_no=None,
        error=ErrorInfo(error_class="rejected", code="already_pushed", message="m", retriable=False),
    )
    written = json.loads(encode(new_event("order.push.failed", data, source="/haier-relay", correlationid="e1")))
    assert written["data"]["retail_order_no"] is None
    assert written["data"]["error"]["class"] == "rejected"
    assert written["correlationid"] == "e1"
    assert "causationid" not in written


@pytest.mark.parametrize("message_id", ["", " ", "a\tb", "\x01", "消息" * 40, None])
def test_a_rejection_can_name_any_message(message_id: str | None) -> None:
    fault = RejectedField(field="body", expected="a JSON object", input="null")
    data = EventRejected(errors=(fault,), message_id=message_id, body_sha256="0" * 64)
    assert decode(encode(new_event("event.rejected", data, source="/haier-relay"))).data == data


def test_a_product_is_the_subject_of_its_change() -> None:
    data = ProductChanged(product_code="GA0", new=ProductValues(procurable=True))
    assert new_event("product.changed", data, source="/haier-relay").subject == "GA0"


@pytest.mark.parametrize(
    ("type_", "data", "attributes", "field"),
    [
        ("order.payed", OrderStatusRequested(so_id="S"), {}, "type"),
        ("order.paid", OrderStatusRequested(so_id="S"), {}, "data"),
        ("order.status.requested", OrderStatusRequested(so_id="S"), {"source": "my shop"}, "source"),
        ("order.status.requested", OrderStatusRequested(so_id="S"), {"id_": ""}, "id"),
        ("order.status.requested", OrderStatusRequested(so_id="S"), {"subject": "T"}, "subject"),
        ("sync.balance.requested", SyncBalanceRequested(), {"time": datetime(2026, 1, 1)}, "time"),  # noqa: DTZ001  # that is the test
    ],
)
def test_what_breaks_the_contract_is_not_made(
    type_: str, data: BaseModel, attributes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidEvent) as caught:
        new_event(type_, data, **{"source": "/shop", **attributes})
    assert caught.value.errors[0].field == field


@pytest.mark.parametrize("amount", ["-0.01", "NaN", "Infinity", "1.001", "12345678901"])
def test_money_of_another_kind_is_refused_from_python_too(amount: str) -> None:
    with pytest.raises(ValidationError):
        order(total_amount=Decimal(amount))


def test_money_is_no_float() -> None:
    with pytest.raises(ValidationError):
        order(total_amount=29.97)


@pytest.mark.parametrize(("total", "fits"), [("30.00", True), ("29.94", True), ("30.01", False), ("29.93", False)])
def test_the_total_may_be_a_cent_a_unit_off(total: str, fits: bool) -> None:  # noqa: FBT001  # a row of the table
    if fits:
        assert order(total_amount=Decimal(total)).total_amount == Decimal(total)
    else:
        with pytest.raises(ValidationError, match=r"29\.97"):
            order(total_amount=Decimal(total))


def test_content_type_is_structured_mode() -> None:
    assert CONTENT_TYPE == "application/cloudevents+json"


def test_a_handler_may_name_the_data_it_expects() -> None:
    event: Event[OrderStatusRequested] = Event[OrderStatusRequested](
        specversion="1.0", id="1", source="/s", type="order.status.requested", data=OrderStatusRequested(so_id="S")
    )
    assert event.data.so_id == "S"
