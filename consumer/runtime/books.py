"""Our own state as the handlers and the pipeline see it: every read and commit as if alone, done together underneath.

Group commit lives here: units of work that are ready at the same moment share one database commit, and reads that
come together share one statement (DESIGN sections 5 and 13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.runtime.batching import Batcher

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import timedelta

    from consumer.domain.errors import RelayError
    from consumer.domain.order import Order
    from consumer.domain.product import Product
    from consumer.domain.writes import InboxEntry, InboxKey, OutboxMessage, SyncLogRow, UnitOfWork
    from consumer.persistence.store import Store

_UNITS_PER_COMMIT = 200
_KEYS_PER_LOOKUP = 200


class BatchedBooks:
    """The store behind batchers; fulfils `consumer.domain.ports.Books`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._commits: Batcher[UnitOfWork, None] = Batcher(self._apply, limit=_UNITS_PER_COMMIT)
        self._inbox: Batcher[InboxKey, InboxEntry | None] = Batcher(self._find_inbox, limit=_KEYS_PER_LOOKUP)
        self._orders: Batcher[str, Order | None] = Batcher(self._find_orders, limit=_KEYS_PER_LOOKUP)

    async def commit(self, unit: UnitOfWork) -> None:
        """Commit ``unit`` whole, durable on return.

        Raises:
            StateError: a condition of the unit does not hold; nothing of it was written.
            BooksUnavailable: the database does not answer; whether the unit holds is for the next reader to find out.
        """
        await self._commits.ask(unit)

    async def inbox(self, key: InboxKey) -> InboxEntry | None:
        """Return how the event of ``key`` ended, or None while it has not."""
        return await self._inbox.ask(key)

    async def order(self, so_id: str) -> Order | None:
        """Return the order, or None if it is not in the books."""
        return await self._orders.ask(so_id)

    async def products(self, codes: Collection[str]) -> Mapping[str, Product]:
        """Return those of ``codes`` that are in the books, by code."""
        return await self._store.products(codes)

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

    async def _find_inbox(self, keys: list[InboxKey]) -> Sequence[InboxEntry | None]:
        found = await self._store.inbox(set(keys))
        return [found.get(key) for key in keys]

    async def _find_orders(self, so_ids: list[str]) -> Sequence[Order | None]:
        found = await self._store.orders(set(so_ids))
        return [found.get(so_id) for so_id in so_ids]
