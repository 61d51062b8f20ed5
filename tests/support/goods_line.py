"""Syncs of goods carried through their handlers against a real store and a Haier of values: no broker, no pipeline.

A test sees the queue of messages to ourselves, in which it may drop, double and disorder, and the results as told.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from consumer.domain.errors import AlreadyDone, Rejected, Stale
from consumer.domain.goods import Price, Stock
from consumer.domain.looks import Look, Unreadable
from consumer.domain.ports import SyncAccount
from consumer.domain.product import Product
from consumer.domain.results import outgoing
from consumer.domain.sync_end import closed
from consumer.domain.sync_plan import lost_batch
from consumer.domain.writes import InboxEntry, InboxKey, OutboxMessage, UnitOfWork
from consumer.handlers.catalog_batch_prices import CatalogBatchPricesHandler
from consumer.handlers.catalog_batch_products import CatalogBatchProductsHandler
from consumer.handlers.catalog_batch_stock import CatalogBatchStockHandler
from consumer.handlers.sync_prices import SyncPricesHandler
from consumer.handlers.sync_products import SyncProductsHandler
from consumer.handlers.sync_stock import SyncStockHandler
from consumer.handlers.whole_list import WholeList
from consumer.runtime.books import BatchedBooks
from schemas.codec import decode, new_event
from schemas.internal import Batch
from schemas.registry import INBOUND, is_result

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from consumer.domain.outcome import Handler
    from consumer.persistence.store import Store
    from schemas.envelope import Event

TRIES = 4


def good(code: str, **more: Any) -> Product:
    values: dict[str, Any] = {
        "model": f"M-{code}",
        "category": "冰箱",
        "brand": "海尔",
        "image_url": None,
        "page_image_urls": (),
        "procurable": True,
        "reason": None,
    }
    return Product(code, **(values | more))


def price(code: str, supply: str | None = "100.00", **more: Any) -> Price:
    amount = None if supply is None else Decimal(supply)
    values: dict[str, Any] = {
        "supply_price": amount,
        "invoice_price": amount,
        "direct_discount": Decimal(0),
        "rebate_type": None,
        "rebate": Decimal(0),
        "procurable": amount is not None,
        "reason": None if amount is not None else "价格未生效",
    }
    return Price(code, **(values | more))


@dataclass
class Listed:
    """The whole list; it breaks behind its first part where ``breaking`` has something to raise."""

    goods: Sequence[Product]
    breaking: list[BaseException]
    seen_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def count(self) -> int:
        return len(self.goods)

    async def parts(self, size: int) -> AsyncIterator[Look[Product]]:
        for start in range(0, len(self.goods), size):
            if start and self.breaking:
                raise self.breaking.pop()
            yield Look(self.seen_at, tuple(self.goods[start : start + size]))


@dataclass
class Haier:
    """A supplier of values.

    Attributes:
        refusing: calls, by name or by one of the codes they ask for, that are refused.
    """

    goods: dict[str, Product] = field(default_factory=dict)
    supply: dict[str, Price] = field(default_factory=dict)
    units: dict[tuple[str, str], int] = field(default_factory=dict)
    unreadable: tuple[Unreadable, ...] = ()
    refusing: set[str] = field(default_factory=set)
    breaking: list[BaseException] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def stocked(self, *codes: str, counties: Sequence[str] = ("330106",)) -> Haier:
        """Add goods with a price and ten units in each county."""
        for code in codes:
            self.goods[code] = good(code)
            self.supply[code] = price(code)
            self.units.update({(code, county): 10 for county in counties})
        return self

    async def products(self, codes: Sequence[str], *, since: datetime | None = None) -> Look[Product]:
        del since
        self._called("products", codes)
        return Look(datetime.now(UTC), tuple(self.goods[code] for code in codes if code in self.goods), self.unreadable)

    @asynccontextmanager
    async def listing(self) -> AsyncIterator[Listed]:
        self._called("listing")
        yield Listed([product for product in self.goods.values() if product.procurable], self.breaking)

    async def prices(self, codes: Sequence[str]) -> Look[Price]:
        self._called("prices", codes)
        return Look(datetime.now(UTC), tuple(self.supply[code] for code in codes if code in self.supply))

    async def stock(self, product_code: str, county_code: str) -> Stock:
        self._called("stock")
        if (product_code, county_code) not in self.units:
            raise _refusal("stock", "商品编码无效")
        return Stock(product_code, county_code, self.units[product_code, county_code])

    def _called(self, call: str, codes: Sequence[str] = ()) -> None:
        self.calls.append(call)
        if not self.refusing.isdisjoint((call, *codes)):
            raise _refusal(call, "账号无权限")


class GoodsLine:
    """The line: `send` a request, then `run` until nothing is left.

    Attributes:
        haier: the supplier.
        queue: messages to ourselves that are on their way.
        told: results, in the order in which they were committed.
        account: what the account's defaults are.
    """

    def __init__(self, store: Store, haier: Haier) -> None:
        self.store, self.haier = store, haier
        self.books = BatchedBooks(store)
        self.queue: list[Event] = []
        self.told: list[Event] = []
        self.account = SyncAccount(None, "C1")
        whole_list = WholeList(self.books, haier, self._take_in_turn)
        self._handlers: dict[str, Handler] = {
            "sync.products.requested": SyncProductsHandler(self.books, self._account),
            "sync.prices.requested": SyncPricesHandler(self.books, self._account),
            "sync.stock.requested": SyncStockHandler(self.books, self._account),
            "catalog.batch.products": CatalogBatchProductsHandler(self.books, haier, whole_list, self._account),
            "catalog.batch.prices": CatalogBatchPricesHandler(self.books, haier),
            "catalog.batch.stock": CatalogBatchStockHandler(self.books, haier),
        }

    async def _take_in_turn(self, rows: Sequence[OutboxMessage]) -> None:
        self._take(rows)

    async def _account(self) -> SyncAccount:
        return self.account

    async def send(self, type_: str, event_id: str = "e1", **data: Any) -> None:
        """Carry a request out: its batches wait in `queue`."""
        wish = INBOUND[type_].model_validate(data)
        await self.carry(new_event(type_, wish, source="/shop", id_=event_id, time=datetime.now(UTC), subject=None))

    async def carry(self, event: Event, run: str = "") -> bool:
        """Carry one event to its end; False: it was done before."""
        key = InboxKey(event.source, event.id, run)
        if (await self.store.inbox([key])).get(key) is not None:
            return False
        for left in reversed(range(TRIES)):
            outcome = await self._handlers[event.type](event, key)
            now = datetime.now(UTC)
            rows = outgoing(outcome.results, key=key, correlationid=event.id, traceparent=None, now=now)
            done = InboxEntry(key, "digest", event.type, outcome.ending.value, now)
            try:
                await self.books.commit(UnitOfWork((done, *outcome.writes, *rows)))
            except AlreadyDone:
                return False
            except Stale:
                if not left:
                    raise
            else:
                self._take(rows)
                return True
        return True

    async def run(self) -> None:
        """Carry all that is on its way, and close what is over."""
        while self.queue:
            await self.carry(self.queue.pop(0))
        await self.close()

    async def close(self) -> None:
        """Close every sync that is over."""
        for end in await self.store.syncs.ended():
            unit, rows, _ = closed(end, datetime.now(UTC))
            await self.books.commit(unit)
            self._take(rows)

    async def lose(self, event: Event) -> None:
        """Do what the archivist does of a batch."""
        batch = event.data
        assert isinstance(batch, Batch)
        standing = await self.store.syncs.batch(batch.sync_id, batch.number)
        assert standing is not None
        await self.books.commit(UnitOfWork((lost_batch(batch, standing, reason="次数用尽", now=datetime.now(UTC)),)))

    def of(self, type_: str) -> list[Event]:
        """Return the results of that type."""
        return [event for event in self.told if event.type == type_]

    def end(self, place: int = -1) -> Any:
        """Return the data of a ``sync.completed``."""
        return self.of("sync.completed")[place].data

    def _take(self, rows: Sequence[OutboxMessage]) -> None:
        for row in rows:
            event = decode(row.body, routing_key=row.routing_key)
            (self.told if is_result(event.type) else self.queue).append(event)


def _refusal(call: str, words: str) -> Rejected:
    return Rejected(f"haier.{call}: no", code="refused", supplier="haier", operation=call, supplier_message=words)


def off(product: Product, reason: str = "商品暂不可采") -> Product:
    """Return a product that cannot be ordered any more."""
    return replace(product, procurable=False, reason=reason)
