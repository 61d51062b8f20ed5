"""What handlers need of the world, as protocols; `consumer.bootstrap` fills them with suppliers and the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import date, datetime
    from decimal import Decimal

    from consumer.domain.goods import PayerBalance, Price, Stock
    from consumer.domain.looks import Known, Look
    from consumer.domain.order import Order
    from consumer.domain.product import Product
    from consumer.domain.shipping import DeliveryPhoto, Kept, Shipment
    from consumer.domain.sync_plan import BatchStanding
    from consumer.domain.writes import InboxKey, OutboxMessage, UnitOfWork
    from schemas.events import OrderCancelled, OrderPaid


class Books(Protocol):
    """Our own state. Reads may be a moment old: every write says which row version it builds on."""

    async def commit(self, unit: UnitOfWork) -> None:
        """Commit ``unit`` whole (together with whatever else is ready), durable on return.

        Raises:
            StateError: a condition of the unit does not hold; nothing of it was written.
        """
        ...

    async def order(self, so_id: str) -> Order | None:
        """Return the order, or None if it is not in the books."""
        ...

    async def orders_by_numbers(self, platform_order_no: str, ext_order_no: str | None) -> Sequence[Order]:
        """Return the orders that one of a callback's two numbers may mean.

        Args:
            platform_order_no: a ``so_id`` or an ``online_no``.
            ext_order_no: Haier's number, which is an ``ext_order_no`` or stands as ``retail_order_no``.
        """
        ...

    async def outbox_of(self, key: InboxKey) -> Sequence[OutboxMessage]:
        """Return the messages that the event of ``key`` has caused so far."""
        ...


@dataclass(frozen=True, slots=True)
class OrderArrived:
    """YLH has the order.

    Attributes:
        retail_order_no: order number at JSH; None when the answer had none (the callback then brings Haier's number).
        by_duplicate: the arrival is proved by a duplicate refusal of a resend, not by an answer.
    """

    retail_order_no: str | None
    by_duplicate: bool = False


ALREADY_AT_SUPPLIER = "already_at_supplier"
"""Code of the refusal of a create for an order that YLH has from somebody else, or from an answered send of ours."""
UNKNOWN_ORDER = "order_unknown"
"""Code of the refusal of a cancel for an order that YLH does not have."""


class YlhOrders(Protocol):
    """YLH's order calls (SUPPLIERS, "YLH: the order's life").

    Bodies are built first and sent later, so that the intent can be committed with the exact bytes before the call.
    Every call may raise any `SupplierError`; immediate retries have been made by then.
    """

    def create_body(self, order: OrderPaid) -> bytes:
        """Build the body of a create.

        Raises:
            Rejected: the order breaks a rule of YLH that we check ourselves (``RELAY_YLH_SINGLE_UNIT=reject``).
        """
        ...

    async def create(self, so_id: str, body: bytes, *, unanswered: bool) -> OrderArrived:
        """Send a create.

        Args:
            so_id: for logs and errors.
            body: from `create_body`, or stored in an intent.
            unanswered: an earlier send of this very intent has an unknown outcome; only then does a duplicate refusal
                prove arrival, else it is `Rejected` with code
                `ALREADY_AT_SUPPLIER`.

        Raises:
            Rejected: YLH said no.
            UnknownOutcome: it may or may not have arrived.
        """
        ...

    def cancel_body(self, cancel: OrderCancelled, *, source_system: str | None, now: datetime) -> bytes:
        """Build the body of a cancel; ``source_system`` None takes the account's."""
        ...

    async def cancel(self, so_id: str, body: bytes) -> None:
        """Send a cancel; returning means accepted, not done (the callback tells).

        Raises:
            Rejected: code `UNKNOWN_ORDER` when YLH has no such order, another otherwise.
            UnknownOutcome: it may or may not have been accepted.
        """
        ...

    def reschedule_body(self, order_no: str, *, distribution_on: date | None, install_on: date | None) -> bytes:
        """Build the body of a reschedule; a day that is None stays as it is at YLH."""
        ...

    async def reschedule(self, order_no: str, body: bytes) -> None:
        """Send a reschedule; returning means that the new days hold.

        Raises:
            Rejected: YLH said no.
            UnknownOutcome: it may or may not have been taken.
        """
        ...


class SyncObserver(Protocol):
    """Told how each sync ended; metrics hang here."""

    def sync_ended(self, sync_type: str, *, changed: int, unchanged: int, failed: int, success: bool) -> None:
        """Take note of one sync that has ended; counts are items."""
        ...


PRODUCTS_PER_CALL = 20
"""Codes that one procurable-products call takes (SUPPLIERS, Haier)."""
PRICES_PER_CALL = 20
"""Codes that one prices call takes (SUPPLIERS, Haier)."""
ORDERS_PER_CALL = 100
"""SO numbers that one logistics call at YLH takes (SUPPLIERS, YLH)."""


class Listing(Protocol):
    """Every procurable product, as one answer told it; the answer is here whole, but not in memory."""

    @property
    def seen_at(self) -> datetime:
        """When it was asked for, aware."""
        ...

    @property
    def count(self) -> int | None:
        """How many entries it has; None: not known."""
        ...

    def parts(self, size: int) -> AsyncIterator[Look[Product]]:
        """Give the entries in their order, each once, at most ``size`` at a time; from the beginning at each call.

        Raises:
            ValueError: ``size`` is less than 1.
        """
        ...


class HaierGoods(Protocol):
    """Haier's goods calls (SUPPLIERS, "Haier: goods, prices, stock, logistics, balance").

    Each may raise any `SupplierError` but `UnknownOutcome`, since none changes anything; immediate repeats have been
    made by then. An entry that cannot be read harms none of the others: it is told as `Unreadable`. Only an answer that
    has entries and none that can be read is `Malformed`; one by one, `Stock` always is.
    """

    async def products(self, codes: Sequence[str], *, since: datetime | None = None) -> Look[Product]:
        """Ask for the products of ``codes``; a code that Haier does not know is simply not in the answer.

        Args:
            codes: `PRODUCTS_PER_CALL` at most.
            since: a look that was taken then or later, and is remembered, will do; None: ask in any case.

        Raises:
            ValueError: no code, which would ask for every product, or too many.
        """
        ...

    def listing(self) -> AbstractAsyncContextManager[Listing]:
        """Ask for every procurable product; the block begins when all of the answer is here, and ends its reading."""
        ...

    async def prices(self, codes: Sequence[str]) -> Look[Price]:
        """Ask for the prices of ``codes``; a code that Haier does not know is simply not in the answer.

        Raises:
            ValueError: no code, or more than `PRICES_PER_CALL`.
        """
        ...

    async def stock(self, product_code: str, county_code: str) -> Stock:
        """Ask for the stock of one product for one county (six digits, GB/T 2260).

        Raises:
            Rejected: Haier does not know one of them.
        """
        ...


@dataclass(frozen=True, slots=True)
class SyncAccount:
    """The account at Haier that calls are made with, and what its syncs do where a request is silent.

    Attributes:
        config_id: of the stored account; None: the environment's.
        customer_code: the sold-to party.
        prices: whether prices follow goods.
        stock: whether stock follows goods.
        counties: for the stock.
    """

    config_id: str | None
    customer_code: str
    prices: bool = False
    stock: bool = False
    counties: tuple[str, ...] = ()


class HaierBalances(Protocol):
    """Haier's look at the payers' accounts; any `SupplierError` may come."""

    async def balances(self) -> Sequence[PayerBalance]:
        """Return the balance of each payer of the account."""
        ...


class BalanceObserver(Protocol):
    """Told every balance; metrics hang here."""

    def payer_balance(self, account: str, amount: Decimal) -> None:
        """Take note of what is left on one payer's account, in yuan."""
        ...


class PlanBooks(Protocol):
    """Which syncs are under way."""

    async def sync_of_scope(self, scope: str) -> str | None:
        """Return the id of the sync of that scope that is under way; None: there is none."""
        ...


class GoodsBooks(Protocol):
    """Our state as the batches of a sync of goods need it."""

    async def commit(self, unit: UnitOfWork) -> None:
        """See `Books.commit`."""
        ...

    async def products(self, codes: Collection[str]) -> Mapping[str, Known[Product]]:
        """Return those of ``codes`` that are in the books, by code."""
        ...

    async def differing_products(self, products: Collection[Product]) -> Mapping[str, Known[Product] | None]:
        """Return what the books hold instead of ``products``, by code, None for nothing.

        What they hold just so has no entry; what they hold spelled otherwise may have one.
        """
        ...

    async def differing_prices(self, prices: Collection[Price]) -> Mapping[str, Known[Price] | None]:
        """Return what the books hold instead of ``prices``, as `differing_products`."""
        ...

    async def differing_stock(self, stock: Collection[Stock]) -> Mapping[str, Known[Stock] | None]:
        """Return what the books hold instead of ``stock``, all of one county, as `differing_products`."""
        ...

    async def procurable(self, *, category: str | None, brand: str | None, after: str, limit: int) -> Sequence[str]:
        """Return the next ``limit`` codes behind ``after`` that the books have as procurable, in their order.

        ``category`` and ``brand`` None: whatever it is.
        """
        ...

    async def sync_batch(self, sync_id: str, number: int) -> BatchStanding | None:
        """Return how a planned batch stands; None: there is none of that number (any more)."""
        ...

    async def sync_parts(self, sync_id: str) -> Mapping[int, Sequence[str]]:
        """Return the parts of a whole list that are counted, by number, each with its codes."""
        ...


class YlhShipments(Protocol):
    """YLH's looks at where goods are (SUPPLIERS, YLH, logistics and delivery photos); any `SupplierError` may come."""

    async def shipments(self, order_nos: Sequence[str]) -> Sequence[Shipment]:
        """Return the parcels of these orders, `ORDERS_PER_CALL` in one call.

        An order that YLH does not have, and one that it has not sent, both have none.
        """
        ...

    async def photos(self, order_no: str) -> Sequence[DeliveryPhoto]:
        """Return the photos of an order's delivery and installation.

        Raises:
            Rejected: YLH does not have the order.
        """
        ...


class HaierShipments(Protocol):
    """Haier's look at where an order's goods are (SUPPLIERS, Haier, logistics); any `SupplierError` may come."""

    async def shipments(self, order_no: str) -> Sequence[Shipment]:
        """Return the order's parcels with their couriers' steps; none if nothing is sent yet."""
        ...


class OpenOrders(Protocol):
    """Which orders wait for their delivery."""

    async def open_orders(self, *, after: str, limit: int) -> Sequence[str]:
        """Return the next ``limit`` orders at YLH that are not final, not refused and not known to be delivered.

        In the order of ``so_id``; ``after`` is the last one of the page before, or empty.
        """
        ...


class ShipmentBooks(Protocol):
    """Our state as a batch of a logistics sync needs it."""

    async def commit(self, unit: UnitOfWork) -> None:
        """See `Books.commit`."""
        ...

    async def orders(self, so_ids: Collection[str]) -> Mapping[str, Order]:
        """Return those of ``so_ids`` that are in the books."""
        ...

    async def shipments(self, so_ids: Collection[str]) -> Mapping[str, Kept]:
        """Return what is kept of those of ``so_ids`` that have shipments."""
        ...

    async def sync_batch(self, sync_id: str, number: int) -> BatchStanding | None:
        """Return how a planned batch stands; None: there is none of that number (any more)."""
        ...
