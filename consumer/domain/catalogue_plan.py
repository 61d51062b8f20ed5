"""How a sync of goods is parted into batches (DESIGN section 7). Pure functions.

Goods go in hundreds (docs/adr/0010): five calls for goods or prices, a hundred for stock. A hundred has a number, and
each of its batches one that follows from it, so that batches that nobody knew of when the sync was planned get numbers
of their own whoever works them out, and however often:

    hundred 1: goods 1, prices 2, stock in the first county 3, in the second 4, …
    hundred 2: goods 5, …

Where the whole list is asked for, that call takes the place of hundred 1's goods, and its goods begin with hundred 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consumer.domain.parts import parts
from schemas.internal import CatalogBatchPrices, CatalogBatchProducts, CatalogBatchStock, Following

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.product import Product
    from consumer.domain.sync_plan import Sized

GOODS_PER_BATCH: Final = 100
LIST: Final = 1
"""The hundred, and the number, of the call for the whole list."""


class Numbers:
    """Which number which batch of a plan has.

    Args:
        counties: how many counties stock is asked for.
    """

    def __init__(self, counties: int) -> None:
        self._stride = 2 + counties

    def goods(self, hundred: int) -> int:
        """Return the number of a hundred's batch of goods."""
        return (hundred - 1) * self._stride + 1

    def prices(self, hundred: int) -> int:
        """Return the number of its batch of prices."""
        return self.goods(hundred) + 1

    def stock(self, hundred: int, county: int) -> int:
        """Return the number of its batch of stock in a county, counted from 0."""
        return self.goods(hundred) + 2 + county

    def hundred(self, number: int) -> int:
        """Return the hundred that a batch belongs to."""
        return (number - 1) // self._stride + 1


def goods_batches(
    sync_id: str,
    codes: Sequence[str],
    following: Following,
    *,
    category: str | None = None,
    brand: str | None = None,
    left_out: bool = False,
    first: int = 1,
) -> list[Sized]:
    """Return the batches of goods that ``codes`` need, the first of them for hundred ``first``."""
    numbers = Numbers(len(following.counties))
    return [
        (
            CatalogBatchProducts(
                sync_id=sync_id,
                number=numbers.goods(hundred),
                product_codes=tuple(part),
                left_out=left_out,
                category=category,
                brand=brand,
                following=following,
            ),
            len(part),
        )
        for hundred, part in enumerate(parts(codes, GOODS_PER_BATCH), first)
    ]


def list_batch(
    sync_id: str, following: Following, *, keep: bool = True, category: str | None = None, brand: str | None = None
) -> Sized:
    """Return the batch that asks for the whole list; nobody knows yet how many items that will be."""
    batch = CatalogBatchProducts(
        sync_id=sync_id, number=LIST, keep=keep, category=category, brand=brand, following=following
    )
    return batch, 0


def price_batches(sync_id: str, codes: Sequence[str], following: Following, *, first: int = 1) -> list[Sized]:
    """Return the batches of prices for ``codes``; none where no prices follow."""
    if not following.prices:
        return []
    numbers = Numbers(len(following.counties))
    return [
        (CatalogBatchPrices(sync_id=sync_id, number=numbers.prices(hundred), product_codes=tuple(part)), len(part))
        for hundred, part in enumerate(parts(codes, GOODS_PER_BATCH), first)
    ]


def stock_batches(sync_id: str, codes: Sequence[str], following: Following, *, first: int = 1) -> list[Sized]:
    """Return the batches of stock for ``codes``, one for each hundred and county."""
    numbers = Numbers(len(following.counties))
    return [
        (
            CatalogBatchStock(
                sync_id=sync_id,
                number=numbers.stock(hundred, place),
                product_codes=tuple(part),
                county_code=county,
            ),
            len(part),
        )
        for hundred, part in enumerate(parts(codes, GOODS_PER_BATCH), first)
        for place, county in enumerate(following.counties)
    ]


def fits(product: Product, batch: CatalogBatchProducts) -> bool:
    """Tell whether a product is of the category and the brand that were asked for."""
    return (batch.category is None or product.category == batch.category) and (
        batch.brand is None or product.brand == batch.brand
    )


def following(batch: CatalogBatchProducts, products: Sequence[Product], *, hundred: int) -> list[Sized]:
    """Return the batches that follow from ``products``, which begin with ``hundred``.

    Prices are asked for of all of them; stock, a call for each, only of what can be ordered.
    """
    codes = [product.product_code for product in products]
    orderable = [product.product_code for product in products if product.procurable]
    return [
        *price_batches(batch.sync_id, codes, batch.following, first=hundred),
        *stock_batches(batch.sync_id, orderable, batch.following, first=hundred),
    ]
