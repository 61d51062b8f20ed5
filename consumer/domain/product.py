"""Goods as our tables hold them: values."""

from __future__ import annotations

from dataclasses import dataclass


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
    """

    product_code: str
    model: str | None
    category: str | None
    brand: str | None
    image_url: str | None
    page_image_urls: tuple[str, ...]
    procurable: bool
    reason: str | None
