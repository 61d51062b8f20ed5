"""``catalog.batch.prices``: bring the prices of a hundred goods into step (SUPPLIERS, prices): twenty a call."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from consumer.domain.looks import Look, changes
from consumer.domain.parts import parts
from consumer.domain.ports import PRICES_PER_CALL
from consumer.domain.sync_plan import Tally, batch_ended, called_off
from consumer.domain.sync_writes import BatchStatus
from consumer.domain.writes import SavePrices
from consumer.handlers.asking import answers, last_refusal
from consumer.handlers.goods_telling import price_changed, told, words
from consumer.handlers.order_calls import utc_now
from schemas.internal import CatalogBatchPrices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.goods import Price
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
            SupplierError: one of the calls has no answer, or none has a readable one.
            StaleGoods: one of the prices changed meanwhile; nothing was kept.
        """
        batch = event.data
        if not isinstance(batch, CatalogBatchPrices):
            raise TypeError(f"catalog.batch.prices carries {type(batch).__name__}")
        standing = await self._books.sync_batch(batch.sync_id, batch.number)
        if standing is not None and standing.status is BatchStatus.CANCELLED:
            return called_off()
        began, tally = utc_now(), Tally()
        answered = await answers(
            {tuple(part): partial(self._look, part) for part in parts(batch.product_codes, PRICES_PER_CALL)}
        )
        looks = [answer for answer in answered.values() if isinstance(answer, Look)]
        held = await self._books.differing_prices([price for look in looks for price in look.found])
        changed = changes(held, looks, key=lambda price: price.product_code)
        kept = told(changed, price_changed, request=event.correlationid)
        tally.refusal = last_refusal(answered)
        failed = kept.broken.copy()
        for codes, answer in answered.items():
            failed |= _failed(codes, answer) if isinstance(answer, Look) else dict.fromkeys(codes, words(answer))
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

    async def _look(self, codes: Sequence[str]) -> Look[Price]:
        """Ask for one call's codes; what is told of others is left out: it is not what this batch is about."""
        look = await self._haier.prices(codes)
        return replace(look, found=tuple(price for price in look.found if price.product_code in codes))


def _failed(codes: Sequence[str], look: Look[Price]) -> dict[str, str]:
    unreadable = {entry.product_code: entry.reason for entry in look.unreadable}
    nameless = unreadable.get("", "Haier tells no price for this code")
    told = {price.product_code: price for price in look.found}
    failed = {code: unreadable.get(code, nameless) for code in codes if code not in told}
    for code, price in told.items():
        if price.supply_price is None or price.invoice_price is None:
            failed[code] = f"no valid price: {price.reason or 'Haier gives no reason'}"
    return failed
