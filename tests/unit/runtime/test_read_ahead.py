"""An order that is read together with the inbox is handed out once, and never twice as old."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from consumer.domain.order import Order
from consumer.domain.writes import InboxEntry, InboxKey
from consumer.runtime.books import BatchedBooks

if TYPE_CHECKING:
    from collections.abc import Collection

    from consumer.persistence.store import Store

KEY = InboxKey("/shop", "E-1")


class Shelf:
    """Counts the trips; the order has a higher sequence at each."""

    writes_at_once = 1

    def __init__(self) -> None:
        self.trips: list[str] = []

    def _order(self, so_id: str) -> Order:
        return Order(so_id, sequence=len(self.trips))

    async def standings(
        self, keys: Collection[InboxKey], so_ids: Collection[str]
    ) -> tuple[dict[InboxKey, InboxEntry], dict[str, Order]]:
        assert set(keys) == {KEY}
        self.trips.append("standings")
        return {}, {so_id: self._order(so_id) for so_id in so_ids}

    async def orders(self, so_ids: Collection[str]) -> dict[str, Order]:
        self.trips.append("orders")
        return {so_id: self._order(so_id) for so_id in so_ids}


def books_of(shelf: Shelf) -> BatchedBooks:
    return BatchedBooks(cast("Store", shelf))


async def test_an_order_comes_with_the_inbox_and_is_read_anew_the_second_time() -> None:
    shelf = Shelf()
    books = books_of(shelf)
    assert await books.inbox(KEY, about="S-1") is None
    assert await books.order("S-1") == Order("S-1", sequence=1)
    assert shelf.trips == ["standings"]
    assert await books.order("S-1") == Order("S-1", sequence=2)
    assert shelf.trips == ["standings", "orders"]


async def test_what_nobody_asked_for_is_let_go() -> None:
    shelf = Shelf()
    books = books_of(shelf)
    await books.inbox(KEY, about="S-1")
    books.let_go("S-1")
    books.let_go("S-2")
    assert await books.order("S-1") == Order("S-1", sequence=2)


async def test_an_event_about_no_order_reads_none() -> None:
    shelf = Shelf()
    assert await books_of(shelf).inbox(KEY) is None
    assert shelf.trips == ["standings"]
