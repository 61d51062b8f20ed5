"""Requests to bring goods, prices, stock, logistics or balances up to date (EVENTS, "In", `sync.*`)."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from schemas.primitives import CountyCode, Flag, Name, SoId
from schemas.record import Record, broken_rule

ProductCodes = Annotated[tuple[Name, ...], Field(min_length=1)]
CountyCodes = Annotated[tuple[CountyCode, ...], Field(min_length=1)]
SoIds = Annotated[tuple[SoId, ...], Field(min_length=1)]

_CODES = "Haier product codes; left out: all that the account may order. A long list is split, never cut."


class SyncProductsRequested(Record):
    """Bring goods up to date. What is left out comes from the account's defaults."""

    product_codes: ProductCodes | None = Field(default=None, description=_CODES)
    category: Name | None = Field(default=None, description="Only goods of this product group.")
    brand: Name | None = Field(default=None, description="Only goods of this brand.")
    with_prices: Flag | None = Field(default=None, description="Bring their prices up to date too.")
    with_stock: Flag | None = Field(default=None, description="Bring their stock up to date too.")
    county_codes: CountyCodes | None = Field(default=None, description="Counties for the stock.")


class SyncPricesRequested(Record):
    """Bring prices up to date."""

    product_codes: ProductCodes | None = Field(default=None, description=_CODES)


class SyncStockRequested(Record):
    """Bring stock up to date, for each code and county."""

    product_codes: ProductCodes | None = Field(default=None, description=_CODES)
    county_codes: CountyCodes = Field(description="Counties in which the goods would be delivered, at least one.")


class SyncLogisticsRequested(Record):
    """Bring shipments up to date: of the orders named, or of all that are not yet delivered; not both."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["so_ids"], "properties": {"so_ids": {"type": "array"}}},
                {"required": ["scope"], "properties": {"scope": {"type": "string"}}},
            ]
        }
    )

    so_ids: SoIds | None = Field(default=None, description="The orders asked about.")
    scope: Literal["open"] | None = Field(default=None, description='"open": all orders not yet delivered.')
    detail: Flag | None = Field(default=None, description="Fetch the couriers' traces too.")
    with_photos: Flag | None = Field(default=None, description="Fetch the photos of delivery and installation too.")

    @model_validator(mode="after")
    def _names_orders_one_way(self) -> Self:
        if self.so_ids is None and self.scope is None:
            raise broken_rule("so_ids", 'so_ids or scope "open"', "neither")
        if self.so_ids is not None and self.scope is not None:
            raise broken_rule("scope", 'so_ids or scope "open", not both', "both")
        return self


class SyncBalanceRequested(Record):
    """Ask for the payers' balances. Has no fields; `data` may be left out."""
