"""What Haier says of goods: products with their brands and categories, prices with their history, stock by county."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Text, bindparam, or_, select

from consumer.domain.goods import Price, Stock, StockLevel
from consumer.domain.product import Product
from consumer.persistence import catalogue_tables as tables
from consumer.persistence.bulk import Incoming
from consumer.persistence.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from consumer.domain.looks import Known
    from consumer.domain.writes import SavePrices, SaveProducts, SaveStock
    from consumer.persistence.engine import Database


class Catalogue:
    """Statements on ``products``, ``brands``, ``categories``, ``prices``, ``price_history`` and ``stock``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = database.dialect
        self._brands = Incoming.of(dialect, tables.brands).insert(tables.brands).ignored()
        self._categories = Incoming.of(dialect, tables.categories).insert(tables.categories).ignored()
        self._products = Shelf(dialect, tables.products, _product_row, _product)
        self._prices = Shelf(dialect, tables.prices, _price_row, _price)
        self._stock = Shelf(dialect, tables.stock, _stock_row, _stock)
        shown = [name for name in tables.prices.c.keys() if name not in {"created_at", "updated_at"}]  # noqa: SIM118 (a collection of columns)
        self._history = Incoming.of(dialect, tables.price_history, *shown, "seen_at").insert(tables.price_history)
        self._keep = self._history.ignored()

        goods = tables.products.c
        category, brand = bindparam("category", type_=Text), bindparam("brand", type_=Text)
        self._procurable = (
            select(goods.product_code)
            .where(
                goods.product_code > bindparam("after"),
                goods.procurable,
                or_(category.is_(None), goods.category == category),
                or_(brand.is_(None), goods.brand == brand),
            )
            .order_by(goods.product_code)
            .limit(bindparam("limit", type_=BigInteger))
        )

    # ---- writing, within a unit of work ----

    def save(
        self,
        connection: Connection,
        *,
        products: Sequence[SaveProducts] = (),
        prices: Sequence[SavePrices] = (),
        stock: Sequence[SaveStock] = (),
    ) -> bool:
        """Write what changed; False: one of the changes builds on a row that has changed meanwhile."""
        goods = [change for save in products for change in save.changes]
        self._brands.execute(connection, _names((change.new.brand, change.seen_at) for change in goods))
        self._categories.execute(connection, _names((change.new.category, change.seen_at) for change in goods))
        priced = [change for save in prices for change in save.changes]
        held = (
            self._products.save(connection, goods)
            and self._prices.save(connection, priced)
            and self._stock.save(connection, [change for save in stock for change in save.changes])
        )
        self._keep.execute(connection, sorted(self._prices.row(change) for change in priced))
        return held

    def stale(
        self,
        connection: Connection,
        *,
        products: Sequence[SaveProducts],
        prices: Sequence[SavePrices],
        stock: Sequence[SaveStock],
    ) -> set[tuple[str, ...]]:
        """Return what of the changes builds on a row that has changed: (kind, key …)."""
        return {
            *(("products", *key) for save in products for key in self._products.stale(connection, save.changes)),
            *(("prices", *key) for save in prices for key in self._prices.stale(connection, save.changes)),
            *(("stock", *key) for save in stock for key in self._stock.stale(connection, save.changes)),
        }

    # ---- reading, on its own ----

    async def products(self, codes: Collection[str]) -> dict[str, Known[Product]]:
        """Return those of ``codes`` that are known."""
        keys = [(code,) for code in codes]
        found = await self._database.read(lambda connection: self._products.find(connection, keys))
        return {code: known for (code,), known in found.items()}

    async def prices(self, codes: Collection[str]) -> dict[str, Known[Price]]:
        """Return the prices that are known of ``codes``."""
        keys = [(code,) for code in codes]
        found = await self._database.read(lambda connection: self._prices.find(connection, keys))
        return {code: known for (code,), known in found.items()}

    async def stock(self, codes: Collection[str], county: str) -> dict[str, Known[Stock]]:
        """Return the stock in one county that is known of ``codes``."""
        keys = [(code, county) for code in codes]
        found = await self._database.read(lambda connection: self._stock.find(connection, keys))
        return {code: known for (code, _), known in found.items()}

    async def differing_products(self, products: Collection[Product]) -> dict[str, Known[Product] | None]:
        """Return what is held instead of ``products``, by code; see `Shelf.differing`."""
        found = await self._database.read(lambda connection: self._products.differing(connection, products))
        return {code: known for (code,), known in found.items()}

    async def differing_prices(self, prices: Collection[Price]) -> dict[str, Known[Price] | None]:
        """Return what is held instead of ``prices``, by code; see `Shelf.differing`."""
        found = await self._database.read(lambda connection: self._prices.differing(connection, prices))
        return {code: known for (code,), known in found.items()}

    async def differing_stock(self, stock: Collection[Stock]) -> dict[str, Known[Stock] | None]:
        """Return what is held instead of ``stock``, all of one county, by code; see `Shelf.differing`."""
        found = await self._database.read(lambda connection: self._stock.differing(connection, stock))
        return {code: known for (code, _), known in found.items()}

    async def procurable(self, *, category: str | None, brand: str | None, after: str, limit: int) -> list[str]:
        """Return the next codes behind ``after`` that are procurable, in their order; None: whatever it is."""
        wanted = {"after": after, "limit": limit, "category": category, "brand": brand}
        return await self._database.read(
            lambda connection: list(connection.execute(self._procurable, wanted).scalars())
        )


