"""Our own state as the handlers and the pipeline see it: every read and commit as if alone, done together underneath.

Group commit lives here: units of work that are ready at the same moment share one database commit, and reads that
come together share one statement (DESIGN sections 5 and 13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.sync_writes import CountBatch
from consumer.runtime.batching import Batcher

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import timedelta

    from consumer.domain.errors import RelayError
    from consumer.domain.goods import Price, Stock
    from consumer.domain.looks import Known
    from consumer.domain.order import Order
    from consumer.domain.product import Product
    from consumer.domain.shipping import Kept
    from consumer.domain.sync_end import SyncEnd
    from consumer.domain.sync_plan import BatchStanding
    from consumer.domain.writes import InboxEntry, InboxKey, OutboxMessage, SyncLogRow, UnitOfWork
    from consumer.persistence.store import Store

_TOGETHER = 50
"""Questions in one trip to the database. With half of a hundred deliveries in hand there, the other half keeps the
event loop busy meanwhile: with all of them in one trip a fifth of the time went by waiting for PostgreSQL."""


class BatchedBooks:
    """The store behind batchers; fulfils `consumer.domain.ports.Books`.

    Args:
        store: our database.
        on_count: told whenever a batch of a sync has been counted: it may have been the last one.
    """

    def __init__(self, store: Store, *, on_count: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._on_count = on_count
        self._commits: Batcher[UnitOfWork, None] = Batcher(self._apply, limit=_TOGETHER, at_once=store.writes_at_once)
        self._standings: Batcher[tuple[InboxKey, str | None], tuple[InboxEntry | None, Order | None]] = Batcher(
            self._find_standings, limit=_TOGETHER
        )
        self._read_ahead: dict[str, Order | None] = {}
        self._by_numbers: Batcher[tuple[str, str | None], list[Order]] = Batcher(self._find_by_numbers, limit=_TOGETHER)
        self._orders: Batcher[str, Order | None] = Batcher(self._find_orders, limit=_TOGETHER)

    async def commit(self, unit: UnitOfWork) -> None:
        """Commit ``unit`` whole, durable on return.

        Raises:
            StateError: a condition of the unit does not hold; nothing of it was written.
            BooksUnavailable: the database does not answer; whether the unit holds is for the next reader to find out.
        """
        await self._commits.ask(unit)
        if CountBatch in map(type, unit.writes):
            self._on_count()

    async def inbox(self, key: InboxKey, *, about: str | None = None) -> InboxEntry | None:
        """Return how the event of ``key`` ended, or None while it has not.

        Args:
            key: of the event.
            about: the order that will be asked for next, where there is one: it is read in the same statement's trip,
                and `order` hands it out once, unless `let_go` comes first.
        """
        entry, order = await self._standings.ask((key, about))
        if about is not None:
            self._read_ahead[about] = order
        return entry

    def let_go(self, so_id: str) -> None:
        """Forget an order that was read ahead and that nobody has asked for."""
        self._read_ahead.pop(so_id, None)

    async def replayed_letter(self, run: str, key: InboxKey) -> str | None:
        """Return the id of the letter that the replay ``run`` sent as the event of ``key``; None: it sent no such."""
        return await self._store.replay_looks.letter_of(run, key)

    async def order(self, so_id: str) -> Order | None:
        """Return the order, or None if it is not in the books."""
        if so_id in self._read_ahead:
            return self._read_ahead.pop(so_id)
        return await self._orders.ask(so_id)

    async def orders(self, so_ids: Collection[str]) -> Mapping[str, Order]:
        """Return those of ``so_ids`` that are in the books."""
        return await self._store.orders(set(so_ids))

    async def orders_by_numbers(self, platform_order_no: str, ext_order_no: str | None) -> Sequence[Order]:
        """Return the orders that one of a callback's two numbers may mean."""
        return await self._by_numbers.ask((platform_order_no, ext_order_no))

    async def orders_with_held(self, older_than: timedelta, *, after: str, limit: int) -> Sequence[Order]:
        """Return orders that came into the books longer ago than that and hold something, by ``so_id`` after one."""
        return await self._store.orders_with_held(older_than, after=after, limit=limit)

    async def shipments(self, so_ids: Collection[str]) -> Mapping[str, Kept]:
        """Return what is kept of those of ``so_ids`` that have shipments."""
        return await self._store.shipments.find(set(so_ids))

    async def open_orders(self, *, after: str, limit: int) -> Sequence[str]:
        """Return the next orders that wait for their delivery (`consumer.domain.ports.OpenOrders`)."""
        return await self._store.shipments.open_orders(after=after, limit=limit)

    async def sync_batch(self, sync_id: str, number: int) -> BatchStanding | None:
        """Return how a planned batch stands, or None."""
        return await self._store.syncs.batch(sync_id, number)

    async def ended_syncs(self) -> Sequence[SyncEnd]:
        """Return what every sync that is under way and has no open batch comes to."""
        return await self._store.syncs.ended()

    async def sync_of_scope(self, scope: str) -> str | None:
        """Return the sync of that scope that is under way, or None."""
        return await self._store.syncs.of_scope(scope)

    async def sync_parts(self, sync_id: str) -> Mapping[int, Sequence[str]]:
        """Return the parts of a whole list that are counted, by number, each with its codes."""
        return await self._store.syncs.parts(sync_id)

    async def products(self, codes: Collection[str]) -> Mapping[str, Known[Product]]:
        """Return those of ``codes`` that are in the books, by code."""
        return await self._store.catalogue.products(codes)

    async def differing_products(self, products: Collection[Product]) -> Mapping[str, Known[Product] | None]:
        """Return what the books hold instead of ``products`` (`consumer.domain.ports.GoodsBooks`)."""
        return await self._store.catalogue.differing_products(products)

    async def differing_prices(self, prices: Collection[Price]) -> Mapping[str, Known[Price] | None]:
        """Return what the books hold instead of ``prices``."""
        return await self._store.catalogue.differing_prices(prices)

    async def differing_stock(self, stock: Collection[Stock]) -> Mapping[str, Known[Stock] | None]:
        """Return what the books hold instead of ``stock``."""
        return await self._store.catalogue.differing_stock(stock)

    async def procurable(self, *, category: str | None, brand: str | None, after: str, limit: int) -> Sequence[str]:
        """Return the next codes that the books have as procurable (`consumer.domain.ports.GoodsBooks`)."""
        return await self._store.catalogue.procurable(category=category, brand=brand, after=after, limit=limit)

    async def sync_log(self, id_: str) -> SyncLogRow | None:
        """Return a sync-log row, or None."""
        return await self._store.sync_log(id_)

    async def outbox_of(self, key: InboxKey) -> list[OutboxMessage]:
        """Return the messages that the event of ``key`` caused."""
        return await self._store.outbox_of(key)

    async def claim_outbox(self, limit: int, claim_for: timedelta) -> list[OutboxMessage]:
        """Claim messages that somebody stored and did not send."""
        return await self._store.claim_outbox(limit, claim_for)

    async def suspicion(self, key: str) -> int:
        """Return how often the delivery of ``key`` has been run alone without coming to an end."""
        return (await self._store.suspects([key])).get(key, 0)

    async def _apply(self, units: list[UnitOfWork]) -> Sequence[RelayError | None]:
        return await self._store.apply(units)

    async def _find_standings(
        self, asked: list[tuple[InboxKey, str | None]]
    ) -> Sequence[tuple[InboxEntry | None, Order | None]]:
        done, orders = await self._store.standings({key for key, _ in asked}, {about for _, about in asked if about})
        return [(done.get(key), orders.get(about) if about else None) for key, about in asked]

    async def _find_by_numbers(self, numbers: list[tuple[str, str | None]]) -> Sequence[list[Order]]:
        found = await self._store.orders_by_numbers(set(numbers))
        return [found[pair] for pair in numbers]

    async def _find_orders(self, so_ids: list[str]) -> Sequence[Order | None]:
        found = await self._store.orders(set(so_ids))
        return [found.get(so_id) for so_id in so_ids]
