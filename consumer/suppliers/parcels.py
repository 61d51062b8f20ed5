"""Delivery records and the parcels in them, as both suppliers write them; YLH's names are documented, Haier's are not.

Haier's papers name the three lists of its logistics answer and nothing inside them. What stands there is read by YLH's
names for the same things and by names that the trade commonly uses; what has none of these names is left out, and an
entry in which nothing at all can be named is another shape, not an empty result (SUPPLIERS, logistics).
"""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from consumer.domain.shipping import Shipment, ShipmentSource, Trace
from consumer.suppliers.fields import Answer, OptionalMoment, OptionalText, as_text


def _as_codes(value: object) -> object:
    """Read serial numbers: one, several in a list, or several in one text with commas between."""
    match value:
        case None:
            return ()
        case list():
            return [code for item in value for code in _split(as_text(item))]
        case _:
            return _split(as_text(value))


def _split(text: object) -> list[object]:
    if not isinstance(text, str):
        return [] if text is None else [text]
    return [code.strip() for code in text.replace("，", ",").split(",") if code.strip()]


def _as_list(value: object) -> object:
    """Read null as none, one object as a list of it."""
    return [] if value is None else [value] if isinstance(value, dict) else value


class TraceWire(Answer):
    """One step of a parcel; no name of it is documented."""

    at: OptionalMoment = Field(
        None, validation_alias=AliasChoices("time", "operateTime", "acceptTime", "traceTime", "createTime", "ftime")
    )
    text: OptionalText = Field(
        None, validation_alias=AliasChoices("content", "description", "context", "remark", "acceptStation", "status")
    )


Traces = Annotated[tuple[TraceWire, ...], BeforeValidator(_as_list)]
_TRACES = AliasChoices("logisticsTraceList", "traceList", "traces")


class ParcelWire(Answer):
    """One entry of ``logisticsList``: with YLH one for each unit, parcels repeating."""

    company: OptionalText = Field(
        None, validation_alias=AliasChoices("logisticsCompany", "logisticsCompanyName", "expressCompany", "expressName")
    )
    number: OptionalText = Field(
        None, validation_alias=AliasChoices("logisticsNo", "logisticsCode", "expressNo", "waybillNo")
    )
    sn_codes: Annotated[tuple[str, ...], BeforeValidator(_as_codes)] = Field(
        (), validation_alias=AliasChoices("snCode", "snCodes", "snCodeList")
    )
    traces: Traces = Field((), validation_alias=_TRACES)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set - {"order_no"}:
            raise ValueError("expected a delivery, and none of its fields is there")
        return self


class RecordWire(ParcelWire):
    """One delivery record; with Haier it may be the parcel itself rather than hold a list of them."""

    order_no: OptionalText = Field(None, validation_alias=AliasChoices("orderCode", "orderNo"))
    code: OptionalText = Field(None, validation_alias="deliveryRecordCode")
    parcels: Annotated[tuple[ParcelWire, ...], BeforeValidator(_as_list)] = Field((), validation_alias="logisticsList")


Records = Annotated[tuple[RecordWire, ...], BeforeValidator(_as_list)]


def shipments(record: RecordWire, source: ShipmentSource, *, order_no: str) -> list[Shipment]:
    """Return the parcels of one record, each once with all its goods; the record alone while no courier has it."""
    parcels = [parcel for parcel in (record, *record.parcels) if parcel.company or parcel.number or parcel.sn_codes]
    by_parcel: dict[tuple[str | None, str | None], list[ParcelWire]] = {}
    for parcel in parcels:
        by_parcel.setdefault((parcel.company, parcel.number), []).append(parcel)
    if not by_parcel and (record.code or record.traces):
        by_parcel[None, None] = []
    return [
        Shipment(
            order_no=order_no,
            company=company,
            number=number,
            delivery_record_code=record.code,
            sn_codes=tuple(dict.fromkeys(code for part in parts for code in part.sn_codes)),
            source=source,
            traces=_steps((*parts, record)),
        )
        for (company, number), parts in by_parcel.items()
    ]


def _steps(parts: Sequence[ParcelWire]) -> tuple[Trace, ...]:
    """Return what the parts tell, each step once: oldest first, or as told where a time is missing."""
    told = [Trace(step.at, step.text) for part in parts for step in part.traces if step.text is not None]
    steps = tuple(dict.fromkeys(told))
    times = [step.at for step in steps if step.at is not None]
    if len(times) < len(steps):
        return steps
    return tuple(step for _, step in sorted(zip(times, steps, strict=True), key=lambda timed: timed[0]))
