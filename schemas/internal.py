"""Messages that the service sends itself: what must be undone at YLH, and batches of a sync plan (DESIGN 6, 7).

No other program uses them.

A plan's batches travel on the lane that serves the supplier, so that they spread over all consumers, are retried one by
one and survive a crash: goods, prices and stock as `catalog.batch.*` on the catalogue lane, logistics as
`sync.logistics.batch` on its own.
"""

from pydantic import Field

from schemas.events.sync import CountyCodes, ProductCodes, SoIds
from schemas.primitives import Flag, Name, Quantity, Sentence, SoId, UuidText
from schemas.record import Record


class OrderCancelRequested(Record):
    """Cancel at YLH an order that our books have as cancelled and that YLH has taken on all the same."""

    so_id: SoId = Field(description="The order.")
    reason: Sentence = Field(description="Why, in words that the supplier reads.")


class Batch(Record):
    """What all batches carry."""

    sync_id: UuidText = Field(description="Id of the haier_sync_log row that the batch adds its counts to.")
    number: Quantity = Field(description="The batch's number within its plan, from 1.")


class CatalogBatchProducts(Batch):
    """Goods of one call: at most 20 codes, or the whole list when there are none."""

    product_codes: ProductCodes | None = Field(default=None, description="At most 20; null: every procurable product.")
    category: Name | None = Field(default=None, description="Only goods of this product group.")
    brand: Name | None = Field(default=None, description="Only goods of this brand.")
    with_prices: Flag = Field(default=False, description="Whether price batches follow.")
    with_stock: Flag = Field(default=False, description="Whether stock batches follow.")
    county_codes: CountyCodes | None = Field(default=None, description="Counties for the stock batches.")


class CatalogBatchPrices(Batch):
    """Prices of one call: at most 20 codes."""

    product_codes: ProductCodes = Field(description="At most 20.")


class CatalogBatchStock(Batch):
    """Stock: one call for each code and county."""

    product_codes: ProductCodes = Field(description="Product codes.")
    county_codes: CountyCodes = Field(description="Counties.")


class SyncLogisticsBatch(Batch):
    """Shipments of one call: at most 100 orders."""

    so_ids: SoIds = Field(description="At most 100 orders.")
    detail: Flag = Field(default=False, description="Whether to fetch the couriers' traces.")
    with_photos: Flag = Field(default=False, description="Whether to fetch photos.")
