"""Messages that the service sends itself: what must be undone at YLH, and batches of a sync plan (DESIGN 6, 7).

No other program uses them.

A plan's batches travel on the lane that serves the supplier, so that they spread over all consumers, are retried one by
one and survive a crash: goods, prices and stock as `catalog.batch.*` on the catalogue lane, logistics as
`sync.logistics.batch` on its own.
"""

from pydantic import Field

from schemas.events.sync import ProductCodes, SoIds
from schemas.primitives import Count, CountyCode, Flag, Name, Sentence, SoId, UuidText
from schemas.record import Record


class OrderCancelRequested(Record):
    """Cancel at YLH an order that our books have as cancelled and that YLH has taken on all the same."""

    so_id: SoId = Field(description="The order.")
    reason: Sentence = Field(description="Why, in words that the supplier reads.")


class Batch(Record):
    """What all batches carry."""

    sync_id: UuidText = Field(description="Id of the haier_sync_log row that the batch adds its counts to.")
    number: Count = Field(description="The batch's number within its plan, from 1.")


class Following(Record):
    """What follows once it is known which goods there are."""

    prices: Flag = Field(default=False, description="Whether price batches follow.")
    counties: tuple[CountyCode, ...] = Field(default=(), description="Counties that stock batches follow for.")


class CatalogBatchProducts(Batch):
    """A hundred goods at most, twenty a call, or the whole list; and what follows from them."""

    product_codes: ProductCodes | None = Field(default=None, description="At most 100; null: every procurable product.")
    keep: Flag = Field(default=True, description="Whether the goods are kept; false: only their codes are wanted.")
    left_out: Flag = Field(default=False, description="Whether the whole list no longer has them: find out why.")
    category: Name | None = Field(default=None, description="Only goods of this product group.")
    brand: Name | None = Field(default=None, description="Only goods of this brand.")
    following: Following = Field(default=Following(), description="What follows from them.")


class CatalogBatchPrices(Batch):
    """Prices of a hundred goods at most: one call for each twenty."""

    product_codes: ProductCodes = Field(description="At most 100.")


class CatalogBatchStock(Batch):
    """Stock of a hundred goods at most in one county: one call for each code."""

    product_codes: ProductCodes = Field(description="At most 100.")
    county_code: CountyCode = Field(description="The county.")


class SyncLogisticsBatch(Batch):
    """Shipments of one call: at most 100 orders."""

    so_ids: SoIds = Field(description="At most 100 orders.")
    detail: Flag = Field(default=False, description="Whether to fetch the couriers' traces.")
    with_photos: Flag = Field(default=False, description="Whether to fetch photos.")
