"""Between Haier's words and ours: pure functions (SUPPLIERS, "Haier: goods, prices, stock, logistics, balance")."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from consumer.domain.goods import PayerBalance, Price, Stock, StockLevel
from consumer.domain.product import Product
from consumer.domain.shipping import Shipment, ShipmentSource
from consumer.suppliers.haier.wire import TimelinessWire
from consumer.suppliers.json_text import encode
from consumer.suppliers.parcels import shipments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.settings import HaierSettings
    from consumer.suppliers.haier.wire import BalanceWire, LogisticsWire, PriceWire, ProductWire, StockWire

_LEVELS: Final = {"0": StockLevel.OWN, "1": StockLevel.UPPER, None: None}
_UNTOLD: Final = TimelinessWire()


def products_body(settings: HaierSettings, codes: Sequence[str] | None) -> bytes:
    """Return the request for ``codes``; None leaves them out, which asks for every procurable product."""
    body = _buyer(settings) | {
        "supplierCode": settings.supplier_code,
        "searchType": "PTJSH",
        "passWord": settings.password.get_secret_value(),
    }
    if codes is not None:
        body["productCodes"] = list(codes)
    return encode(body)


def prices_body(settings: HaierSettings, codes: Sequence[str]) -> bytes:
    """Return the request for the prices of ``codes``."""
    return encode(
        _buyer(settings)
        | {
            "productCodes": list(codes),
            "priceType": "PT",
            "passWord": settings.password.get_secret_value(),
        }
    )


def stock_body(settings: HaierSettings, product_code: str, county_code: str) -> bytes:
    """Return the request for the stock of one product for one county."""
    body: dict[str, object] = {"salesCode": settings.customer_code}
    if settings.send_to_code is not None:
        body["senderCode"] = settings.send_to_code
    return encode(
        body
        | {
            "productCode": product_code,
            "countyCode": county_code,
            "source": settings.stock_source,
            "sellerPassword": settings.seller_password.get_secret_value(),
        }
    )


def logistics_body(
    settings: HaierSettings, order_no: str, *, delivery_record_code: str | None, member_id: str | None
) -> bytes:
    """Return the request for an order's deliveries; what is None is left out."""
    body: dict[str, object] = {"orderCode": order_no}
    if delivery_record_code is not None:
        body["deliveryRecordCode"] = delivery_record_code
    if member_id is not None:
        body["memberId"] = member_id
    return encode(
        body | {"sellerCode": settings.customer_code, "sellerPassword": settings.seller_password.get_secret_value()}
    )


def balance_body(settings: HaierSettings) -> bytes:
    """Return the request for the payers' balances."""
    password = settings.customer_password or settings.password
    return encode({"customerCode": settings.customer_code, "customerPassword": password.get_secret_value()})


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


def price(wire: PriceWire) -> Price:
    """Return the price in our own words."""
    return Price(
        product_code=wire.code,
        supply_price=wire.supply,
        invoice_price=wire.invoice,
        direct_discount=wire.policy if isinstance(wire.policy, Decimal) else Decimal(0),
        rebate_type=wire.policy if isinstance(wire.policy, str) else None,
        rebate=wire.rebate if wire.rebate is not None else Decimal(0),
        procurable=wire.on_sale,
        reason=wire.reason,
    )


def stock(wire: StockWire, product_code: str, county_code: str) -> Stock:
    """Return the stock in our own words; the answer names neither the product nor the county."""
    timeliness = wire.timeliness or _UNTOLD
    return Stock(
        product_code=product_code,
        county_code=county_code,
        quantity=wire.quantity,
        storage_location=wire.location,
        level=_LEVELS[wire.level],
        order_cut_off=timeliness.cut_off,
        delivery_estimate=timeliness.estimate,
        hours=timeliness.hours,
        transferred=timeliness.transferred,
    )


def order_shipments(wire: LogisticsWire, order_no: str) -> list[Shipment]:
    """Return the parcels of the three lists, each with the list it came from; of the same one in a list, the first."""
    sources = (
        (ShipmentSource.WAREHOUSE, wire.warehouse),
        (ShipmentSource.ZHIHUIBAO, wire.zhihuibao),
        (ShipmentSource.ZHIHUIBAO_COURIER, wire.couriers),
    )
    found = [
        shipment
        for source, records in sources
        for record in records
        for shipment in shipments(record, source, order_no=record.order_no or order_no)
    ]
    return list(dict.fromkeys(found))


def balance(wire: BalanceWire) -> PayerBalance:
    """Return the payer's account in our own words."""
    return PayerBalance(
        payer_code=wire.payer_code,
        payer_name=wire.payer_name,
        sales_group_code=wire.group_code,
        sales_group_name=wire.group_name,
        balance=wire.balance,
    )


def _buyer(settings: HaierSettings) -> dict[str, object]:
    body: dict[str, object] = {"customerCode": settings.customer_code}
    if settings.send_to_code is not None:
        body["sendToCode"] = settings.send_to_code
    return body
