from __future__ import annotations

from datetime import UTC, datetime, timedelta

from consumer.domain.looks import Look
from consumer.domain.product import Product
from consumer.suppliers.cache import MOST_PRODUCTS, ProductCache

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Told:
    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []

    def cache_used(self, cache: str, hits: int, misses: int) -> None:
        self.calls.append((cache, hits, misses))


def product(code: str, model: str = "M") -> Product:
    return Product(code, model, None, None, None, (), procurable=True, reason=None)


def look(*codes: str, seen_at: datetime = NOW) -> Look[Product]:
    return Look(seen_at, tuple(product(code) for code in codes))


def test_a_look_serves_who_asked_before_it_and_nobody_who_asked_after_it() -> None:
    cache = ProductCache(timedelta(minutes=15), Told(), clock=lambda: 0.0)
    cache.keep(look("A"))
    assert cache.look(["A"], since=NOW) == look("A")
    assert cache.look(["A"], since=NOW + SECOND / 1000) is None


def test_it_serves_all_or_nothing_as_old_as_the_oldest() -> None:
    told = Told()
    cache = ProductCache(timedelta(minutes=15), told, clock=lambda: 0.0)
    cache.keep(look("A"))
    cache.keep(look("B", seen_at=NOW + SECOND))
    assert cache.look(["B", "A"], since=NOW) == Look(NOW, (product("B"), product("A")))
    assert cache.look(["A", "B", "C"], since=NOW) is None
    assert told.calls == [("products", 2, 0), ("products", 0, 3)]


def test_a_newer_look_takes_the_place_of_the_older() -> None:
    cache = ProductCache(timedelta(minutes=15), Told(), clock=lambda: 0.0)
    cache.keep(look("A"))
    newer = Look(NOW + SECOND, (product("A", "newer"),))
    cache.keep(newer)
    assert cache.look(["A"], since=NOW) == newer


def test_what_is_kept_is_known_until_it_is_too_old_and_reading_does_not_make_it_younger() -> None:
    clock = 100.0
    cache = ProductCache(timedelta(seconds=10), Told(), clock=lambda: clock)
    cache.keep(look("A"))
    clock = 109.0
    assert cache.look(["A"], since=NOW) is not None
    clock = 110.0
    assert cache.look(["A"], since=NOW) is None


def test_it_is_bounded() -> None:
    cache = ProductCache(timedelta(minutes=15), Told(), clock=lambda: 0.0)
    codes = [str(number) for number in range(MOST_PRODUCTS + 5)]
    cache.keep(look(*codes))
    assert sum(cache.look([code], since=NOW) is not None for code in codes) == MOST_PRODUCTS
