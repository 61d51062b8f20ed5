"""Where the goods are (EVENTS, "Out", `order.logistics.updated`)."""

from typing import Annotated

from pydantic import Field

from schemas.primitives import Moment, Verbatim
from schemas.record import Record
from schemas.results.orders import OrderResult


class Photo(Record):
    """A photo of the delivery or the installation."""

    type: Verbatim | None = Field(default=None, description="What it shows, in the supplier's words (imageType).")
    url: Verbatim = Field(description="Where it lies.")
    at: Moment | None = Field(default=None, description="When it was uploaded.")


class Trace(Record):
    """One step of a shipment, as the courier wrote it."""

    at: Moment | None = Field(default=None, description="When.")
    text: Verbatim = Field(description="What happened, verbatim.")


class Shipment(Record):
    """One parcel of an order."""

    company: Verbatim | None = Field(default=None, description="The courier.")
    number: Verbatim | None = Field(default=None, description="The courier's number for the parcel.")
    delivery_record_code: Verbatim | None = Field(default=None, description="The supplier's number for the delivery.")
    sn_codes: tuple[Verbatim, ...] = Field(default=(), description="Serial numbers of the goods in it.")
    photos: tuple[Photo, ...] = Field(default=(), description="Photos of delivery and installation.")
    traces: tuple[Trace, ...] = Field(default=(), description="The courier's steps, oldest first.")


class OrderLogisticsUpdated(OrderResult):
    """Something about the order's shipments is new. Carries all of them, not only what is new."""

    shipments: Annotated[tuple[Shipment, ...], Field(min_length=1)] = Field(description="The order's shipments.")
