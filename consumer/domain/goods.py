"""What Haier says of goods beyond the catalogue (prices, stock) and of the payers' accounts: values, no I/O.

They are asked for each time somebody needs them (SUPPLIERS, Haier).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of a product costs the account (SUPPLIERS, prices). Money in yuan.

    Attributes:
        product_code: Haier's code.
        supply_price: None: there is no valid price.
        invoice_price: None: there is no valid price.
        direct_discount: a fraction of the supply price; 0 when none, and where the supplier tells the rebate's type in
            its place.
        rebate_type: COM, FHQ, BF or DTDBF, or another text in the supplier's words; None when it tells none.
        rebate: per unit; 0 when none.
        procurable: whether the account may order it now.
        reason: why not, in the supplier's words.
    """

    product_code: str
    supply_price: Decimal | None
    invoice_price: Decimal | None
    direct_discount: Decimal
    rebate_type: str | None
    rebate: Decimal
    procurable: bool
    reason: str | None

    @property
    def computed_invoice_price(self) -> Decimal | None:
        """Supply price x (1 - direct discount) - rebate, unrounded; None without a supply price."""
        if self.supply_price is None:
            return None
        return self.supply_price * (1 - self.direct_discount) - self.rebate

    @property
    def adds_up(self) -> bool | None:
        """Whether the invoice price is what the rule of SUPPLIERS, prices, makes of the others; None: nothing to check.

        How the supplier rounds is not documented, so that anything less than a cent apart counts as equal. A price that
        does not add up is a fact to be told, not an error: what the supplier invoices is what it says it invoices.
        """
        computed = self.computed_invoice_price
        if computed is None or self.invoice_price is None:
            return None
        return abs(computed - self.invoice_price) < CENT

    @property
    def warning(self) -> str | None:
        """What a person should know of a price that does not add up; None: it does, or there is nothing to check."""
        if self.adds_up is not False:
            return None
        return (
            f"the invoice price is {self.invoice_price}, but {self.supply_price} x (1 - {self.direct_discount})"
            f" - {self.rebate} is {self.computed_invoice_price:f}"
        )


class StockLevel(StrEnum):
    """Whose warehouse the goods lie in, seen from the account's."""

    OWN = "own"
    UPPER = "upper"


@dataclass(frozen=True, slots=True)
class Stock:
    """What of one product can be delivered to one county (SUPPLIERS, stock).

    Attributes:
        product_code: as asked for.
        county_code: as asked for; six digits, GB/T 2260.
        quantity: units.
        storage_location: the supplier's code of the place.
        level: None when the supplier does not say.
        order_cut_off: until when an order counts for today, as the supplier writes it; the format is not documented.
        delivery_estimate: in the supplier's words, e.g. 次日达.
        hours: until delivery.
        transferred: whether the goods come by way of another warehouse; None when the supplier does not say.
    """

    product_code: str
    county_code: str
    quantity: int
    storage_location: str | None = None
    level: StockLevel | None = None
    order_cut_off: str | None = None
    delivery_estimate: str | None = None
    hours: Decimal | None = None
    transferred: bool | None = None


@dataclass(frozen=True, slots=True)
class PayerBalance:
    """One payer's account (SUPPLIERS, payer balance).

    Attributes:
        payer_code: of the payer's account.
        payer_name: of the payer's account.
        sales_group_code: the group of goods that the account pays for.
        sales_group_name: its name.
        balance: in yuan; may be negative.
    """

    payer_code: str
    payer_name: str | None
    sales_group_code: str | None
    sales_group_name: str | None
    balance: Decimal
