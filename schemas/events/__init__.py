"""Data of the events that come in (EVENTS, "In"): one model for each event type."""

from schemas.events.callbacks import (
    ReturnedItem,
    SupplierCallbackCancelled,
    SupplierCallbackConfirmed,
    SupplierCallbackOutOfStock,
)
from schemas.events.orders import (
    Consignee,
    OrderCancelled,
    OrderItem,
    OrderPaid,
    OrderRescheduled,
    OrderStatusRequested,
)
from schemas.events.sync import (
    SyncBalanceRequested,
    SyncLogisticsRequested,
    SyncPricesRequested,
    SyncProductsRequested,
    SyncStockRequested,
)

__all__ = [
    "Consignee",
    "OrderCancelled",
    "OrderItem",
    "OrderPaid",
    "OrderRescheduled",
    "OrderStatusRequested",
    "ReturnedItem",
    "SupplierCallbackCancelled",
    "SupplierCallbackConfirmed",
    "SupplierCallbackOutOfStock",
    "SyncBalanceRequested",
    "SyncLogisticsRequested",
    "SyncPricesRequested",
    "SyncProductsRequested",
    "SyncStockRequested",
]
