"""``catalog.batch.stock``: bring the stock of up to twenty goods in one county into step: a call for each good.

The calls go out together and wait for the quota's slots. What Haier refuses, or answers in another shape, for one good
fails that good; what ends a call for other reasons ends the others too, and the whole batch goes round.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.domain.errors import Malformed, Rejected
from consumer.domain.goods import Stock
from consumer.domain.looks import changes
from consumer.domain.sync_plan import Tally, batch_ended, called_off
from consumer.domain.sync_writes import BatchStatus
from consumer.domain.writes import SaveStock
from consumer.handlers.goods_telling import stock_changed, told, words
from consumer.handlers.order_calls import utc_now
from schemas.internal import CatalogBatchStock

if TYPE_CHECKING:
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
        looks = await self._looks(batch)
        found = [look for look in looks.values() if isinstance(look, Stock)]
        known = await self._books.stock(batch.product_codes, batch.county_code)
        changed = changes(known, found, key=lambda stock: stock.product_code, seen_at=began)
        kept = told(changed, stock_changed, request=event.correlationid)
        for code, look in looks.items():
            if isinstance(look, Rejected):
                tally.refusal = look
            if not isinstance(look, Stock):
                tally.fail(code, words(look))
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

    async def _looks(self, batch: CatalogBatchStock) -> dict[str, Stock | Rejected | Malformed]:
        """Return what is said of each good.

        Raises:
            SupplierError: see `__call__`.
        """
        try:
            async with asyncio.TaskGroup() as group:
                asked = {
                    code: group.create_task(self._look(code, batch.county_code))
                    for code in dict.fromkeys(batch.product_codes)
                }
        except ExceptionGroup as group:
            # What ended the first of them: the others were called off for it, or say the same.
            raise group.exceptions[0] from None
        looks = {code: task.result() for code, task in asked.items()}
        misshapen = [look for look in looks.values() if isinstance(look, Malformed)]
        if len(misshapen) == len(looks):
            # Not one good's trouble: the supplier has changed its format, and a person has to see how.
            raise misshapen[0]
        return looks

    async def _look(self, code: str, county: str) -> Stock | Rejected | Malformed:
        try:
            return await self._haier.stock(code, county)
        except (Rejected, Malformed) as error:
            return error
