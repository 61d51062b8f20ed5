"""One order's world, for single stories: each event by a process of its own, one after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.unit.handlers.world import SO, Books, Job, Process, Said, Ylh

if TYPE_CHECKING:
    from consumer.domain.order import Order
    from schemas.envelope import Event


class World:
    """One order's books, supplier and process."""

    def __init__(self, *script: Said) -> None:
        self.books = Books()
        self.ylh = Ylh(self.books, script)

    async def carry(self, *events: Event) -> None:
        for event in events:
            await Process(self.books, self.ylh).carry(Job(event))

    def numbered(self, ext_order_no: str | None) -> None:
        """Let a callback have brought Haier's number, or let YLH have given none."""
        row = self.books.rows[SO]
        self.books.rows[SO] = replace(row, order=replace(row.order, retail_order_no=None, ext_order_no=ext_order_no))

    @property
    def order(self) -> Order:
        return self.books.rows[SO].order

    def told(self, event: Event) -> list[str]:
        return [told.type for told in self.books.told_for(Job(event).key)]
