"""Changes of goods on both databases: what one tells as old is what stood there, whoever writes at the same time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from consumer.domain.errors import StaleGoods
from consumer.domain.goods import Price, Stock, StockLevel
from consumer.domain.looks import Change, Known
from consumer.domain.writes import SavePrices, SaveProducts, SaveStock
from consumer.persistence.store import Store
from tests.integration.persistence.making import NOW, product, unit

if TYPE_CHECKING:
    from sqlalchemy import Connection

MINUTE = timedelta(minutes=1)
PRICE = Price(
    "a", Decimal("100.00"), Decimal("95.50"), Decimal("0.03"), "COM", Decimal("1.5"), procurable=True, reason=None
)
STOCK = Stock("a", "330106", 7, "WA33L1", StockLevel.UPPER, "17:00:00", "次日达", Decimal(24), transferred=False)


def new(value: Any) -> Change[Any]:
    return Change(value, None, 0, NOW)


async def test_goods_go_with_their_brands_and_categories_prices_and_stock(store: Store) -> None:
    first = [product("a"), product("b", brand=None, category=None, model=None), product("c", brand="卡萨帝")]
    saves = (SaveProducts(tuple(map(new, first))), SavePrices((new(PRICE),)), SaveStock((new(STOCK),)))
    assert await store.apply([unit(*saves)]) == [None]
    assert await store.catalogue.products(["a", "b", "c", "d"]) == {
        value.product_code: Known(value, 1, NOW) for value in first
    }
    assert await store.catalogue.prices(["a", "b"]) == {"a": Known(PRICE, 1, NOW)}
    assert await store.catalogue.stock(["a"], "330106") == {"a": Known(STOCK, 1, NOW)}
    assert await store.catalogue.stock(["a"], "370202") == {}


async def test_a_change_holds_only_on_the_row_that_it_builds_on(store: Store) -> None:
    await store.apply([unit(SaveProducts((new(product("a")),)))])
    newer = Change(product("a", model="N"), product("a"), 1, NOW + MINUTE)
    stale = Change(product("a", model="O"), product("a"), 1, NOW + 2 * MINUTE)
    first, second = await store.apply([unit(SaveProducts((newer,))), unit(SaveProducts((stale, new(product("b")))))])
    assert first is None
    assert isinstance(second, StaleGoods)
    again = (await store.apply([unit(SaveProducts((new(product("a")),)))]))[0]
    assert isinstance(again, StaleGoods)
    assert await store.catalogue.products(["a", "b"]) == {"a": Known(product("a", model="N"), 2, NOW + MINUTE)}


async def test_every_price_that_there_was_stands_in_the_history(store: Store) -> None:
    cheaper = replace(PRICE, supply_price=Decimal(90), invoice_price=Decimal("85.80"))
    await store.apply([unit(SavePrices((new(PRICE),)))])
    await store.apply([unit(SavePrices((Change(cheaper, PRICE, 1, NOW + MINUTE),)))])

    def history(connection: Connection) -> list[Any]:
        return list(
            connection.exec_driver_sql(
                "SELECT row_version, supply_price, warning FROM price_history ORDER BY row_version"
            ).all()
        )

    assert [tuple(row) for row in await store._database.read(history)] == [
        (1, "100.00", None),
        (2, "90", None),
    ]


async def test_of_many_who_change_one_row_at_once_one_does(migrated_url: str) -> None:
    async with Store.open(migrated_url) as one, Store.open(migrated_url) as other:
        await one.apply([unit(SaveStock((new(STOCK),)))])
        changes = [Change(replace(STOCK, quantity=units), STOCK, 1, NOW + MINUTE) for units in range(20, 40)]
        ends = await asyncio.gather(
            *(
                store.apply([unit(SaveStock((change,)))])
                for change, store in zip(changes, [one, other] * 10, strict=True)
            )
        )
        done = [change for change, (end,) in zip(changes, ends, strict=True) if end is None]
        assert len(done) == 1
        known = (await one.catalogue.stock(["a"], "330106"))["a"]
        assert (known.value, known.row_version) == (done[0].new, 2)


async def test_procurable_codes_come_page_by_page(store: Store) -> None:
    goods = [product("a"), replace(product("b"), procurable=False), product("c", brand="卡萨帝"), product("d")]
    await store.apply([unit(SaveProducts(tuple(map(new, goods))))])
    assert await store.catalogue.procurable(category=None, brand=None, after="", limit=2) == ["a", "c"]
    assert await store.catalogue.procurable(category=None, brand=None, after="c", limit=2) == ["d"]
    assert await store.catalogue.procurable(category=None, brand="卡萨帝", after="", limit=9) == ["c"]
