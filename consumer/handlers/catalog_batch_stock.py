"""``catalog.batch.stock``: bring the stock of a hundred goods in one county into step: a call for each good."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from consumer.domain.looks import Look, changes
from consumer.domain.sync_plan import Tally, batch_ended, called_off
from consumer.domain.sync_writes import BatchStatus
from consumer.domain.writes import SaveStock
from consumer.handlers.asking import NotWanted, answers, last_refusal
from consumer.handlers.goods_telling import stock_changed, told, words
from consumer.handlers.order_calls import utc_now
from schemas.internal import CatalogBatchStock

if TYPE_CHECKING:
    from consumer.domain.goods import Stock
    from consumer.domain.outcome import Outcome
    from consumer.domain.ports import GoodsBooks, HaierGoods
    from consumer.domain.writes import InboxKey
    from schemas.envelope import Event


class CatalogBatchStockHandler:
    """Carries out ``catalog.batch.stock``.

    Args:
        books: our state.
        haier: the supplier.
    """

    def __init__(self, books: GoodsBooks, haier: HaierGoods) -> None:
        self._books = books
        self._haier = haier

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:
        """Ask, keep what changed, and count.

        Raises:
            SupplierError: one of the calls has no answer, or none has a readable one.
            StaleGoods: the stock of one of the goods changed meanwhile; nothing was kept.
        """
        batch = event.data
        if not isinstance(batch, CatalogBatchStock):
            raise TypeError(f"catalog.batch.stock carries {type(batch).__name__}")
        standing = await self._books.sync_batch(batch.sync_id, batch.number)
        if standing is not None and standing.status is BatchStatus.CANCELLED:
            return called_off()
        began, tally = utc_now(), Tally()
        asks = {code: partial(self._look, code, batch.county_code) for code in batch.product_codes}
        try:
            answered = await answers(asks, wanted=partial(self._is_wanted, batch))
        except NotWanted:
            return called_off()
        looks = [answer for answer in answered.values() if isinstance(answer, Look)]
        held = await self._books.differing_stock([stock for look in looks for stock in look.found])
        changed = changes(held, looks, key=lambda stock: stock.product_code)
        kept = told(changed, stock_changed, request=event.correlationid)
        tally.refusal = last_refusal(answered)
        for code, answer in answered.items():
            if not isinstance(answer, Look):
                tally.fail(code, words(answer))
            elif code in kept.broken:
                tally.fail(code, kept.broken[code])
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
            writes=(SaveStock(tuple(kept.changes)),) if kept.changes else (),
        )

    async def _is_wanted(self, batch: CatalogBatchStock) -> bool:
        standing = await self._books.sync_batch(batch.sync_id, batch.number)
        return standing is None or standing.status is not BatchStatus.CANCELLED

    async def _look(self, code: str, county: str) -> Look[Stock]:
        asked_at = utc_now()
        return Look(asked_at, (await self._haier.stock(code, county),))
