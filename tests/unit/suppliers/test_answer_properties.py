"""What is whole comes over exactly, what lacks something is told with its place, and no error quotes a customer."""

from __future__ import annotations

import json
import traceback
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from consumer.domain.errors import Malformed, SupplierError, UnknownOutcome
from consumer.domain.goods import PayerBalance, Price, Stock, StockLevel
from consumer.domain.shipping import DeliveryPhoto, Shipment, ShipmentSource
from consumer.settings import YlhSettings
from consumer.suppliers.answers import read_answer
from consumer.suppliers.haier import mapping as haier
from consumer.suppliers.haier.operations import HaierOperations
from consumer.suppliers.ylh import mapping as ylh
from consumer.suppliers.ylh.operations import YlhOperations

if TYPE_CHECKING:
    from consumer.suppliers.operation import Operation

HAIER = HaierOperations.at("https://haier.example")
YLH = YlhOperations.of(
    YlhSettings.model_validate(
        {
            "YLH_ENV": "dev",
            "YLH_USERNAME": "u",
            "YLH_PASSWORD": "p",
            "YLH_CLIENT_ID": "c",
            "YLH_CLIENT_SECRET": "s",
            "YLH_SOURCE_SYSTEM": "S",
            "YLH_SELLER_CODE": "88000001",
            "YLH_SHOP_NAME": "店",
        }
    )
)
CHINA = timezone(timedelta(hours=8))

codes = st.from_regex(r"[A-Z][A-Z0-9]{3,11}", fullmatch=True)
money = st.decimals(Decimal("-99999999.99"), Decimal("99999999.99"), places=2)
fractions = st.decimals(Decimal(0), Decimal(1), places=4)
words = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)
maybe_words = st.none() | words


class Digits(float):
    """A JSON number that is written with exactly these digits."""

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, 0.0)
        made.text = text
        return made

    text: str

    def __repr__(self) -> str:
        return self.text


def written(value: Any) -> str:
    """Return ``value`` as JSON; `json` has no way to write a decimal digit by digit."""
    match value:
        case Digits():
            return value.text
        case dict():
            return "{" + ",".join(f"{json.dumps(key)}:{written(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ",".join(map(written, value)) + "]"
        case _:
            return json.dumps(value)


def read(operation: Operation[Any], value: Any, *, enveloped: bool = True) -> Any:
    body = written({"success": True, "data": value} if enveloped else value).encode()
    return read_answer(operation, status=200, headers={}, body=body, subject=None)


@st.composite
def numbers(draw: st.DrawFn, value: Decimal | int) -> Any:
    """Write a number as a JSON number or as a text."""
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return text if draw(st.booleans()) else Digits(text)


@st.composite
def prices(draw: st.DrawFn) -> tuple[Price, dict[str, Any]]:
    """A price in our words, and as Haier may write it."""
    valid, typed = draw(st.booleans()), draw(st.booleans())
    price = Price(
        product_code=draw(codes),
        supply_price=draw(money) if valid else None,
        invoice_price=draw(money) if valid else None,
        direct_discount=Decimal(0) if typed else draw(fractions),
        rebate_type=draw(st.sampled_from(("COM", "FHQ", "BF", "DTDBF"))) if typed else None,
        rebate=draw(money),
        procurable=draw(st.booleans()) if valid else False,
        reason=draw(maybe_words) if valid else "价格未生效",
    )
    wire = {
        "productCode": price.product_code,
        "supplyPrice": None if price.supply_price is None else draw(numbers(price.supply_price)),
        "invoicePrice": None if price.invoice_price is None else draw(numbers(price.invoice_price)),
        "stockRebatePolicy": price.rebate_type or draw(numbers(price.direct_discount)),
        "rebateMoney": draw(numbers(price.rebate)),
        "isSales": draw(st.sampled_from((1, "1") if price.procurable else (0, "0"))),
        "reason": price.reason,
        "more": draw(st.none() | st.integers() | words),
    }
    return price, wire


@given(st.lists(prices(), max_size=8), st.booleans())
def test_any_price_list_comes_over_exactly(pairs: list[tuple[Price, dict[str, Any]]], enveloped: bool) -> None:  # noqa: FBT001 -- drawn
    found = read(HAIER.prices, [wire for _, wire in pairs], enveloped=enveloped)
    assert [haier.price(wire) for wire in found.found] == [price for price, _ in pairs]
    assert found.unreadable == []


