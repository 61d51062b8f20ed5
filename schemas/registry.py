"""Which data model belongs to which event type (EVENTS): the one list that everything else is derived from."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from schemas import events, internal, results

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

INBOUND: Mapping[str, type[BaseModel]] = MappingProxyType(
    {
        "order.paid": events.OrderPaid,
        "order.cancelled": events.OrderCancelled,
        "order.rescheduled": events.OrderRescheduled,
        "order.status.requested": events.OrderStatusRequested,
        "sync.products.requested": events.SyncProductsRequested,
        "sync.prices.requested": events.SyncPricesRequested,
        "sync.stock.requested": events.SyncStockRequested,
        "sync.logistics.requested": events.SyncLogisticsRequested,
        "sync.balance.requested": events.SyncBalanceRequested,
        "supplier.callback.confirmed": events.SupplierCallbackConfirmed,
        "supplier.callback.cancelled": events.SupplierCallbackCancelled,
        "supplier.callback.out_of_stock": events.SupplierCallbackOutOfStock,
    }
)
"""Exchange `relay.events`, as EVENTS lists it."""

OUTBOUND: Mapping[str, type[BaseModel]] = MappingProxyType(
    {
        "order.push.succeeded": results.OrderPushSucceeded,
        "order.push.failed": results.OrderPushFailed,
        "order.confirmed": results.OrderConfirmed,
        "order.refused": results.OrderRefused,
        "order.out_of_stock": results.OrderOutOfStock,
        "order.cancel.accepted": results.OrderCancelAccepted,
        "order.cancel.succeeded": results.OrderCancelSucceeded,
        "order.cancel.failed": results.OrderCancelFailed,
        "order.reschedule.succeeded": results.OrderRescheduleSucceeded,
        "order.reschedule.failed": results.OrderRescheduleFailed,
        "order.settled": results.OrderSettled,
        "order.superseded": results.OrderSuperseded,
        "order.status.reported": results.OrderStatusReported,
        "order.logistics.updated": results.OrderLogisticsUpdated,
        "product.changed": results.ProductChanged,
        "price.changed": results.PriceChanged,
        "stock.changed": results.StockChanged,
        "account.balance.reported": results.AccountBalanceReported,
        "sync.completed": results.SyncCompleted,
        "sync_log.recorded": results.SyncLogRecorded,
        "event.rejected": results.EventRejected,
        "event.dead_lettered": results.EventDeadLettered,
    }
)
"""Exchange `relay.results`."""

INTERNAL: Mapping[str, type[BaseModel]] = MappingProxyType(
    {
        "order.cancel.requested": internal.OrderCancelRequested,
        "catalog.batch.products": internal.CatalogBatchProducts,
        "catalog.batch.prices": internal.CatalogBatchPrices,
        "catalog.batch.stock": internal.CatalogBatchStock,
        "sync.logistics.batch": internal.SyncLogisticsBatch,
    }
)
"""Exchange `relay.events`, from the service to itself; not part of the public contract."""

ALL: Mapping[str, type[BaseModel]] = MappingProxyType({**INBOUND, **OUTBOUND, **INTERNAL})


def is_result(type_: str) -> bool:
    """Tell whether an event of this type goes out on `relay.results`."""
    return type_ in OUTBOUND
