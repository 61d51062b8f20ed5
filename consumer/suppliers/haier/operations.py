"""Haier's calls: where each goes, and what may be sent twice.

None of them changes anything at Haier, so that each may be sent again as often as the policy says, and a lost answer
leaves nothing in doubt (`docs/suppliers.md` has the table of both suppliers).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import httpx

from consumer.settings import ENVIRONMENT
from consumer.suppliers.haier.wire import (
    BalanceWire,
    LogisticsWire,
    PriceWire,
    ProductWire,
    StockWire,
    read_balances,
    read_logistics,
    read_prices,
    read_products,
    read_stock,
)
from consumer.suppliers.operation import MEGABYTE, Operation, Said

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.settings import Origin
    from consumer.suppliers.haier.entries import Entries

T = TypeVar("T")

WHOLE_LIST: Final = 256 * MEGABYTE
"""The list of every procurable product comes in one answer; it is not held in memory."""

_PRODUCTS = "/yilihuo/jsh-service-goods-mall-search/api/product-info/procurable-products-out/check-procurable-products"
_PRICES = "/yilihuo/jsh-service-goods-price/api/goods-price/price-daily-sales/price-query/pt-out-list-price"
_STOCK = "/yilihuo/jsh-service-stock-mall/api/page/stock/get-available-stock-open"
_LOGISTICS = (
    "/yilihuo/ylh-cloud-service-stock/api/page/stock/logistics/sass/get-thirdparty-logistics-info-by-order-code-auth"
)
_BALANCE = (
    "/yilihuo/jsh-service-finance-mall/api/page/account/account-balance-manager"
    "/get-payer-account-balance-by-customer-code"
)


@dataclass(frozen=True, slots=True)
class HaierOperations:
    """The calls under one root URL (SUPPLIERS, "Haier: goods, prices, stock, logistics, balance").

    ``listing`` is ``products`` without codes: it needs an `Intake`.
    """

    products: Operation[Entries[ProductWire]]
    listing: Operation[Entries[ProductWire]]
    prices: Operation[Entries[PriceWire]]
    stock: Operation[StockWire]
    logistics: Operation[LogisticsWire]
    balance: Operation[list[BalanceWire]]

    @classmethod
    def at(cls, base_url: str, origin: Origin = ENVIRONMENT) -> HaierOperations:
        """Return the calls at ``base_url``, which stands at ``origin``."""
        setting = origin.naming("HAIER_BASE_URL")

        def look(name: str, path: str, read: Callable[[Said], T], largest: int = MEGABYTE) -> Operation[T]:
            url = httpx.URL(base_url.rstrip("/") + path)
            return Operation("haier", name, url, changes=False, read=read, settings=setting, largest=largest)

        return cls(
            products=look("products", _PRODUCTS, read_products),
            listing=look("products", _PRODUCTS, read_products, WHOLE_LIST),
            prices=look("prices", _PRICES, read_prices),
            stock=look("stock", _STOCK, read_stock),
            logistics=look("logistics", _LOGISTICS, read_logistics),
            balance=look("balance", _BALANCE, read_balances),
        )
