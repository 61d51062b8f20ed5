"""Between Haier's goods and ours: pure functions (SUPPLIERS, Haier, procurable products)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.product import Product
from consumer.suppliers.json_text import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.settings import HaierSettings
    from consumer.suppliers.haier.wire import ProductWire


def products_body(settings: HaierSettings, codes: Sequence[str] | None) -> bytes:
    """Return the request for ``codes``; None leaves them out, which asks for every procurable product."""
    body: dict[str, object] = {"customerCode": settings.customer_code}
    if settings.send_to_code is not None:
        body["sendToCode"] = settings.send_to_code
    body |= {
        "supplierCode": settings.supplier_code,
        "searchType": "PTJSH",
        "passWord": settings.password.get_secret_value(),
    }
    if codes is not None:
        body["productCodes"] = list(codes)
    return encode(body)


def product(wire: ProductWire) -> Product:
    """Return the product in our own words."""
    return Product(
        product_code=wire.code,
        model=wire.model,
        category=wire.group,
        brand=wire.brand,
        image_url=wire.image_url,
        page_image_urls=wire.page_image_urls,
        procurable=wire.on_sale,
        reason=wire.no_sale_reason,
    )
