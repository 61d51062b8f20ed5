"""Haier's answers as they come: misspelt keys, numbers as texts or texts as numbers, further fields."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, PlainValidator

from consumer.suppliers.fields import (
    Amount,
    Answer,
    OptionalAmount,
    OptionalLifetime,
    OptionalText,
    Remark,
    Switch,
    Text,
    Texts,
    Whole,
    as_text,
    number,
    one_or_many,
)
from consumer.suppliers.haier.entries import LOST_CHARACTER, Entries, entries
from consumer.suppliers.operation import JSON, Misshapen, Said
from consumer.suppliers.parcels import Records
from schemas.primitives import Name


def _without_nul(text: str | None) -> str | None:
    if text is not None and "\0" in text:
        raise ValueError("expected text without NUL")
    return text


def _whole_code(code: str) -> str:
    if LOST_CHARACTER in code:
        raise ValueError("expected a code without NUL and halves of characters")
    return code


def _storable(count: int) -> int:
    if abs(count) > _MOST_UNITS:
        raise ValueError(f"expected at most {_MOST_UNITS} units")
    return count


_MOST_UNITS = 2**31 - 1
"""What the column of the stock holds on PostgreSQL."""

# What the books or the contract cannot hold is found out here, where it fails one entry: later it would fail the whole
# statement, or the whole message, in which the entry stands among others.
Code = Annotated[Name, BeforeValidator(as_text), AfterValidator(_whole_code)]
"""A product code as results and batches can name it, and as Haier knows it again: none that has lost a character."""
Words = Annotated[OptionalText, AfterValidator(_without_nul)]
Urls = Annotated[Texts, AfterValidator(lambda urls: tuple(map(_without_nul, urls)))]


class ProductWire(Answer):
    """One procurable product (SUPPLIERS, Haier, procurable products)."""

    code: Code = Field(validation_alias="productCode")
    model: Words = Field(None, validation_alias="productModel")
    group: Words = Field(None, validation_alias=AliasChoices("productGroupName", "productGroupNamd"))
    brand: Words = Field(None, validation_alias="productBrandName")
    image_url: Words = Field(None, validation_alias="productImageUrl")
    page_image_urls: Urls = Field((), validation_alias="productLageUrls")
    on_sale: Switch = Field(validation_alias="isSales")
    no_sale_reason: Words = Field(None, validation_alias="noSalesReason")


def _policy(value: object) -> Decimal | str | None:
    """Read a number as the fraction that it has to be, any other text as the rebate's type."""
    found = number(value)
    if found is not None:
        if not 0 <= found <= 1:
            raise ValueError("expected a fraction from 0 to 1, or the rebate's type")
        return found
    text = as_text(value)
    if text is None or isinstance(text, str):
        return _without_nul(text)
    raise ValueError("expected a fraction, or the rebate's type")


class PriceWire(Answer):
    """The price of one product (SUPPLIERS, Haier, prices)."""

    code: Code = Field(validation_alias="productCode")
    supply: OptionalAmount = Field(None, validation_alias="supplyPrice")
    invoice: OptionalAmount = Field(None, validation_alias="invoicePrice")
    policy: Annotated[Decimal | str | None, PlainValidator(_policy)] = Field(None, validation_alias="stockRebatePolicy")
    rebate: OptionalAmount = Field(None, validation_alias="rebateMoney")
    on_sale: Switch = Field(validation_alias="isSales")
    reason: Words = None


class TimelinessWire(Answer):
    """What ``timelinessData`` says of the delivery; nothing of it is needed."""

    cut_off: Words = Field(None, validation_alias="cutTime")
    estimate: Words = Field(None, validation_alias="achieveUserOrderCut")
    hours: OptionalAmount = Field(None, validation_alias="hour")
    transferred: Remark = Field(None, validation_alias="isTranfer")


Level = Annotated[Literal["0", "1"] | None, BeforeValidator(as_text)]


class StockWire(Answer):
    """Stock of one product for one county (SUPPLIERS, Haier, stock)."""

    quantity: Annotated[Whole, AfterValidator(_storable)] = Field(validation_alias="stock")
    location: Words = Field(None, validation_alias="secCode")
    level: Level = Field(None, validation_alias="warehouseGrade")
    timeliness: TimelinessWire | None = Field(None, validation_alias="timelinessData")


class BalanceWire(Answer):
    """One payer's account (SUPPLIERS, Haier, payer balance)."""

    payer_code: Text = Field(validation_alias="payerAccountCode")
    payer_name: OptionalText = Field(None, validation_alias="payerAccountName")
    group_code: OptionalText = Field(None, validation_alias="saleGroupCode")
    group_name: OptionalText = Field(None, validation_alias="saleGroupName")
    balance: Amount = Field(validation_alias="payerAccountBalance")


class LogisticsWire(Answer):
    """The three lists of an order's deliveries (SUPPLIERS, Haier, logistics)."""

    warehouse: Records = Field((), validation_alias="getAllLogisticsInfoByOrderCode")
    zhihuibao: Records = Field((), validation_alias="getStockDeliveryLogisticsRecord")
    couriers: Records = Field((), validation_alias="getStockDeliveryLogisticsRecordThirdparty")


class TokenWire(Answer):
    """The token's answer: ``access_token`` or ``token`` (SUPPLIERS, Haier, Token)."""

    token: Text = Field(validation_alias=AliasChoices("access_token", "token"))
    expires_in: OptionalLifetime = None


def read_products(said: Said) -> Entries[ProductWire]:
    """Return the products; anything but a list of them is another shape, never an empty result."""
    return entries(said.value, read_product)


def read_prices(said: Said) -> Entries[PriceWire]:
    """Return the prices, as a list like the products."""
    return entries(said.value, _read_price)


def read_product(entry: JSON) -> ProductWire:
    """Return one entry of the products.

    Raises:
        ValidationError: it is none.
    """
    return ProductWire.model_validate(entry)


def _read_price(entry: JSON) -> PriceWire:
    price = PriceWire.model_validate(entry)
    if price.on_sale and price.reason is None:
        for name, amount in (("supplyPrice", price.supply), ("invoicePrice", price.invoice)):
            if amount is None:
                raise Misshapen(name, "the price of what may be ordered")
    return price


def read_stock(said: Said) -> StockWire:
    """Return the stock of the one product that was asked for; also from a list that holds it alone."""
    found = one_or_many(StockWire, said.value)
    if len(found) != 1:
        raise Misshapen("", "the stock of one product")
    return found[0]


def read_balances(said: Said) -> list[BalanceWire]:
    """Return the payers' accounts, from a list or one alone (the papers name the fields of one only)."""
    return one_or_many(BalanceWire, said.value)


def read_logistics(said: Said) -> LogisticsWire:
    """Return the three lists; one of them may be missing, but not all."""
    found = LogisticsWire.model_validate(said.value)
    if not found.model_fields_set:
        raise Misshapen("", "getAllLogisticsInfoByOrderCode and the two other lists of deliveries")
    return found


def read_token(said: Said) -> TokenWire:
    """Return the token, from the top level or from ``data``; an envelope without ``success`` is taken off here."""
    inner = said.value
    if not said.enveloped and isinstance(inner, dict) and isinstance(inner.get("data"), dict):
        inner = inner["data"]
    return TokenWire.model_validate(inner)
