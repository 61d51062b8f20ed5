"""A look at a product that was kept for a while never undoes what a newer look, saved meanwhile, has brought."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from consumer.domain.product import changes
from consumer.domain.writes import SaveProducts
from tests.integration.persistence.making import NOW, product, unit

if TYPE_CHECKING:
    from consumer.persistence.store import Store

MINUTE = timedelta(minutes=1)


async def test_a_look_is_as_old_as_it_says_whenever_it_is_saved(store: Store) -> None:
    kept = replace(product("a", model="old"), seen_at=NOW)
    newer = replace(product("a", model="new"), seen_at=NOW + MINUTE)
    await store.apply([unit(SaveProducts((newer,), NOW + MINUTE))])
    await store.apply([unit(SaveProducts((kept,), NOW + 2 * MINUTE))])
    known = await store.products(["a"])
    assert known["a"].model == "new"
    assert known["a"].seen_at == NOW + MINUTE
    assert changes(known, [kept]) == []


async def test_the_time_of_a_known_product_is_that_of_the_look_that_changed_it(store: Store) -> None:
    first = replace(product("a"), seen_at=NOW)
    await store.apply([unit(SaveProducts((first,), NOW))])
    await store.apply([unit(SaveProducts((replace(first, seen_at=NOW + MINUTE),), NOW + MINUTE))])
    assert (await store.products(["a"]))["a"].seen_at == NOW
