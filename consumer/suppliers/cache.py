"""What suppliers said of products not long ago: for details that hardly change, so that they are not asked again.

Bounded in number and in age. Only for the details of a product that was asked for by its code; never for prices, stock
or anything of an order, and a code that the supplier did not know is asked for each time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

from cachetools import TTLCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import timedelta

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
    """Products of one account by code, each for as long as its look at it is young enough.

    Args:
        lifetime: how old a look may be.
        observer: hears of every look-up.
        clock: seconds, never going back.
    """

    def __init__(
        self, lifetime: timedelta, observer: CacheObserver, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._products: TTLCache[str, Product] = TTLCache(MOST_PRODUCTS, lifetime.total_seconds(), clock)
        self._observer = observer

    def known(self, codes: Iterable[str]) -> dict[str, Product]:
        """Return those of ``codes`` that are known, by code."""
        wanted = list(codes)
        found = {code: product for code in wanted if (product := self._products.get(code)) is not None}
        self._observer.cache_used(PRODUCTS, hits=len(found), misses=len(wanted) - len(found))
        return found

    def keep(self, products: Iterable[Product]) -> None:
        """Keep what was asked for by code."""
        self._products.update({product.product_code: product for product in products})

    def renew(self, products: Iterable[Product]) -> None:
        """Bring what is kept already up to date with the whole catalogue, without keeping all of that too."""
        self.keep(product for product in products if product.product_code in self._products)
