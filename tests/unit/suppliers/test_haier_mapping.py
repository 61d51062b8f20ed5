from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from consumer.domain.product import Product
from consumer.settings import HaierSettings
from consumer.suppliers.haier.entries import Entries
from consumer.suppliers.haier.mapping import product, products_body
from consumer.suppliers.haier.wire import read_products, read_token
from consumer.suppliers.operation import JSON, Misshapen, Said

WIRE: dict[str, JSON] = {
    "productCode": "BX1",
    "productModel": "BCD-200",
    "productGroupNamd": "冰箱",
    "productBrandName": "海尔",
    "productImageUrl": "http://img.example/1.jpg",
    "productLageUrls": ["http://img.example/2.jpg"],
    "isSales": "1",
    "noSalesReason": "",
    "somethingNew": {"x": 1},
}


def settings(**changes: Any) -> HaierSettings:
    given_: dict[str, Any] = {
        "client_id": "c",
        "client_secret": SecretStr("s"),
        "base_url": "https://haier.example",
        "customer_code": "8800000001",
        "send_to_code": "8800000002",
        "password": SecretStr("p"),
        "seller_password": SecretStr("sp"),
    }
    return HaierSettings.model_validate(given_ | changes)


def only(**changes: JSON) -> Product:
    [wire] = read_products(Said([WIRE | changes], enveloped=True)).found
    return product(wire)


def test_a_product_in_our_own_words() -> None:
    assert only() == Product(
        product_code="BX1",
        model="BCD-200",
        category="冰箱",
        brand="海尔",
        image_url="http://img.example/1.jpg",
        page_image_urls=("http://img.example/2.jpg",),
        procurable=True,
        reason=None,
    )


def test_both_spellings_of_the_group_are_read() -> None:
    renamed = {key: value for key, value in WIRE.items() if key != "productGroupNamd"} | {"productGroupName": "空调"}
    [wire] = read_products(Said([renamed], enveloped=False)).found
    assert product(wire).category == "空调"


@pytest.mark.parametrize(
    ("value", "procurable"), [("1", True), (1, True), (True, True), ("0", False), (0, False), (False, False)]
)
def test_is_sales_comes_as_text_or_number(value: JSON, procurable: bool) -> None:  # noqa: FBT001 -- a table of values
    assert only(isSales=value).procurable is procurable


def test_numbers_stand_for_texts_and_blanks_for_nothing() -> None:
    seen = only(
        productCode=20190001, productModel=200, productBrandName=" ", productLageUrls=None, noSalesReason="停产"
    )
    assert (seen.product_code, seen.model, seen.brand) == ("20190001", "200", None)
    assert (seen.page_image_urls, seen.reason) == ((), "停产")


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        "",
        [None],
        [[]],
        [{}],
        [WIRE | {"productCode": None}],
        [WIRE | {"productCode": ""}],
        [WIRE | {"isSales": "maybe"}],
        [WIRE | {"isSales": None}],
        [WIRE | {"productLageUrls": "http://img.example/2.jpg"}],
    ],
)
def test_another_shape_is_never_an_empty_result(value: JSON) -> None:
    with pytest.raises(Misshapen):
        read_products(Said(value, enveloped=True))


def test_no_product_at_all_is_an_answer() -> None:
    assert read_products(Said([], enveloped=True)) == Entries([], [], None)


@given(st.lists(st.from_regex(r"[A-Z0-9]{4,12}", fullmatch=True), max_size=20))
def test_codes_go_out_as_they_are(codes: list[str]) -> None:
    assert json.loads(products_body(settings(), codes)) == {
        "customerCode": "8800000001",
        "sendToCode": "8800000002",
        "supplierCode": "1001",
        "searchType": "PTJSH",
        "passWord": "p",
        "productCodes": codes,
    }


def test_every_product_is_asked_for_by_leaving_the_codes_out() -> None:
    body = json.loads(products_body(settings(supplier_code="1002", send_to_code=None), None))
    assert body == {"customerCode": "8800000001", "supplierCode": "1002", "searchType": "PTJSH", "passWord": "p"}


@pytest.mark.parametrize(
    "said",
    [
        Said({"access_token": "t"}, enveloped=False),
        Said({"token": "t", "expires_in": None}, enveloped=False),
        Said({"data": {"access_token": "t"}}, enveloped=False),
        Said({"code": "0", "data": {"token": "t"}}, enveloped=False),
        Said({"access_token": "t"}, enveloped=True),
    ],
)
def test_the_token_has_two_names_and_two_places(said: Said) -> None:
    assert read_token(said).token == "t"
