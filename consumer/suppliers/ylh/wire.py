"""YLH's answers as they come: tolerant of further fields, and of numbers where texts are documented."""

from pydantic import Field

from consumer.suppliers.fields import Answer, OptionalLifetime, OptionalMoment, OptionalText, Text, one_or_many
from consumer.suppliers.operation import Misshapen, Said
from consumer.suppliers.parcels import RecordWire


class CreatedWire(Answer):
    """``data`` of a create (SUPPLIERS, YLH, create)."""

    retailOrderNo: OptionalText = None  # noqa: N815 -- the supplier's name


class PhotoWire(Answer):
    """One photo of a delivery (SUPPLIERS, YLH, delivery photos)."""

    kind: OptionalText = Field(None, validation_alias="imageType")
    url: Text = Field(validation_alias="imageUrl")
    uploaded_at: OptionalMoment = Field(None, validation_alias="uploadTime")


class TokenWire(Answer):
    """The token's answer (SUPPLIERS, YLH, Token)."""

    access_token: Text
    token_type: OptionalText = None
    expires_in: OptionalLifetime = None


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
    """Accept the answer of a cancel or a reschedule: ``success`` in an envelope, else a bare ``true``."""
    if not said.enveloped and said.value is not True:
        raise Misshapen("", "an envelope with success, or a bare true")


def read_photos(said: Said) -> list[PhotoWire]:
    """Return the photos; one may come without its list."""
    return one_or_many(PhotoWire, said.value)


def read_shipments(said: Said) -> list[RecordWire]:
    """Return the delivery records; one may come without its list.

    Raises:
        Misshapen: a record does not say of which order it is, or has no place for parcels. An empty one is no fault.
    """
    records = one_or_many(RecordWire, said.value)
    for place, record in enumerate(records):
        where = f"{place}." if isinstance(said.value, list) else ""
        if record.order_no is None:
            raise Misshapen(f"{where}orderCode", "the SO number of the order")
        if "parcels" not in record.model_fields_set:
            raise Misshapen(f"{where}logisticsList", "the list of parcels")
    return records


def read_token(said: Said) -> TokenWire:
    """Return the token."""
    return TokenWire.model_validate(said.value)
