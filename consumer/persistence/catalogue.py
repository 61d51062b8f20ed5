"""Goods with their brands and categories, written as sets; a product that is as seen is not written at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, literal_column, or_, select

from consumer.domain.product import Product
from consumer.persistence import tables
from consumer.persistence.bulk import Incoming
from consumer.persistence.keys import KeySet

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import Dialect

    from consumer.domain.writes import SaveProducts

_TABLE = tables.products
_VALUES = ("model", "category", "brand", "image_url", "page_image_urls", "procurable", "reason")


class Catalogue:
    """Statements on ``products``, ``brands`` and ``categories``."""

    def __init__(self, dialect: Dialect) -> None:
        self._brands = Incoming.of(dialect, tables.brands).insert(tables.brands).ignored()
        self._categories = Incoming.of(dialect, tables.categories).insert(tables.categories).ignored()
        incoming = Incoming.of(dialect, _TABLE, "product_code", *_VALUES, "updated_at")
        self._products = incoming.insert(
            _TABLE, row_version=literal_column("1"), created_at=incoming.rows.c.updated_at
        ).replaced(
            # An older look at the same product, committed late, must not undo a newer one.
            when=lambda new: and_(
                _TABLE.c.updated_at <= new.updated_at,
                or_(*[_TABLE.c[name].is_distinct_from(new[name]) for name in _VALUES]),
            ),
            columns=[*_VALUES, "updated_at"],
            row_version=lambda _: _TABLE.c.row_version + literal_column("1"),
        )
        self._keys = KeySet(dialect, "product_code")
        self._find = (
            select(_TABLE)
            .select_from(self._keys.rows)
            .join(_TABLE, _TABLE.c.product_code == self._keys.rows.c.product_code)
        )

    def save(self, connection: Connection, saves: Sequence[SaveProducts]) -> None:
        """Write products that differ from what is known, and names not known yet.

        The last of a repeated code counts. A look that says when it was taken is as old as that, whenever it is saved.
        """
        seen = {
            product.product_code: (product, product.seen_at or save.seen_at)
            for save in saves
            for product in save.products
        }
        self._brands.execute(connection, _names((product.brand, at) for product, at in seen.values()))
        self._categories.execute(connection, _names((product.category, at) for product, at in seen.values()))
        self._products.execute(connection, [_row(*seen[code]) for code in sorted(seen)])

    def find(self, connection: Connection, codes: Collection[str]) -> dict[str, Product]:
        """Return those of ``codes`` that are known."""
        if not codes:
            return {}
        result = connection.execute(self._find, self._keys.parameters([(code,) for code in codes]))
        return {row.product_code: _product(row) for row in result}


def _names(named: Any) -> list[tuple[str, datetime]]:
    first: dict[str, datetime] = {}
    for name, at in named:
        if name is not None:
            first.setdefault(name, at)
    return sorted(first.items())


def _row(product: Product, seen_at: datetime) -> tuple[object, ...]:
    return (
        product.product_code,
        product.model,
        product.category,
        product.brand,
        product.image_url,
        json.dumps(product.page_image_urls, ensure_ascii=False),
        product.procurable,
        product.reason,
        seen_at,
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
        seen_at=row.updated_at,
    )
