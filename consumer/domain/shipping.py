"""Where an order's goods are, in our own words, whichever supplier said it: values, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class ShipmentSource(StrEnum):
    """Who told of a shipment: YLH, or one of the three lists of Haier (SUPPLIERS, logistics)."""

    YLH = "ylh"
    WAREHOUSE = "warehouse"
    """Haier's unified and cloud warehouses."""
    ZHIHUIBAO = "zhihuibao"
    """智汇宝."""
    ZHIHUIBAO_COURIER = "zhihuibao_courier"
    """The couriers of 智汇宝."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One step of a shipment.

    Attributes:
        at: aware; None when the supplier gives no time that can be read.
        text: what happened, verbatim.
    """

    at: datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class Shipment:
    """One parcel of an order, or a delivery record that no courier has yet.

    Attributes:
        order_no: the SO number that was asked about.
        company: the courier.
        number: the courier's number.
        delivery_record_code: the supplier's number of the delivery.
        sn_codes: serial numbers of the goods in it, each once, as first told.
        source: who told.
        traces: the courier's steps, oldest first; as told where one of them has no time.
    """

    order_no: str
    company: str | None
    number: str | None
    delivery_record_code: str | None
    sn_codes: tuple[str, ...]
    source: ShipmentSource
    traces: tuple[Trace, ...] = ()


@dataclass(frozen=True, slots=True)
class DeliveryPhoto:
    """A photo of a delivery or an installation (SUPPLIERS, delivery photos).

    Attributes:
        kind: what it shows, in the supplier's words (配送照片, 安装照片); empty when the supplier does not say.
        url: where it lies.
        taken_at: when it was uploaded, aware; None when the supplier gives no time that can be read.
    """

    kind: str
    url: str
    taken_at: datetime | None
