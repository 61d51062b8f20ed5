"""Puts the scenario's events on the broker: valid ones with the client that an order system would import."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ops.demo.events import SOURCE, Cancelled, GoodsSync, Malformed, Paid, Rescheduled, StatusAsked
from publishers.confirms import ConfirmedPublisher
from publishers.orders import RelayPublisher
from publishers.outgoing import Outgoing
from rabbitmq.topology import EVENTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ops.demo.scenario import Planned, Scenario

GAP: Final = 0.015
"""Seconds between two events, so that the run can be watched. Repeats follow without one."""


class Sender:
    """Sends events and counts those that the broker confirmed.

    Args:
        amqp_url: the broker.
        has_ended: waits until the event of an id has its result.
    """

    def __init__(self, amqp_url: str, has_ended: Callable[[str], Awaitable[None]]) -> None:
        self._amqp_url = amqp_url
        self._has_ended = has_ended
        self.confirmed = 0

    async def send(self, scenario: Scenario) -> None:
        """Send all; returns when the broker has confirmed the last.

        Raises:
            PublishError: the broker did not take one.
        """
        async with (
            RelayPublisher(self._amqp_url, source=SOURCE, name="relay demo: shop") as shop,
            ConfirmedPublisher(self._amqp_url, name="relay demo: faulty program") as faulty,
        ):
            sending: list[asyncio.Task[None]] = []
            try:
                for planned in scenario.events:
                    if not planned.is_repeat:
                        await asyncio.sleep(GAP)
                    sending.append(asyncio.create_task(self._one(planned, shop, faulty)))
                await asyncio.gather(*sending)
            finally:
                for task in sending:
                    task.cancel()
                await asyncio.gather(*sending, return_exceptions=True)

    async def _one(self, planned: Planned, shop: RelayPublisher, faulty: ConfirmedPublisher) -> None:
        if planned.after is not None:
            await self._has_ended(planned.after)
        match planned.payload:
            case Paid() as paid:
                await shop.order_paid(**paid.arguments(), event_id=planned.event_id)
            case Cancelled() as cancelled:
                await shop.order_cancelled(**cancelled.arguments(), event_id=planned.event_id)
            case Rescheduled() as moved:
                await shop.order_rescheduled(**moved.arguments(), event_id=planned.event_id)
            case StatusAsked(so_id):
                await shop.order_status_requested(so_id=so_id, event_id=planned.event_id)
            case GoodsSync(codes):
                await shop.sync_products(product_codes=codes, event_id=planned.event_id)
            case Malformed(body, routing_key):
                # The client refuses such things before they are sent; a program without it would not.
                await faulty.publish(
                    Outgoing(exchange=EVENTS, routing_key=routing_key, body=body, message_id=planned.event_id)
                )
        self.confirmed += 1
