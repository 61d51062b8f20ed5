"""``order.status.requested``: what our books say of an order, without a call (EVENTS, "In")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.outcome import Ending, Outcome, Result
from consumer.handlers.order_calls import utc_now
from consumer.handlers.order_results import day, numbered
from schemas.events import OrderStatusRequested
from schemas.events.callbacks import ReturnedItem
from schemas.results import OrderStatusReported

if TYPE_CHECKING:
    from consumer.domain.order import Order
    from consumer.domain.order_parts import Goods
    from consumer.domain.writes import InboxKey
    from consumer.handlers.order_calls import OrderCalls
    from schemas.envelope import Event


class OrderStatusHandler:
    """Answers ``order.status.requested``."""

    def __init__(self, calls: OrderCalls) -> None:
        self._calls = calls

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:
        """Tell all that is known; of an order that is not in the books, that it is not."""
        if not isinstance(event.data, OrderStatusRequested):
            raise TypeError(f"order.status.requested carries {type(event.data).__name__}")
        worker = self._calls.worker(key)
        order = await worker.read(event.data.so_id)
        if order.row_version == 0:
            return Outcome(Ending.DONE, (_unknown(order.so_id),))
        counted, result = numbered(
            order,
            "order.status.reported",
            OrderStatusReported,
            version=order.applied_version,
            now=utc_now(),
            applied_version=order.applied_version,
            at_supplier=order.at_supplier,
            refundable=order.refundable,
            distribution_on=day(order.days.distribution_on),
            install_on=day(order.days.install_on),
            fail_msg=order.fail_msg,
            items=tuple(map(_item, _counted(order))),
            error=None if order.error is None else order.error.to_result(),
            created_at=order.created_at,
            updated_at=order.updated_at,
        )
        # The report counts as a result: a listener drops what is not newer than the last one.
        return Outcome(Ending.DONE, (result,), (worker.release(counted),))


def _unknown(so_id: str) -> Result:
    data = OrderStatusReported(
        so_id=so_id,
        online_no=None,
        source_system=None,
        version=None,
        state=None,
        sequence=0,
        occurred_at=utc_now(),
        retail_order_no=None,
        ext_order_no=None,
    )
    return Result("order.status.reported", data, subject=so_id)


def _counted(order: Order) -> list[Goods]:
    return [item for item in order.goods if item.received is not None]


def _item(item: Goods) -> ReturnedItem:
    return ReturnedItem(
        product_code=item.product_code,
        total=item.quantity,
        received=item.received or 0,
        returned=item.returned or 0,
        rejected=item.rejected or 0,
    )