@given(st.data(), st.integers(0, 10**8), st.sampled_from(StockLevel), st.none() | st.booleans())
def test_any_stock_comes_over_exactly(
    data: st.DataObject,
    quantity: int,
    level: StockLevel,
    transferred: bool | None,  # noqa: FBT001 -- drawn
) -> None:
    hours = data.draw(st.none() | st.decimals(0, 999, places=1))
    wire = {
        "secCode": "WA1",
        "stock": data.draw(numbers(quantity)),
        "warehouseGrade": data.draw(numbers(0 if level is StockLevel.OWN else 1)),
        "timelinessData": {
            "cutTime": "17:00",
            "hour": None if hours is None else data.draw(numbers(hours)),
            "isTranfer": None if transferred is None else data.draw(numbers(int(transferred))),
        },
    }
    assert haier.stock(read(HAIER.stock, wire), "BX1", "370212") == Stock(
        "BX1", "370212", quantity, "WA1", level, "17:00", None, hours, transferred
    )


@given(st.data(), st.lists(st.tuples(codes, maybe_words, money), max_size=5))
def test_any_balances_come_over_exactly(data: st.DataObject, payers: list[tuple[str, str | None, Decimal]]) -> None:
    wire = [
        {"payerAccountCode": code, "payerAccountName": name, "payerAccountBalance": data.draw(numbers(balance))}
        for code, name, balance in payers
    ]
    found = [haier.balance(payer) for payer in read(HAIER.balance, wire)]
    assert found == [PayerBalance(code, name, None, None, balance) for code, name, balance in payers]


@given(
    st.lists(
        st.tuples(codes, words, st.lists(codes, min_size=1, max_size=4, unique=True)),
        max_size=5,
        unique_by=lambda parcel: parcel[0],
    )
)
def test_any_parcels_come_over_once_with_all_their_goods(parcels: list[tuple[str, str, list[str]]]) -> None:
    units = [
        {"logisticsCompany": company, "logisticsNo": number, "snCode": sn}
        for number, company, sns in parcels
        for sn in sns
    ]
    record = {"orderCode": "SO.1", "deliveryRecordCode": "DR1", "logisticsList": units}
    found = ylh.order_shipments(read(YLH.logistics, [record]))
    if parcels:
        assert found == [
            Shipment("SO.1", company, number, "DR1", tuple(sns), ShipmentSource.YLH) for number, company, sns in parcels
        ]
    else:
        assert found == [Shipment("SO.1", None, None, "DR1", (), ShipmentSource.YLH)]


@given(st.datetimes(datetime(2001, 9, 10), datetime(2200, 1, 1)).map(lambda moment: moment.replace(microsecond=0)))  # noqa: DTZ001 -- China's time as the supplier writes it, without its zone
def test_a_photo_s_time_is_china_s_in_every_form(local: datetime) -> None:
    aware = local.replace(tzinfo=CHINA)
    milliseconds = int(aware.timestamp()) * 1000
    for form in (
        f"{local:%Y-%m-%d %H:%M:%S}",
        f"{local:%Y/%m/%d %H:%M:%S}",
        aware.isoformat(),
        milliseconds,
        str(milliseconds),
    ):
        wire = read(YLH.photos, [{"imageUrl": "http://img.example/1.jpg", "uploadTime": form}])
        assert ylh.photo(wire[0]) == DeliveryPhoto("", "http://img.example/1.jpg", aware)
        assert wire[0].uploaded_at.tzinfo is UTC


GOODS: dict[str, tuple[Operation[Any], dict[str, Any], tuple[str, ...]]] = {
    "products": (HAIER.products, {"productCode": "BX1", "isSales": "1"}, ("productCode", "isSales")),
    "prices": (
        HAIER.prices,
        {"productCode": "BX1", "supplyPrice": 1, "invoicePrice": 1, "isSales": "1"},
        ("productCode", "supplyPrice", "invoicePrice", "isSales"),
    ),
}
WHOLE: dict[str, tuple[Operation[Any], dict[str, Any], tuple[str, ...]]] = {
    "balance": (
        HAIER.balance,
        {"payerAccountCode": "1", "payerAccountBalance": "1.00"},
        ("payerAccountCode", "payerAccountBalance"),
    ),
    "photos": (YLH.photos, {"imageType": "x", "imageUrl": "http://img.example/1.jpg"}, ("imageUrl",)),
    "logistics": (
        YLH.logistics,
        {"orderCode": "SO.1", "deliveryRecordCode": "DR1", "logisticsList": []},
        ("orderCode", "logisticsList"),
    ),
}


