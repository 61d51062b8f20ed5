"""Everything that an order system can say, as typed methods: one list for the real client and for the fake.

The names and meanings of the arguments are those of EVENTS, "In". Money is a `Decimal` or text such as "1999.00",
never a float; days are `date` or "2026-01-31"; times are `datetime` with a zone or RFC 3339 text; parts of an order are
models of `schemas.events` or mappings of the same shape.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal

from publishers.making import Attributes, make_event, sendable_body
from publishers.streaming import from_events, from_lines, outgoing, streamed

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from publishers.outgoing import Outgoing, PublishError
    from publishers.streaming import Outcome, Progress
    from schemas.envelope import Event
    from schemas.events import Consignee, OrderItem

    Money = Decimal | str
    Day = date | str
    Moment = datetime | str


class OrderSystemEvents(ABC):
    """The events of one order system.

    Every method checks first, then sends, and returns the event as sent (`event.id` is what results name as their
    `correlationid`). All take the same four last arguments:

        event_id: choose one that can be made again (say, from order and version) where the same event may be sent
            twice: the service then applies it once. None: a new UUID.
        time: when it happened; None: now, or nothing where `event_id` is given, so that the body stays the same.
        correlationid: id of the event that began the matter.
        traceparent: W3C trace context.

    Every method raises `InvalidEvent`, naming the field, when a value breaks the contract; nothing was sent then.
    """

    def __init__(self, *, source: str) -> None:
        self.source = source
        """CloudEvents `source`: a URI reference that names the sender, such as "/shop/orders"."""

    @abstractmethod
    async def confirmed(self, messages: Sequence[Outgoing]) -> list[PublishError | None]:
        """Carry messages to the broker; one outcome for each, in order (None: the broker has it)."""

    async def publish_event(self, event: Event) -> Event:
        """Send an event made elsewhere, for instance by `schemas.codec.new_event`.

        Raises:
            InvalidEvent: a type that an order system does not send, or larger than the service reads.
            PublishError: what the broker did with it.
        """
        (error,) = await self.confirmed([outgoing(event, sendable_body(event))])
        if error is not None:
            raise error
        return event

    def publish_events(
        self,
        events: Iterable[Event] | AsyncIterable[Event],
        *,
        window: int = 500,
        progress: Callable[[Progress], None] | None = None,
    ) -> AsyncIterator[Outcome]:
        """Send many with at most `window` under way; one `Outcome` each, in order; raises for none of them."""
        return streamed(from_events(events), self.confirmed, window=window, progress=progress)

    def publish_lines(
        self,
        lines: Iterable[bytes | str] | AsyncIterable[bytes | str],
        *,
        window: int = 500,
        progress: Callable[[Progress], None] | None = None,
    ) -> AsyncIterator[Outcome]:
        """Send NDJSON, one whole CloudEvent a line, as `publish_events`; `Outcome.number` is the line's number.

        A plain iterable is read in the event loop: give an async one where reading can block, such as a pipe.
        """
        return streamed(from_lines(lines), self.confirmed, window=window, progress=progress)

    async def order_paid(
        self,
        *,
        so_id: str,
        online_no: str,
        version: int,
        created_at: Moment,
        consignee: Consignee | Mapping[str, object],
        items: Sequence[OrderItem | Mapping[str, object]],
        total_amount: Money,
        government_subsidy: bool,
        source_system: str | None = None,
        shop_name: str | None = None,
        distribution_on: Day | None = None,
        install_on: Day | None = None,
        remark: str | None = None,
        event_id: str | None = None,
        time: datetime | None = None,
        correlationid: str | None = None,
        traceparent: str | None = None,
    ) -> Event:
        """An order was paid: push it to the supplier.

        Item money is for one unit, after allocation; `total_amount` = sum of `actual_price` x `quantity`.
        """
        values = {
            "so_id": so_id,
            "online_no": online_no,
            "version": version,
            "source_system": source_system,
            "shop_name": shop_name,
            "created_at": created_at,
            "consignee": consignee,
            "items": items,
            "total_amount": total_amount,
            "distribution_on": distribution_on,
            "install_on": install_on,
            "government_subsidy": government_subsidy,
            "remark": remark,
        }
        return await self._send("order.paid", values, Attributes(event_id, time, correlationid, traceparent))

    async def order_cancelled(
        self,
        *,
        so_id: str,
        version: int,
        reason: str,
        cancelled_at: Moment,
        event_id: str | None = None,
        time: datetime | None = None,
        correlationid: str | None = None,
        traceparent: str | None = None,
    ) -> Event:
        """An order was cancelled as a whole; it ends the `so_id`, whatever its version."""
        values = {"so_id": so_id, "version": version, "reason": reason, "cancelled_at": cancelled_at}
        return await self._send("order.cancelled", values, Attributes(event_id, time, correlationid, traceparent))

    async def order_rescheduled(
        self,
        *,
        so_id: str,
        version: int,
        distribution_on: Day | None = None,
        install_on: Day | None = None,
        event_id: str | None = None,
        time: datetime | None = None,
        correlationid: str | None = None,
        traceparent: str | None = None,
    ) -> Event:
        """Delivery, installation or both move to another day; at least one of them."""
        values = {"so_id": so_id, "version": version, "distribution_on": distribution_on, "install_on": install_on}
        return await self._send("order.rescheduled", values, Attributes(event_id, time, correlationid, traceparent))

    async def order_status_requested(
        self,
        *,
        so_id: str,
        event_id: str | None = None,
        time: datetime | None = None,
        correlationid: str | None = None,
        traceparent: str | None = None,
    ) -> Event:
        """What does the service know of this order; answered by `order.status.reported`, without a call."""
        return await self._send(
            "order.status.requested", {"so_id": so_id}, Attributes(event_id, time, correlationid, traceparent)
        )

    async def sync_products(
        self,
        *,
        product_codes: Sequence[str] | None = None,
        category: str | None = None,
        brand: str | None = None,
        with_prices: bool | None = None,
        with_stock: bool | None = None,
        county_codes: Sequence[str] | None = None,
        event_id: str | None = None,
        time: datetime | None = None,
        correlationid: str | None = None,
        traceparent: str | None = None,
    ) -> Event:
        """Bring goods up to date: those named, or all that the account may order."""
        values = {
            "product_codes": product_codes,
            "category": category,
            "brand": brand,
            "with_prices": with_prices,
            "with_stock": with_stock,
            "county_codes": county_codes,
        }
        return await self._send(
            "sync.products.requested", values, Attributes(event_id, time, correlationid, traceparent)
        )

    async def sync_prices(
        self,
        *,
        product_codes: Sequence[str] | None = None,
        event_id: str | None = None,
        time: datetime | None = None,
        correlationid: str | None = None,
        traceparent: str | None = None,
    ) -> Event:
        """Bring prices up to date."""
        values = {"product_codes": product_codes}
        return await self._send("sync.prices.requested", values, Attributes(event_id, time, correlationid, traceparent))

    async def sync_stock(
        self,
        *,
        county_codes: Sequence[str],
        product_codes: Sequence[str] | None = None,
        event_id: str | None = None,
        time: datetime | None = None,
        correlationid: str | None = None,
        traceparent: str | None = None,
    ) -> Event:
        """Bring stock up to date, for each code and county."""
        values = {"product_codes": product_codes, "county_codes": county_codes}
        return await self._send("sync.stock.requested", values, Attributes(event_id, time, correlationid, traceparent))

    async def sync_logistics(
        self,
        *,
        so_ids: Sequence[str] | None = None,
        scope: Literal["open"] | None = None,
        detail: bool | None = None,
        with_photos: bool | None = None,
        event_id: str | None = None,
        time: datetime | None = None,
        correlationid: str | None = None,
        traceparent: str | None = None,
    ) -> Event:
        """Bring shipments up to date: of the orders named, or (`scope="open"`) of all not yet delivered."""
        values = {"so_ids": so_ids, "scope": scope, "detail": detail, "with_photos": with_photos}
        return await self._send(
            "sync.logistics.requested", values, Attributes(event_id, time, correlationid, traceparent)
        )

    async def sync_balance(
        self,
        *,
        event_id: str | None = None,
        time: datetime | None = None,
        correlationid: str | None = None,
        traceparent: str | None = None,
    ) -> Event:
        """Report the payers' balances; answered by `account.balance.reported`."""
        return await self._send("sync.balance.requested", {}, Attributes(event_id, time, correlationid, traceparent))

    async def _send(self, type_: str, values: Mapping[str, object], attributes: Attributes) -> Event:
        return await self.publish_event(make_event(type_, values, source=self.source, attributes=attributes))
