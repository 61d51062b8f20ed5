"""What every result about an order carries, taken from the books; shared by the handlers of order events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from consumer.domain.outcome import Result
from schemas.results import OrderResult

if TYPE_CHECKING:
    from datetime import date, datetime

    from consumer.domain.order import Order

ResultT = TypeVar("ResultT", bound=OrderResult)


def numbered(
    order: Order, type_: str, model: type[ResultT], *, version: int | None, now: datetime, **more: Any
) -> tuple[Order, Result]:
    """Return the order with its next ``sequence`` and the result that bears it.

    Args:
        order: as it stands once the result holds.
        type_: event type of the result.
        model: its data model.
        version: version of the event that is answered.
        now: when it happened.
        more: the fields that this model has beyond those of `OrderResult`.
    """
    counted = replace(order, sequence=order.sequence + 1)
    data = model(
        so_id=counted.so_id,
        online_no=counted.online_no,
        source_system=counted.source_system,
        version=version,
        state=counted.state.value,
        sequence=counted.sequence,
        occurred_at=now,
        retail_order_no=counted.retail_order_no,
        ext_order_no=counted.ext_order_no,
        **more,
    )
    return counted, Result(type_, data, subject=counted.so_id)


def iso(day: date | None) -> str | None:
    """Return a day as ISO text."""
    return None if day is None else day.isoformat()
