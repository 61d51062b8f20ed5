"""What neither contract nor books can hold is unreadable where it comes in, so that it fails one entry and no other."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from consumer.suppliers.haier.wire import read_prices, read_products, read_stock
from consumer.suppliers.operation import JSON, Said

GOOD: dict[str, JSON] = {"productCode": "BX1", "isSales": "1"}


@pytest.mark.parametrize("code", ["X" * 65, "BX\x0b2", "BX\0"])
def test_a_code_that_no_result_can_name_is_a_nameless_entry(code: str) -> None:
    read = read_products(Said([GOOD, GOOD | {"productCode": code}], enveloped=True))
    assert [product.code for product in read.found] == ["BX1"]
    [unreadable] = read.unreadable
    assert unreadable.product_code == ""
    assert unreadable.reason.startswith("1.productCode")


@pytest.mark.parametrize("field", ["productModel", "productGroupName", "productBrandName", "noSalesReason"])
def test_a_nul_fails_its_entry_alone(field: str) -> None:
    broken = GOOD | {"productCode": "BX2", field: "a\0b"}
    read = read_products(Said([GOOD, broken, GOOD | {"productLageUrls": ["\0"]}], enveloped=True))
    assert len(read.found) == 1
    assert [entry.product_code for entry in read.unreadable] == ["BX2", "BX1"]
    assert read.unreadable[0].reason.endswith("text without NUL")


def test_a_nul_in_the_rebate_type_fails_its_price_alone() -> None:
    price: dict[str, JSON] = {"supplyPrice": 1, "invoicePrice": 1, "isSales": "1"}
    prices: JSON = [
        price | {"productCode": "BX1", "stockRebatePolicy": "COM"},
        price | {"productCode": "BX2", "stockRebatePolicy": "\0"},
    ]
    assert [entry.product_code for entry in read_prices(Said(prices, enveloped=True)).unreadable] == ["BX2"]


def test_a_stock_beyond_the_column_is_no_stock() -> None:
    assert read_stock(Said({"stock": 2**31 - 1}, enveloped=True)).quantity == 2**31 - 1
    with pytest.raises(ValidationError, match="at most 2147483647 units"):
        read_stock(Said({"stock": 2**31}, enveloped=True))
