from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.goods import Price

PRICE = Price(
    product_code="BX1",
    supply_price=Decimal(1999),
    invoice_price=Decimal("1928.53"),
    direct_discount=Decimal("0.03"),
    rebate_type=None,
    rebate=Decimal("10.50"),
    procurable=True,
    reason=None,
)
money = st.decimals(0, 10**8, places=2)
fractions = st.decimals(0, 1, places=6)


@given(money, fractions, money, st.sampled_from(("ROUND_DOWN", "ROUND_HALF_UP", "ROUND_HALF_EVEN", "ROUND_CEILING")))
def test_a_price_adds_up_however_the_supplier_rounds(
    supply: Decimal, discount: Decimal, rebate: Decimal, rounding: str
) -> None:
    invoice = (supply * (1 - discount) - rebate).quantize(Decimal("0.01"), rounding)
    price = replace(PRICE, supply_price=supply, direct_discount=discount, rebate=rebate, invoice_price=invoice)
    assert price.adds_up
    assert replace(price, invoice_price=invoice + Decimal("0.02")).adds_up is False


@pytest.mark.parametrize("price", [replace(PRICE, supply_price=None), replace(PRICE, invoice_price=None)])
def test_without_a_valid_price_there_is_nothing_to_check(price: Price) -> None:
    assert price.adds_up is None


def test_a_price_that_does_not_add_up_is_a_fact() -> None:
    odd = replace(PRICE, invoice_price=Decimal(1900))
    assert (odd.adds_up, odd.computed_invoice_price) == (False, Decimal("1928.53"))
