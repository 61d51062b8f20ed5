"""Where an order's goods are, in our own words, whichever supplier said it; what of it is new. Values, no I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from operator import itemgetter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
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


@dataclass(frozen=True, slots=True)
class Parcel:
    """One parcel of an order as our books keep it, put together from all that was told of it.

    Attributes:
        company: the courier, as first told.
        number: the courier's number.
        delivery_record_code: the supplier's number of the delivery.
        sn_codes: serial numbers of the goods in it.
        traces: the courier's steps, oldest first.
        photos: YLH tells photos by order, not by parcel: they stand with the order's first one.
    """

    company: str | None = None
    number: str | None = None
    delivery_record_code: str | None = None
    sn_codes: tuple[str, ...] = ()
    traces: tuple[Trace, ...] = ()
    photos: tuple[DeliveryPhoto, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """What our books keep of an order's shipments.

    Attributes:
        parcels: in the order in which they were first told; a parcel keeps its place for good.
        sync_id: id of the sync that brought the newest of it; None: nothing is kept.
    """

    parcels: tuple[Parcel, ...] = ()
    sync_id: str | None = None


@dataclass(frozen=True, slots=True)
class SaveShipments:
    """Write all parcels of an order, by their places; goes with the `SaveOrder` that guards the order.

    Attributes:
        so_id: whose.
        kept: all of it.
        saved_at: when.
    """

    so_id: str
    kept: Kept
    saved_at: datetime


def joined(
    kept: Sequence[Parcel], shipments: Iterable[Shipment], photos: Sequence[DeliveryPhoto] = ()
) -> tuple[Parcel, ...]:
    """Return the parcels with what was told now added; equal to ``kept`` where nothing is new.

    A parcel is told apart by courier's number and delivery record. A number without a record is the parcel of that
    number; a record that no courier had becomes the first parcel that is told of it. What was once told is not taken
    back by a supplier that says less, or says it in other words: two suppliers tell of one parcel, and would
    otherwise change it back and forth for ever.
    """
    parcels = list(kept)
    for told in shipments:
        if not (told.company or told.number or told.delivery_record_code or told.sn_codes or told.traces):
            # It says that there is something and nothing of it; the next thing told would be taken for it.
            continue
        place = _place(parcels, told)
        if place is None:
            place = len(parcels)
            parcels.append(Parcel())
        parcels[place] = _with(parcels[place], told)
    if photos:
        first = parcels[0] if parcels else Parcel()
        known = {photo.url: photo for photo in (*photos, *first.photos)}
        # Their order is that in which they were first told.
        urls = dict.fromkeys([*(photo.url for photo in first.photos), *(photo.url for photo in photos)])
        parcels[:1] = [replace(first, photos=tuple(known[url] for url in urls))]
    return tuple(parcels)


def delivered_at(parcels: Sequence[Parcel], *, seen_at: datetime) -> datetime | None:
    """Return when the order was delivered; None: nothing proves it yet.

    Proof is a photo of the delivery or the installation, or a courier's step that says 签收 or 妥投 for every parcel.
    A step that only speaks of it (未妥投, 拒绝签收, 请准备签收, 签收失败) proves nothing. Without ``detail`` or
    ``with_photos`` nothing can: YLH's list has numbers only. ``seen_at`` stands in for a time that was not told.
    """
    photos = [photo for parcel in parcels for photo in parcel.photos if _SHOWS_DELIVERY.search(photo.kind)]
    if photos:
        return min((photo.taken_at for photo in photos if photo.taken_at is not None), default=seen_at)
    steps = [next((step for step in parcel.traces if says_delivered(step.text)), None) for parcel in parcels]
    moments = [step.at or seen_at for step in steps if step is not None]
    return max(moments) if moments and len(moments) == len(parcels) else None


def says_delivered(text: str) -> bool:
    """Tell whether a courier's step says that the parcel was handed over."""
    return any(_NOT_YET.search(found["before"]) is None for found in _HANDED_OVER.finditer(text))


_SHOWS_DELIVERY: Final = re.compile("配送|安装|签收|送达")
_HANDED_OVER: Final = re.compile(r"(?P<before>[^\W_]{0,6})(?:签收|妥投)(?!失败|异常|不成功|前|时请)")
_NOT_YET: Final = re.compile("未|拒|待|无|没|退|预计|预约|准备|即将|请|非")


def _place(parcels: Sequence[Parcel], told: Shipment) -> int | None:
    for fits in (_is_same, _may_be_same, _grows_into):
        places = [place for place, parcel in enumerate(parcels) if fits(parcel, told)]
        if places:
            # Several parcels may share a record; told again, it is nothing new to the one that has it already.
            return next((place for place in places if _with(parcels[place], told) == parcels[place]), places[0])
    return None


def _is_same(parcel: Parcel, told: Shipment) -> bool:
    return (parcel.number, parcel.delivery_record_code) == (told.number, told.delivery_record_code)


def _may_be_same(parcel: Parcel, told: Shipment) -> bool:
    """One of them lacks what tells them apart."""
    records = (parcel.delivery_record_code, told.delivery_record_code)
    if told.number is not None:
        return parcel.number == told.number and None in records
    return told.delivery_record_code is not None and records[0] == records[1]


def _grows_into(parcel: Parcel, told: Shipment) -> bool:
    """It had no courier until now, or there were only photos."""
    if parcel.number is not None:
        return False
    if parcel.delivery_record_code is not None:
        return parcel.delivery_record_code == told.delivery_record_code
    return parcel == Parcel(photos=parcel.photos)


def _with(parcel: Parcel, told: Shipment) -> Parcel:
    return replace(
        parcel,
        company=parcel.company or told.company,
        number=parcel.number or told.number,
        delivery_record_code=parcel.delivery_record_code or told.delivery_record_code,
        sn_codes=tuple(dict.fromkeys((*parcel.sn_codes, *told.sn_codes))),
        traces=_in_time((*parcel.traces, *told.traces)),
    )


def _in_time(steps: Iterable[Trace]) -> tuple[Trace, ...]:
    once = tuple(dict.fromkeys(steps))
    times = [step.at for step in once if step.at is not None]
    if len(times) < len(once):
        return once
    return tuple(step for _, step in sorted(zip(times, once, strict=True), key=itemgetter(0)))
