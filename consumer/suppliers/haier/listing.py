"""Every procurable product, read from a kept answer in parts (`consumer.domain.ports.Listing`)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from consumer.domain.looks import Look
from consumer.suppliers.haier import mapping
from consumer.suppliers.haier.entries import entries_from
from consumer.suppliers.haier.wire import read_product

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import datetime

    from consumer.domain.product import Product
    from consumer.suppliers.operation import JSON
    from consumer.suppliers.spooling import Spool


@dataclass(frozen=True, slots=True)
class SpooledListing:
    """A listing whose answer is in a spool.

    Attributes:
        seen_at: when it was asked for, aware.
        spool: has the answer, whole.
    """

    seen_at: datetime
    spool: Spool

    @property
    def count(self) -> int:
        """How many entries it has."""
        return self.spool.count

    async def parts(self, size: int) -> AsyncIterator[Look[Product]]:
        """Give the entries in their order, at most ``size`` at a time; one such reading at a time.

        Raises:
            ValueError: ``size`` is less than 1.
        """
        if size < 1:
            raise ValueError(f"a part has at least one entry, not {size}")
        entries = await self.spool.run(self.spool.entries)
        for first in range(0, self.count, size):
            yield await self.spool.run(lambda: self._look(entries, first, size))  # noqa: B023 -- done before the next

    def _look(self, entries: Iterator[JSON], first: int, size: int) -> Look[Product]:
        read = entries_from(islice(entries, size), read_product, first=first)
        found = tuple(mapping.product(wire) for wire in read.found)
        return Look(self.seen_at, found, tuple(read.unreadable))
