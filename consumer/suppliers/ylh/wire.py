"""YLH's answers as they come: tolerant of further fields, and of numbers where texts are documented."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from consumer.suppliers.operation import Misshapen

if TYPE_CHECKING:
    from consumer.suppliers.operation import Said


def _as_text(value: object) -> object:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    return (value.strip() or None) if isinstance(value, str) else value


OptionalText = Annotated[str | None, BeforeValidator(_as_text)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class CreatedWire(_Answer):
    """``data`` of a create (SUPPLIERS, YLH, create)."""

    retailOrderNo: OptionalText = None  # noqa: N815 -- the supplier's name


class TokenWire(_Answer):
    """The token's answer (SUPPLIERS, YLH, Token)."""

    access_token: Annotated[str, BeforeValidator(_as_text)]
    token_type: OptionalText = None
    expires_in: float | None = None


def read_created(said: Said) -> str | None:
    """Return the retail order number of a create; None where a success in an envelope has none.

    A bare value must hold the number, since nothing else in it says that the order was taken in.
    """
    if said.value is None and said.enveloped:
        return None
    number = CreatedWire.model_validate(said.value).retailOrderNo
    if number is None and not said.enveloped:
        raise Misshapen("retailOrderNo", "an order number")
    return number


def read_accepted(said: Said) -> None:
    """Accept the answer of a cancel: ``success`` in an envelope, else a bare ``true``."""
    if not said.enveloped and said.value is not True:
        raise Misshapen("", "an envelope with success, or a bare true")


def read_token(said: Said) -> TokenWire:
    """Return the token."""
    return TokenWire.model_validate(said.value)
