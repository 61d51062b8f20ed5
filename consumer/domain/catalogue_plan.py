"""How a sync of goods is parted into batches (DESIGN section 7). Pure functions.

Goods go in twenties, since that is what one call for goods or prices takes (SUPPLIERS, Haier). A twenty has a number,
and each of its batches one that follows from it, so that batches that nobody knew of when the sync was planned get
numbers of their own whoever works them out, and however often:

    twenty 1: goods 1, prices 2, stock in the first county 3, in the second 4, …
    twenty 2: goods 5, …

Where the whole list is asked for, that call takes the place of twenty 1's goods, and its goods begin with twenty 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from consumer.domain.ports import PRODUCTS_PER_CALL
from schemas.internal import CatalogBatchPrices, CatalogBatchProducts, CatalogBatchStock, Following

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from consumer.domain.product import Product
    from consumer.domain.sync_plan import Sized

T = TypeVar("T")

LIST: Final = 1
"""The twenty, and the number, of the call for the whole list."""


class Numbers:
    """Which number which batch of a plan has.

    Args:
        counties: how many counties stock is asked for.
    """

    def __init__(self, counties: int) -> None:
        self._stride = 2 + counties

    def goods(self, twenty: int) -> int:
        """Return the number of a twenty's batch of goods."""
        return (twenty - 1) * self._stride + 1

    def prices(self, twenty: int) -> int:
        """Return the number of its batch of prices."""
        return self.goods(twenty) + 1

    def stock(self, twenty: int, county: int) -> int:
        """Return the number of its batch of stock in a county, counted from 0."""
        return self.goods(twenty) + 2 + county

    def twenty(self, number: int) -> int:
        """Return the twenty that a batch belongs to."""
        return (number - 1) // self._stride + 1


def twenties(codes: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield ``codes`` in twenties; the last may have fewer."""
    for start in range(0, len(codes), PRODUCTS_PER_CALL):
        yield codes[start : start + PRODUCTS_PER_CALL]


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
    """Return the batches of goods that ``codes`` need, the first of them for twenty ``first``."""
    numbers = Numbers(len(following.counties))
    return [
        (
            CatalogBatchProducts(
                sync_id=sync_id,
                number=numbers.goods(twenty),
                product_codes=tuple(part),
                left_out=left_out,
                category=category,
                brand=brand,
                following=following,
            ),
            len(part),
        )
        for twenty, part in enumerate(twenties(codes), first)
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
        (CatalogBatchPrices(sync_id=sync_id, number=numbers.prices(twenty), product_codes=tuple(part)), len(part))
        for twenty, part in enumerate(twenties(codes), first)
    ]


def stock_batches(sync_id: str, codes: Sequence[str], following: Following, *, first: int = 1) -> list[Sized]:
    """Return the batches of stock for ``codes``, one for each twenty and county."""
    numbers = Numbers(len(following.counties))
    return [
        (
            CatalogBatchStock(
                sync_id=sync_id,
                number=numbers.stock(twenty, place),
                product_codes=tuple(part),
                county_code=county,
            ),
            len(part),
        )
        for twenty, part in enumerate(twenties(codes), first)
        for place, county in enumerate(following.counties)
    ]


def fits(product: Product, batch: CatalogBatchProducts) -> bool:
    """Tell whether a product is of the category and the brand that were asked for."""
    return (batch.category is None or product.category == batch.category) and (
        batch.brand is None or product.brand == batch.brand
    )


def following(batch: CatalogBatchProducts, products: Sequence[Product], *, twenty: int) -> list[Sized]:
    """Return the batches that follow from ``products``, which begin with ``twenty``.

    Prices are asked for of all of them; stock, a call for each, only of what can be ordered.
    """
    codes = [product.product_code for product in products]
    orderable = [product.product_code for product in products if product.procurable]
    return [
        *price_batches(batch.sync_id, codes, batch.following, first=twenty),
        *stock_batches(batch.sync_id, orderable, batch.following, first=twenty),
    ]
