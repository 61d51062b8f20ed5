"""The bodies that YLH gets, held against SUPPLIERS, "YLH: the order's life"."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.suppliers.ylh.mapping import cancel_body, create_body, end_of_day, instant, total_quantity
from schemas.events import OrderCancelled, OrderPaid

ITEM = {
    "product_code": "GA0SZC00U",
    "quantity": 1,
    "retail_price": "2999.00",
    "discount": "0",
    "actual_price": "2899.50",
    "is_gift": False,
}


def paid(**changes: Any) -> OrderPaid:
    consignee = {
        "name": "张三",
        "mobile": "13800138000-1234",
        "province": "山东省",
        "city": "青岛市",
        "area": "崂山区",
        "address": "海尔路1号",
    } | changes.pop("consignee", {})
    data: dict[str, Any] = {
        "so_id": "SO-1",
        "online_no": "T1",
        "version": 1,
        "created_at": "2026-01-01T10:00:00.123+08:00",
        "consignee": consignee,
        "items": [ITEM],
        "total_amount": "2899.50",
        "government_subsidy": False,
    }
    return OrderPaid.model_validate(data | changes)


def body(order: OrderPaid) -> dict[str, Any]:
    sent = create_body(order, source_system="ACCOUNT", shop_name="账号店", seller_code="88000001")
    read: dict[str, Any] = json.loads(sent, parse_float=Decimal)
    return read


def test_a_plain_order_has_exactly_these_fields() -> None:
    assert body(paid()) == {
        "sourceSystem": "ACCOUNT",
        "shopName": "账号店",
        "sellerCode": "88000001",
        "consigneeName": "张三",
        "consigneeMobile": "13800138000-1234",
        "onlineNo": "T1",
        "soId": "SO-1",
        "totalQty": 1,
        "totalAmt": Decimal("2899.50"),
        "createTime": 1767232800123,
        "province": "山东省",
        "city": "青岛市",
        "area": "崂山区",
        "detailAddress": "海尔路1号",
        "deliveryInstall": "false",
        "itemList": [
            {
                "productCode": "GA0SZC00U",
                "itemQty": 1,
                "retailPrice": Decimal("2999.00"),
                "discountAmount": 0,
                "actualPrice": Decimal("2899.50"),
            }
        ],
    }


def test_what_is_given_goes_along() -> None:
    sent = body(
        paid(
            source_system="TMALL",
            shop_name="旗舰店",
            remark="先电联",
            government_subsidy=True,
            consignee={"town": "中韩街道"},
            items=[ITEM | {"quantity": 2}, ITEM | {"is_gift": True, "actual_price": "0", "discount": "2999.00"}],
            total_amount="5799.00",
        )
    )
    assert (sent["sourceSystem"], sent["shopName"], sent["remark"]) == ("TMALL", "旗舰店", "先电联")
    assert (sent["town"], sent["governmentOrder"], sent["totalQty"]) == ("中韩街道", True, 3)
    assert sent["itemList"][1]["isGift"] is True
    assert sent["itemList"][1]["discountAmount"] == Decimal("2999.00")


def test_money_is_a_json_number_with_all_its_digits() -> None:
    sent = create_body(paid(), source_system="A", shop_name="B", seller_code="88000001")
    assert b'"totalAmt":2899.50,' in sent
    assert b'"discountAmount":0,' in sent


@pytest.mark.parametrize(
    ("distribution", "install", "together"),
    [
        (None, None, "false"),
        ("2026-01-05", None, "false"),
        (None, "2026-01-05", "false"),
        ("2026-01-05", "2026-01-06", "false"),
        ("2026-01-05", "2026-01-05", "true"),
    ],
)
def test_delivery_install_is_a_text_that_says_whether_both_days_are_given_and_equal(
    distribution: str | None, install: str | None, together: str
) -> None:
    sent = body(paid(distribution_on=distribution, install_on=install))
    assert sent["deliveryInstall"] == together
    assert ("distributionTime" in sent, "installTime" in sent) == (distribution is not None, install is not None)


@given(st.dates(min_value=date(1992, 1, 1), max_value=date(2099, 12, 31)))
def test_a_day_ends_at_its_last_second_in_shanghai(day: date) -> None:
    at = datetime.fromtimestamp(end_of_day(day) / 1000, ZoneInfo("Asia/Shanghai"))
    assert (at.date(), at.hour, at.minute, at.second, at.microsecond) == (day, 23, 59, 59, 0)


@given(
    st.integers(min_value=1_000_000_000_000, max_value=7_000_000_000_000),
    st.integers(min_value=-14 * 60, max_value=14 * 60),
)
def test_an_instant_is_in_milliseconds_whatever_the_offset(milliseconds: int, offset: int) -> None:
    zone = timezone(timedelta(minutes=offset))
    moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)).astimezone(zone)
    assert instant(moment) == milliseconds
    assert instant(moment + timedelta(microseconds=999)) == milliseconds


@given(st.lists(st.integers(min_value=1, max_value=99), min_size=1, max_size=5))
def test_the_total_quantity_is_the_sum_of_all_items(quantities: list[int]) -> None:
    items = [ITEM | {"quantity": quantity, "actual_price": "1.00"} for quantity in quantities]
    order = paid(items=items, total_amount=f"{sum(quantities)}.00")
    assert total_quantity(order) == sum(quantities) == body(order)["totalQty"]


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp", "Cf"]), min_size=1, max_size=60)
)
def test_any_text_arrives_untouched(text: str) -> None:
    assert body(paid(remark=text))["remark"] == text


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 1, 2, tzinfo=UTC), "1767232800000"),
        # The shop's clock runs ahead.
        (datetime(2026, 1, 1, 1, 59, 59, tzinfo=UTC), "1767232799000"),
    ],
)
def test_a_cancel_has_its_time_as_a_text_in_milliseconds_and_never_in_the_future(now: datetime, expected: str) -> None:
    cancel = OrderCancelled.model_validate(
        {"so_id": "SO-1", "version": 2, "reason": "不要了", "cancelled_at": "2026-01-01T10:00:00+08:00"}
    )
    assert json.loads(cancel_body(cancel, source_system="TMALL", now=now)) == {
        "soId": "SO-1",
        "cancelTime": expected,
        "cancelReason": "不要了",
        "sourceSystem": "TMALL",
    }