def spoil(entry: dict[str, Any], field: str, data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(("left out", "null", "blank")))
    if gone == "left out" or field == "logisticsList":
        del entry[field]
    else:
        entry[field] = None if gone == "null" else " "


@pytest.mark.parametrize("name", GOODS)
@given(st.data())
def test_goods_that_lack_a_field_are_told_with_their_place_and_harm_no_other(name: str, data: st.DataObject) -> None:
    operation, entry, needed = GOODS[name]
    entries = [entry | {"productCode": f"BX{place}"} for place in range(data.draw(st.integers(1, 6)))]
    spoilt = data.draw(st.dictionaries(st.integers(0, len(entries) - 1), st.sampled_from(needed)))
    for place, field in spoilt.items():
        spoil(entries[place], field, data)
    if len(spoilt) == len(entries):
        with pytest.raises(Malformed, match=rf"\(0\.{spoilt[0]}: expected ") as caught:
            read(operation, entries)
        assert caught.value.code == "another_shape"
        return
    found = read(operation, entries)
    assert [wire.code for wire in found.found] == [f"BX{place}" for place in range(len(entries)) if place not in spoilt]
    told = [(one.product_code, one.reason.partition(": ")[0]) for one in found.unreadable]
    assert told == [
        ("" if spoilt[place] == "productCode" else f"BX{place}", f"{place}.{spoilt[place]}") for place in sorted(spoilt)
    ]


@pytest.mark.parametrize("name", WHOLE)
@given(st.data())
def test_a_missing_needed_field_is_told_with_its_place_and_never_left_out(name: str, data: st.DataObject) -> None:
    operation, entry, needed = WHOLE[name]
    entries = [deepcopy(entry) for _ in range(data.draw(st.integers(1, 6)))]
    place, field = data.draw(st.integers(0, len(entries) - 1)), data.draw(st.sampled_from(needed))
    spoil(entries[place], field, data)
    with pytest.raises(Malformed) as caught:
        read(operation, entries)
    assert f"{place}.{field}" in str(caught.value)
    assert caught.value.code == "another_shape"


@pytest.mark.parametrize("gone", ["stock"])
def test_stock_without_its_quantity_is_no_stock(gone: str) -> None:
    with pytest.raises(Malformed, match=gone):
        read(HAIER.stock, {"secCode": "WA1", "warehouseGrade": "0"})


PERSONAL = (
    "张三",
    "13800138000",
    "山东省青岛市崂山区海尔路1号",
    "370212199001011234",
    "eyJhbGciOiJIUzI1NiJ9.e30.signature",
)
OPERATIONS: tuple[Operation[Any], ...] = (
    *(getattr(HAIER, name) for name in ("products", "prices", "stock", "logistics", "balance")),
    *(getattr(YLH, name) for name in ("create", "cancel", "reschedule", "photos", "logistics")),
)
KEYS = (
    "productCode",
    "isSales",
    "stock",
    "stockRebatePolicy",
    "supplyPrice",
    "payerAccountBalance",
    "orderCode",
    "logisticsList",
    "snCode",
    "imageUrl",
    "uploadTime",
    "retailOrderNo",
    "getAllLogisticsInfoByOrderCode",
    "hour",
    "warehouseGrade",
    "timelinessData",
    "data",
    "receiver",
    *PERSONAL,
)
trees = st.recursive(
    st.sampled_from(PERSONAL) | st.none() | st.booleans() | st.integers(0, 5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=12,
)


@given(st.sampled_from(OPERATIONS), trees, st.booleans())
def test_no_error_quotes_a_customer_or_a_token(operation: Operation[Any], value: Any, enveloped: bool) -> None:  # noqa: FBT001 -- drawn
    try:
        found = read(operation, value, enveloped=enveloped)
    except SupplierError as error:
        told = "".join(traceback.format_exception(error))
    else:
        told = "".join(one.reason for one in getattr(found, "unreadable", ()))
    assert not [secret for secret in PERSONAL if secret in told]


@given(st.sampled_from([operation for operation in OPERATIONS if operation.changes]), trees)
def test_a_change_with_a_strange_answer_is_never_refused_nor_done(operation: Operation[Any], value: Any) -> None:
    assume(value is not True)
    assume(not (isinstance(value, dict) and isinstance(value.get("retailOrderNo"), str | int)))
    with pytest.raises(UnknownOutcome):
        read(operation, value, enveloped=False)
