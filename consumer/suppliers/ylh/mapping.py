"""Between our words and YLH's: pure functions, field by field as SUPPLIERS, YLH, has them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from consumer.domain.shipping import DeliveryPhoto, Shipment, ShipmentSource
from consumer.suppliers.fields import SHANGHAI
from consumer.suppliers.json_text import encode
from consumer.suppliers.parcels import shipments

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from consumer.suppliers.parcels import RecordWire
    from consumer.suppliers.ylh.wire import PhotoWire
    from schemas.events import OrderCancelled, OrderPaid
    from schemas.events.orders import OrderItem

TIME_UNIT: Final = timedelta(milliseconds=1)
"""Unit of ``createTime`` and ``cancelTime``. Examples in the supplier's papers are in seconds although labelled ms:
should that turn out to be meant, this is the one constant to change."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_OF_DAY = time(23, 59, 59)


def create_body(order: OrderPaid, *, source_system: str, shop_name: str, seller_code: str) -> bytes:
    """Return the body of a create.

    Optional fields are left out when there is nothing to say, so that no order depends on a type that is not documented
    (``governmentOrder`` and ``isGift`` go as ``true``).

    Args:
        order: the paid order; its own source system and shop name win.
        source_system: the account's.
        shop_name: the account's.
        seller_code: the account's, eight digits.
    """
    consignee = order.consignee
    distribution, install = order.distribution_on, order.install_on
    body: dict[str, object] = {
        "sourceSystem": order.source_system or source_system,
        "shopName": order.shop_name or shop_name,
        "sellerCode": seller_code,
        "consigneeName": consignee.name,
        "consigneeMobile": consignee.mobile,
        "onlineNo": order.online_no,
        "soId": order.so_id,
    }
    if order.remark:
        body["remark"] = order.remark
    body |= {
        "totalQty": total_quantity(order),
        "totalAmt": order.total_amount,
        "createTime": instant(order.created_at),
        "province": consignee.province,
        "city": consignee.city,
        "area": consignee.area,
    }
    if consignee.town:
        body["town"] = consignee.town
    body["detailAddress"] = consignee.address
    if distribution is not None:
        body["distributionTime"] = end_of_day(distribution)
    if install is not None:
        body["installTime"] = end_of_day(install)
    if order.government_subsidy:
        body["governmentOrder"] = True
    body["deliveryInstall"] = "true" if distribution is not None and distribution == install else "false"
    body["itemList"] = [_item(item) for item in order.items]
    return encode(body)


def cancel_body(cancel: OrderCancelled, *, source_system: str, now: datetime) -> bytes:
    """Return the body of a cancel; a shop's clock that runs ahead does not make it a cancel in the future."""
    return encode(
        {
            "soId": cancel.so_id,
            "cancelTime": str(instant(min(cancel.cancelled_at, now))),
            "cancelReason": cancel.reason,
            "sourceSystem": source_system,
        }
    )


def reschedule_body(order_no: str, *, distribution_on: date | None, install_on: date | None) -> bytes:
    """Return the body of a reschedule with the days that are given.

    Raises:
        ValueError: none is.
    """
    if distribution_on is None and install_on is None:
        raise ValueError(f"a reschedule of order {order_no} needs a day of delivery, a day of installation, or both")
    body: dict[str, object] = {"retailOrderNo": order_no}
    if distribution_on is not None:
        body["distributionTime"] = end_of_day(distribution_on)
    if install_on is not None:
        body["installTime"] = end_of_day(install_on)
    return encode(body)


def photos_body(order_no: str) -> bytes:
    """Return the request for the photos of one order."""
    return encode({"orderNo": order_no})


def logistics_body(order_nos: Sequence[str]) -> bytes:
    """Return the request for the parcels of some orders: a bare list."""
    return encode(list(order_nos))


def photo(wire: PhotoWire) -> DeliveryPhoto:
    """Return the photo in our own words."""
    return DeliveryPhoto(kind=wire.kind or "", url=wire.url, taken_at=wire.uploaded_at)


def order_shipments(records: Iterable[RecordWire]) -> list[Shipment]:
    """Return the parcels of all records, of the same one the first."""
    found = [
        shipment
        for record in records
        for shipment in shipments(record, ShipmentSource.YLH, order_no=record.order_no or "")
    ]
    return list(dict.fromkeys(found))


def total_quantity(order: OrderPaid) -> int:
    """Return the units of all items."""
    return sum(item.quantity for item in order.items)


def instant(moment: datetime) -> int:
    """Return an aware ``moment`` in `TIME_UNIT` since 1970, cut down to whole units."""
    return (moment - _EPOCH) // TIME_UNIT


def end_of_day(day: date) -> int:
    """Return 23:59:59 of ``day`` in Asia/Shanghai in milliseconds since 1970 (SUPPLIERS, YLH, reschedule)."""
    return (datetime.combine(day, _END_OF_DAY, SHANGHAI) - _EPOCH) // timedelta(milliseconds=1)


def _item(item: OrderItem) -> dict[str, object]:
    wire: dict[str, object] = {
        "productCode": item.product_code,
        "itemQty": item.quantity,
        "retailPrice": item.retail_price,
        "discountAmount": item.discount,
        "actualPrice": item.actual_price,
    }
    if item.is_gift:
        wire["isGift"] = True
    return wire
