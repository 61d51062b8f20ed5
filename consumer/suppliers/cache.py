"""What Haier said of products not long ago, so that what several requests ask for at about the same time is asked once.

Bounded in number and in age. A look that is remembered serves only who would have been content with it when asking: one
who wants to know what holds since a moment gets none from before. So nobody is told what no longer held when he asked.
Never for prices, stock or anything of an order; a code that the supplier did not know is asked for each time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

from cachetools import TTLCache

from consumer.domain.looks import Look

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from consumer.domain.product import Product

MOST_PRODUCTS: Final = 20_000
"""Entries at most, some 20 MB; beyond that the least recently used go first."""
PRODUCTS: Final = "products"
"""Name of the cache in metrics."""


class CacheObserver(Protocol):
    """Hears how useful a cache is; for metrics."""

    def cache_used(self, cache: str, hits: int, misses: int) -> None:
        """Take note of one look-up.

        Args:
            cache: its name, e.g. ``products``.
            hits: keys that were found.
            misses: keys that were not, and are asked for.
        """
        ...


class ProductCache:
    """Products of one account by code, each with the time of its look.

    Args:
        lifetime: how old a look may be.
        observer: hears of every look-up.
        clock: seconds, never going back.
    """

    def __init__(
        self, lifetime: timedelta, observer: CacheObserver, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._products: TTLCache[str, tuple[Product, datetime]] = TTLCache(
            MOST_PRODUCTS, lifetime.total_seconds(), clock
        )
        self._observer = observer

    def look(self, codes: Sequence[str], *, since: datetime) -> Look[Product] | None:
        """Return a look at all of ``codes``, as old as its oldest; None: one of them was not looked at since then.

        All or nothing, since one call for twenty costs as much as one for two.
        """
        found = [kept for code in codes if (kept := self._products.get(code)) is not None and kept[1] >= since]
        served = len(found) == len(codes)
        self._observer.cache_used(PRODUCTS, hits=len(codes) if served else 0, misses=0 if served else len(codes))
        if not served:
            return None
        return Look(min(seen_at for _, seen_at in found), tuple(product for product, _ in found))

    def keep(self, look: Look[Product]) -> None:
        """Remember what was asked for by code."""
        self._products.update({product.product_code: (product, look.seen_at) for product in look.found})