def _names(named: Iterable[tuple[str | None, datetime]]) -> list[tuple[str, datetime]]:
    first: dict[str, datetime] = {}
    for name, at in named:
        if name is not None:
            first.setdefault(name, at)
    return sorted(first.items())


def _product_row(product: Product) -> tuple[object, ...]:
    return (
        product.product_code,
        product.model,
        product.category,
        product.brand,
        product.image_url,
        json.dumps(product.page_image_urls, ensure_ascii=False),
        product.procurable,
        product.reason,
    )


def _product(row: Any) -> Product:
    return Product(
        product_code=row.product_code,
        model=row.model,
        category=row.category,
        brand=row.brand,
        image_url=row.image_url,
        page_image_urls=tuple(json.loads(row.page_image_urls)),
        procurable=row.procurable,
        reason=row.reason,
    )


def _price_row(price: Price) -> tuple[object, ...]:
    return (
        price.product_code,
        _text(price.supply_price),
        _text(price.invoice_price),
        _text(price.direct_discount),
        price.rebate_type,
        _text(price.rebate),
        price.procurable,
        price.reason,
        price.warning,
    )


def _price(row: Any) -> Price:
    return Price(
        product_code=row.product_code,
        supply_price=_number(row.supply_price),
        invoice_price=_number(row.invoice_price),
        direct_discount=Decimal(row.direct_discount),
        rebate_type=row.rebate_type,
        rebate=Decimal(row.rebate),
        procurable=row.procurable,
        reason=row.reason,
    )


def _stock_row(stock: Stock) -> tuple[object, ...]:
    return (
        stock.product_code,
        stock.county_code,
        stock.quantity,
        stock.storage_location,
        None if stock.level is None else stock.level.value,
        stock.order_cut_off,
        stock.delivery_estimate,
        _text(stock.hours),
        stock.transferred,
    )


def _stock(row: Any) -> Stock:
    return Stock(
        product_code=row.product_code,
        county_code=row.county_code,
        quantity=row.quantity,
        storage_location=row.storage_location,
        level=None if row.level is None else StockLevel(row.level),
        order_cut_off=row.order_cut_off,
        delivery_estimate=row.delivery_estimate,
        hours=_number(row.hours),
        transferred=row.transferred,
    )


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
