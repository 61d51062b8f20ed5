"""Goods as our tables hold them, and what really changed between two looks at them: values and pure functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Product:
    """One procurable product (SUPPLIERS, Haier, procurable products), in our own words.

    Attributes:
        product_code: Haier's code, the key.
        model: model name.
        category: product group.
        brand: brand name.
        image_url: main picture.
        page_image_urls: pictures of the detail page, in order.
        procurable: whether the account may order it now.
        reason: why it may not, in the supplier's words.
        seen_at: when it was looked at, aware; of a product from our books, when that look brought something new. None:
            not known. No part of what a product is: two looks with the same result are equal.
    """

    product_code: str
    model: str | None
    category: str | None
    brand: str | None
    image_url: str | None
    page_image_urls: tuple[str, ...]
    procurable: bool
    reason: str | None
    seen_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ProductChange:
    """A product whose value really changed; ``old`` is None when it is new to us."""

    new: Product
    old: Product | None


def changes(known: Mapping[str, Product], seen: Iterable[Product]) -> list[ProductChange]:
    """Return what of ``seen`` differs from ``known``, in the order seen; the last of a repeated code counts.

    A look older than what is known brings nothing: somebody else has looked, and written, since.
    """
    latest = {product.product_code: product for product in seen}
    return [
        ProductChange(new=product, old=known.get(code))
        for code, product in latest.items()
        if known.get(code) != product and not _older(product, known.get(code))
    ]


def _older(look: Product, known: Product | None) -> bool:
    if known is None or known.seen_at is None or look.seen_at is None:
        return False
    return look.seen_at < known.seen_at
