"""What became of one order (EVENTS, "Out", `order.*`).

Results may overtake each other: a listener drops what is not newer by `sequence`. `…failed` is final unless an operator
replays it; then `…succeeded` follows with a higher `sequence`.
"""

from typing import Annotated, Literal

from pydantic import Field

from schemas.events.callbacks import ReturnedItem
from schemas.primitives import Count, Day, Flag, Moment, Name, SoId, Verbatim, Version
from schemas.record import Record
from schemas.results.errors import ErrorInfo

OrderState = Literal[
    "new",
    "pushing",
    "pushed",
    "confirmed",
    "refused",
    "out_of_stock",
    "cancelling",
    "cancelled",
    "cancel_failed",
    "settled",
]
"""States of an order (DESIGN section 6)."""

_DISTRIBUTION = "Day of delivery, if it is known."
_INSTALL = "Day of installation, if it is known."


class OrderResult(Record):
    """What every result about an order carries; null while unknown."""

    so_id: SoId = Field(description="The shop's sub-order number.")
    online_no: Name | None = Field(description="Order number of the platform; null if the order was never seen.")
    source_system: Name | None = Field(description="Name of the selling system; null if unknown.")
    version: Version | None = Field(description="Version of the event that this answers; null if it had none.")
    state: OrderState | None = Field(description="State of the order; null if it is not in our books.")
    sequence: Count = Field(description="Counts up per order; drop what is not newer. 0: not in our books.")
    occurred_at: Moment = Field(description="When it happened.")
    retail_order_no: Name | None = Field(description="Order number at JSH.")
    ext_order_no: Name | None = Field(description="Haier's order number.")


class OrderPushSucceeded(OrderResult):
    """YLH took the order in. Whether it delivers comes later: `order.confirmed` or `order.refused`."""


class OrderPushFailed(OrderResult):
    """YLH said no at once, or the order cannot be pushed."""

    error: ErrorInfo = Field(description="Why.")


class _Answered(OrderResult):
    """YLH's answer to an order, as its callback brought it."""

    fail_msg: Verbatim | None = Field(default=None, description="The supplier's reason, verbatim.")


class OrderConfirmed(_Answered):
    """YLH confirmed the order: it will be delivered."""


class OrderRefused(_Answered):
    """YLH refused the order. To try again, send a new so_id."""


class OrderOutOfStock(_Answered):
    """The goods are out of stock. Not final."""


class _CancelResult(OrderResult):
    """How a cancel stands."""

    at_supplier: Flag = Field(description="Whether the order is, or was, at the supplier.")
    refundable: Flag = Field(description="Whether the customer may be refunded now.")


class OrderCancelAccepted(_CancelResult):
    """YLH took the cancel; whether it succeeds comes later."""


class OrderCancelSucceeded(_CancelResult):
    """The order is cancelled, or was never pushed."""


class OrderCancelFailed(_CancelResult):
    """The cancel was refused; the order stands."""

    error: ErrorInfo = Field(description="Why.")


class _Rescheduled(OrderResult):
    """The days that were asked for."""

    distribution_on: Day | None = Field(default=None, description=_DISTRIBUTION)
    install_on: Day | None = Field(default=None, description=_INSTALL)


class OrderRescheduleSucceeded(_Rescheduled):
    """The new days hold."""


class OrderRescheduleFailed(_Rescheduled):
    """The new days do not hold; the old ones stand."""

    error: ErrorInfo = Field(description="Why.")


class OrderSettled(OrderResult):
    """The quantities are known: what the customer kept, what came back. Also when every item came back."""

    items: Annotated[tuple[ReturnedItem, ...], Field(min_length=1)] = Field(description="Quantities by product.")


class OrderSuperseded(OrderResult):
    """The event was too old to apply; no call was made."""

    applied_version: Version | None = Field(
        description="The newest version whose effect holds; null when a cancel ended the order before any did."
    )


class OrderStatusReported(OrderResult):
    """All that our books know of an order, without a call. An order not in the books: state null, sequence 0."""

    applied_version: Version | None = Field(default=None, description="The newest version whose effect holds.")
    at_supplier: Flag | None = Field(default=None, description="Whether the order is, or was, at the supplier.")
    refundable: Flag | None = Field(default=None, description="Whether the customer may be refunded now.")
    distribution_on: Day | None = Field(default=None, description=_DISTRIBUTION)
    install_on: Day | None = Field(default=None, description=_INSTALL)
    fail_msg: Verbatim | None = Field(default=None, description="The supplier's last reason, verbatim.")
    items: tuple[ReturnedItem, ...] = Field(default=(), description="Quantities by product, once known.")
    error: ErrorInfo | None = Field(default=None, description="The last failure, if it still stands.")
    created_at: Moment | None = Field(default=None, description="When the order came into our books.")
    updated_at: Moment | None = Field(default=None, description="When it last changed there.")
