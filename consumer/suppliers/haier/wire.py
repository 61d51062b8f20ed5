"""Haier's answers as they come: misspelt keys, numbers as texts or texts as numbers, further fields."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

if TYPE_CHECKING:
    from consumer.suppliers.operation import Said


def _as_text(value: object) -> object:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    return (value.strip() or None) if isinstance(value, str) else value


def _as_switch(value: object) -> object:
    match value:
        case bool():
            return value
        case "1" | 1 | "0" | 0:
            return str(value) == "1"
        case _:
            raise ValueError('expected "1" or "0"')


def _as_texts(value: object) -> object:
    """Read null as no pictures; blank entries go."""
    if value is None:
        return ()
    return [item for item in value if item not in ("", None)] if isinstance(value, list) else value


Text = Annotated[str, BeforeValidator(_as_text)]
OptionalText = Annotated[str | None, BeforeValidator(_as_text)]
Switch = Annotated[bool, BeforeValidator(_as_switch)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_as_texts)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class ProductWire(_Answer):
    """One procurable product (SUPPLIERS, Haier, procurable products)."""

    code: Text = Field(validation_alias="productCode")
    model: OptionalText = Field(None, validation_alias="productModel")
    group: OptionalText = Field(None, validation_alias=AliasChoices("productGroupName", "productGroupNamd"))
    brand: OptionalText = Field(None, validation_alias="productBrandName")
    image_url: OptionalText = Field(None, validation_alias="productImageUrl")
    page_image_urls: Texts = Field((), validation_alias="productLageUrls")
    on_sale: Switch = Field(validation_alias="isSales")
    no_sale_reason: OptionalText = Field(None, validation_alias="noSalesReason")


class TokenWire(_Answer):
    """The token's answer: ``access_token`` or ``token`` (SUPPLIERS, Haier, Token)."""

    token: Text = Field(validation_alias=AliasChoices("access_token", "token"))
    expires_in: float | None = None


_PRODUCTS = TypeAdapter(list[ProductWire])


def read_products(said: Said) -> list[ProductWire]:
    """Return the products; anything but a list of them is another shape, never an empty result."""
    return _PRODUCTS.validate_python(said.value)


def read_token(said: Said) -> TokenWire:
    """Return the token, from the top level or from ``data``; an envelope without ``success`` is taken off here."""
    inner = said.value
    if not said.enveloped and isinstance(inner, dict) and isinstance(inner.get("data"), dict):
        inner = inner["data"]
    return TokenWire.model_validate(inner)
