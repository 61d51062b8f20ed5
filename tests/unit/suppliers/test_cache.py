from __future__ import annotations

from datetime import timedelta

from consumer.domain.product import Product
from consumer.suppliers.cache import MOST_PRODUCTS, ProductCache


class Told:
    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []

    def cache_used(self, cache: str, hits: int, misses: int) -> None:
        self.calls.append((cache, hits, misses))


def product(code: str, model: str = "M") -> Product:
    return Product(code, model, None, None, None, (), procurable=True, reason=None)


def test_what_is_kept_is_known_until_it_is_too_old_and_reading_does_not_make_it_younger() -> None:
    now, told = 100.0, Told()
    cache = ProductCache(timedelta(seconds=10), told, clock=lambda: now)
    cache.keep([product("A")])
    now = 109.0
    assert cache.known(["A", "B"]) == {"A": product("A")}
    now = 110.0
    assert cache.known(["A"]) == {}
    assert told.calls == [("products", 1, 1), ("products", 0, 1)]


def test_a_whole_catalogue_renews_what_is_kept_and_adds_nothing() -> None:
    now, told = 0.0, Told()
    cache = ProductCache(timedelta(seconds=10), told, clock=lambda: now)
    cache.keep([product("A")])
    now = 9.0
    cache.renew([product("A", "newer"), product("B")])
    now = 15.0
    assert cache.known(["A", "B"]) == {"A": product("A", "newer")}


def test_it_is_bounded() -> None:
    cache = ProductCache(timedelta(minutes=15), Told(), clock=lambda: 0.0)
    cache.keep(product(str(number)) for number in range(MOST_PRODUCTS + 5))
    kept = cache.known(str(number) for number in range(MOST_PRODUCTS + 5))
    assert len(kept) == MOST_PRODUCTS
