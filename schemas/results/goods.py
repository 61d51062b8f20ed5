"""What changed in the catalogue, and the payers' balances (EVENTS, "Out").

A `…changed` event goes out only for a value that really changed; `old` is null at first.
"""

from typing import Annotated

from pydantic import Field

from schemas.primitives import Balance, Count, CountyCode, Flag, Fraction, Moment, Money, Name, Verbatim
from schemas.record import Record

_CODE = "Haier's product code."


class ProductValues(Record):
    """What is known of a product (SUPPLIERS, Haier, procurable products)."""

    model: Verbatim | None = Field(default=None, description="Model name.")
    category: Verbatim | None = Field(default=None, description="Product group.")
    brand: Verbatim | None = Field(default=None, description="Brand.")
    image_url: Verbatim | None = Field(default=None, description="Main picture.")
    page_image_urls: tuple[Verbatim, ...] = Field(default=(), description="Pictures of the detail page, in order.")
    procurable: Flag = Field(description="Whether the account may order it now.")
    reason: Verbatim | None = Field(default=None, description="Why it may not, in the supplier's words.")


class ProductChanged(Record):
    """A product is new or differs from what was known."""

    product_code: Name = Field(description=_CODE)
    new: ProductValues = Field(description="What holds now.")
    old: ProductValues | None = Field(default=None, description="What held before; null at first.")


class PriceValues(Record):
    """Prices of one unit. invoice price = supply price x (1 - direct discount) - rebate (SUPPLIERS, prices)."""

    supply_price: Money | None = Field(default=None, description="Supply price; null: no valid price.")
    invoice_price: Money | None = Field(default=None, description="Price on the invoice; null: no valid price.")
    direct_discount: Fraction | None = Field(default=None, description='A fraction; "0" when none.')
    rebate_type: Verbatim | None = Field(
        default=None, description="COM, FHQ, BF or DTDBF, where the supplier tells it."
    )
    rebate_money: Money | None = Field(default=None, description='Rebate on one unit; "0" when none.')
    procurable: Flag = Field(description="Whether the account may order it now.")
    reason: Verbatim | None = Field(default=None, description="Why it may not, in the supplier's words.")


class PriceChanged(Record):
    """A product's prices are new or differ from what was known."""

    product_code: Name = Field(description=_CODE)
    new: PriceValues = Field(description="What holds now.")
    old: PriceValues | None = Field(default=None, description="What held before; null at first.")


class StockValues(Record):
    """Stock of one product for one county (SUPPLIERS, stock)."""

    stock: Count = Field(description="Units that can be ordered.")
    storage_location: Verbatim | None = Field(default=None, description="Storage location (secCode).")
    warehouse_level: Verbatim | None = Field(default=None, description='"0": own level, "1": upper level.')
    order_cut_off: Verbatim | None = Field(
        default=None, description="Order cut-off, as the supplier writes it (cutTime)."
    )
    delivery_estimate: Verbatim | None = Field(
        default=None, description="Estimated delivery, as the supplier writes it."
    )
    hours: Verbatim | None = Field(default=None, description="Hours to delivery, as the supplier writes them.")
    transfer: Flag | None = Field(default=None, description="Whether the goods come by way of another warehouse.")


class StockChanged(Record):
    """A product's stock for a county is new or differs from what was known."""

    product_code: Name = Field(description=_CODE)
    county_code: CountyCode = Field(description="Six-digit GB/T 2260 code of the county.")
    new: StockValues = Field(description="What holds now.")
    old: StockValues | None = Field(default=None, description="What held before; null at first.")


class Payer(Record):
    """One payer's account."""

    sale_group_code: Verbatim | None = Field(default=None, description="Code of the sales group.")
    sale_group_name: Verbatim | None = Field(default=None, description="Name of the sales group.")
    payer_account_code: Name = Field(description="Code of the payer's account.")
    payer_account_name: Verbatim | None = Field(default=None, description="Name of the payer's account.")
    payer_account_balance: Balance = Field(description="Balance; may be negative.")


class AccountBalanceReported(Record):
    """The payers' balances, as asked for."""

    customer_code: Name | None = Field(default=None, description="Sold-to party whose payers they are.")
    reported_at: Moment = Field(description="When the supplier was asked.")
    payers: Annotated[tuple[Payer, ...], Field(min_length=1)] = Field(description="The payers with their balances.")
