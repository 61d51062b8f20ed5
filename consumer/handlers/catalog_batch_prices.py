"""``catalog.batch.prices``: bring the prices of up to twenty goods into step (SUPPLIERS, prices): one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.errors import Rejected
from consumer.domain.looks import changes
from consumer.domain.sync_plan import Tally, batch_ended, called_off
from consumer.domain.sync_writes import BatchStatus
from consumer.domain.writes import SavePrices
from consumer.handlers.goods_telling import price_changed, told, words
from consumer.handlers.order_calls import utc_now
from schemas.internal import CatalogBatchPrices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.goods import Price
    from consumer.domain.looks import Look
    from consumer.domain.outcome import Outcome
    from consumer.domain.ports import GoodsBooks, HaierGoods
    from consumer.domain.writes import InboxKey
    from schemas.envelope import Event


class CatalogBatchPricesHandler:
    """Carries out ``catalog.batch.prices``.

    Args:
        books: our state.
        haier: the supplier.
    """

    def __init__(self, books: GoodsBooks, haier: HaierGoods) -> None:
        self._books = books
        self._haier = haier

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:
        """Ask, keep what changed, and count.

        A price that is not valid is kept with Haier's reason, and counts as failed.

        Raises:
            SupplierError: there is no answer.
            StaleGoods: one of the prices changed meanwhile; nothing was kept.
        """
        batch = event.data
        if not isinstance(batch, CatalogBatchPrices):
            raise TypeError(f"catalog.batch.prices carries {type(batch).__name__}")
        standing = await self._books.sync_batch(batch.sync_id, batch.number)
        if standing is not None and standing.status is BatchStatus.CANCELLED:
            return called_off()
        began, tally = utc_now(), Tally()
        try:
            look = await self._haier.prices(batch.product_codes)
        except Rejected as refusal:
            tally.refuse(batch.product_codes, refusal, words(refusal))
            return batch_ended(event, key, batch, tally, standing, began=began, now=utc_now())
        wanted = set(batch.product_codes)
        prices = [price for price in look.found if price.product_code in wanted]
        known = await self._books.prices(batch.product_codes)
        changed = changes(known, prices, key=lambda price: price.product_code, seen_at=look.seen_at)
        kept = told(changed, price_changed, request=event.correlationid)
        failed = _failed(batch.product_codes, look) | kept.broken
        for code in batch.product_codes:
            if code in failed:
                tally.fail(code, failed[code])
            else:
                tally.succeed(changed=code in kept.changed)
        return batch_ended(
            event,
            key,
            batch,
            tally,
            standing,
            began=began,
            now=utc_now(),
            results=kept.results,
            writes=(SavePrices(tuple(kept.changes)),) if kept.changes else (),
        )


def _failed(codes: Sequence[str], look: Look[Price]) -> dict[str, str]:
    unreadable = {entry.product_code: entry.reason for entry in look.unreadable}
    nameless = unreadable.get("", "Haier tells no price for this code")
    told = {price.product_code: price for price in look.found}
    failed = {code: unreadable.get(code, nameless) for code in codes if code not in told}
    for code, price in told.items():
        if price.supply_price is None or price.invoice_price is None:
            failed[code] = f"no valid price: {price.reason or 'Haier gives no reason'}"
    return failed
