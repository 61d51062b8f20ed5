"""What a shop's order system says about one order (EVENTS, "In", `order.*`)."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from schemas.primitives import (
    CountyCode,
    Day,
    Flag,
    Moment,
    Money,
    Name,
    Quantity,
    Remark,
    Sentence,
    SoId,
    Tag,
    Title,
    Version,
)
from schemas.record import Record, broken_rule

_CENT = Decimal("0.01")


class Consignee(Record):
    """Who gets the goods, and where. Personal data throughout."""

    name: Name = Field(description="Name of the person who takes the goods.")
    mobile: Tag = Field(
        description="Telephone number as text, never reformatted: virtual numbers with an extension, landlines."
    )
    province: Name = Field(description="Province as printed.")
    city: Name = Field(description="City as printed; in municipalities the same as the province.")
    area: Name = Field(description="District as printed; in cities without districts (such as 东莞) the town.")
    town: Name | None = Field(default=None, description="Town or street office, where there is one.")
    address: Sentence = Field(description="The rest of the address.")
    county_code: CountyCode | None = Field(default=None, description="Six-digit GB/T 2260 code of the county.")


class OrderItem(Record):
    """One line of goods. All money is for one unit, after allocation of discounts."""

    product_code: Name = Field(description="Haier's product code.")
    quantity: Quantity = Field(description="Number of units, 1 or more.")
    retail_price: Money = Field(description="List price of one unit.")
    discount: Money = Field(description='Discount on one unit; "0" when none.')
    actual_price: Money = Field(description="What was paid for one unit.")
    is_gift: Flag = Field(description="Whether the line is a gift.")


class OrderPaid(Record):
    """An order was paid: push it to the supplier. Freight and invoices stay with the shop."""

    so_id: SoId = Field(description="The shop's sub-order number, unique over all sources.")
    online_no: Name = Field(description="Order number of the platform on which the customer ordered.")
    version: Version = Field(description="Counts up for each order at its source, gaps allowed.")
    source_system: Name | None = Field(default=None, description="Name of the selling system; default: the account's.")
    shop_name: Title | None = Field(default=None, description="Name of the shop; default: the account's.")
    created_at: Moment = Field(description="When the customer placed the order.")
    consignee: Consignee = Field(description="Who gets the goods, and where.")
    items: Annotated[tuple[OrderItem, ...], Field(min_length=1)] = Field(description="The goods, at least one line.")
    total_amount: Money = Field(
        description="Sum of actual_price times quantity over all items; a cent a unit of tolerance."
    )
    distribution_on: Day | None = Field(default=None, description="Day of delivery that the customer asked for.")
    install_on: Day | None = Field(default=None, description="Day of installation that the customer asked for.")
    government_subsidy: Flag = Field(description="Whether the order takes part in the state subsidy.")
    remark: Remark | None = Field(default=None, description="Words for the delivery.")

    @model_validator(mode="after")
    def _total_is_the_sum(self) -> Self:
        units = 0
        expected = Decimal(0)
        for item in self.items:
            units += item.quantity
            expected += item.actual_price * item.quantity
        if abs(self.total_amount - expected) > _CENT * units:
            raise broken_rule(
                "total_amount",
                f"the sum of actual_price times quantity: {expected} (a cent a unit of tolerance)",
                f'"{self.total_amount}"',
            )
        return self


class OrderCancelled(Record):
    """The shop cancels an order. It ends the so_id, whatever its version; there is no cancel of a part."""

    so_id: SoId = Field(description="The order to cancel.")
    version: Version = Field(description="Counts up for each order at its source, gaps allowed.")
    reason: Sentence = Field(description="Why, in words that the supplier reads.")
    cancelled_at: Moment = Field(description="When it was cancelled in the shop.")


class OrderRescheduled(Record):
    """Delivery, installation or both move to other days. At least one of them is given."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["distribution_on"], "properties": {"distribution_on": {"type": "string"}}},
                {"required": ["install_on"], "properties": {"install_on": {"type": "string"}}},
            ]
        }
    )

    so_id: SoId = Field(description="The order to reschedule.")
    version: Version = Field(description="Counts up for each order at its source, gaps allowed.")
    distribution_on: Day | None = Field(default=None, description="New day of delivery.")
    install_on: Day | None = Field(default=None, description="New day of installation.")

    @model_validator(mode="after")
    def _has_a_day(self) -> Self:
        if self.distribution_on is None and self.install_on is None:
            raise broken_rule("distribution_on", "distribution_on or install_on, at least one of them", "neither")
        return self


class OrderStatusRequested(Record):
    """Ask what our books say about an order; answered by `order.status.reported` without a call."""

    so_id: SoId = Field(description="The order asked about.")
