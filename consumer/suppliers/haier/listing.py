"""Every procurable product, read from a kept answer in parts (`consumer.domain.ports.Listing`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from consumer.domain.looks import Look
from consumer.suppliers.haier import mapping
from consumer.suppliers.haier.entries import entries_from
from consumer.suppliers.haier.wire import read_product

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import datetime

    from consumer.domain.looks import Unreadable
    from consumer.domain.product import Product
    from consumer.suppliers.haier.entries import Entries
    from consumer.suppliers.operation import JSON
    from consumer.suppliers.spooling import Spool


AT_ONCE: Final = 50
"""Entries that are read at once: some two milliseconds."""


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
        entries = await self.spool.entries()
        for first in range(0, self.count, size):
            found: list[Product] = []
            unreadable: list[Unreadable] = []
            for start in range(first, min(first + size, self.count), AT_ONCE):
                most = min(AT_ONCE, first + size - start)
                read = await self.spool.run(partial(self._read, entries, start, most))
                found += read.found
                unreadable += read.unreadable
            yield Look(self.seen_at, tuple(found), tuple(unreadable))

    @staticmethod
    def _read(entries: Iterator[JSON], first: int, most: int) -> Entries[Product]:
        return entries_from(islice(entries, most), _product, first=first)


def _product(entry: JSON) -> Product:
    return mapping.product(read_product(entry))
