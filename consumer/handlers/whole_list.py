"""The whole list of goods: one call, read in parts, each part a transaction of its own (DESIGN section 7).

The answer may hold a hundred thousand goods, so that no more than a part of it is ever in memory. A part joins the plan
and is counted in the transaction that writes its goods: a list that is read anew after a crash leaves out what was
counted, and counts nothing twice. What the list has left out, though our books have it as procurable, is asked for by
its code, so that it is marked with Haier's reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consumer.domain.catalogue_plan import GOODS_PER_BATCH, LIST, Numbers, fits, following, goods_batches
from consumer.domain.errors import Rejected, StaleGoods
from consumer.domain.looks import Look, changes
from consumer.domain.results import outgoing
from consumer.domain.sync_plan import Tally, batch_ended, messages
from consumer.domain.sync_writes import CountPart
from consumer.domain.writes import SaveProducts, UnitOfWork
from consumer.handlers.breathing import slices
from consumer.handlers.goods_telling import Told, product_changed, told, words
from consumer.handlers.order_calls import utc_now

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from consumer.domain.outcome import Outcome
    from consumer.domain.ports import GoodsBooks, HaierGoods
    from consumer.domain.product import Product
    from consumer.domain.sync_plan import BatchStanding
    from consumer.domain.writes import InboxKey, OutboxMessage
    from schemas.envelope import Event
    from schemas.internal import CatalogBatchProducts

GOODS_PER_PART: Final = 500
"""Goods in one transaction; a multiple of `GOODS_PER_BATCH`."""
CODES_PER_PAGE: Final = 1_000
TRIES: Final = 4
"""How often a part is written whose goods somebody else changes at the same moment."""


class WholeList:
    """Carries out a ``catalog.batch.products`` without codes.

    Args:
        books: our state.
        haier: the supplier.
        hand_over: where committed results go at once; waits while too many are on their way.
    """

    def __init__(
        self, books: GoodsBooks, haier: HaierGoods, hand_over: Callable[[Sequence[OutboxMessage]], Awaitable[None]]
    ) -> None:
        self._books = books
        self._haier = haier
        self._hand_over = hand_over

    async def read(self, event: Event, key: InboxKey, batch: CatalogBatchProducts, standing: BatchStanding) -> Outcome:
        """Read the list and plan what follows from it.

        Raises:
            SupplierError: there is no list.
            BatchCounted: the sync was cancelled, or another delivery of the batch is at it; what is counted stands.
        """
        began, tally = utc_now(), Tally()
        reading = _Reading(self._books, self._hand_over, event, key, batch)
        await reading.go_on()
        try:
            async with self._haier.listing() as listing:
                async for look in listing.parts(GOODS_PER_PART):
                    await reading.take(look)
        except Rejected as refusal:
            tally.refuse_all(refusal, words(refusal))
            return batch_ended(event, key, batch, tally, standing, began=began, now=utc_now())
        left_out = await self._left_out(batch, reading.seen) if batch.keep else []
        again = goods_batches(batch.sync_id, left_out, batch.following, left_out=True, first=reading.hundred)
        return batch_ended(event, key, batch, tally, standing, began=began, now=utc_now(), following=again)

    async def _left_out(self, batch: CatalogBatchProducts, seen: set[str]) -> list[str]:
        found: list[str] = []
        after: str | None = ""
        while after is not None:
            page = await self._books.procurable(
                category=batch.category, brand=batch.brand, after=after, limit=CODES_PER_PAGE
            )
            found += [code for code in page if code not in seen]
            after = page[-1] if page else None
        return found


class _Reading:
    """How far the list is read.

    Attributes:
        seen: codes of the list; those of parts that were counted before too.
        hundred: the next that is free.
    """

    def __init__(
        self,
        books: GoodsBooks,
        hand_over: Callable[[Sequence[OutboxMessage]], Awaitable[None]],
        event: Event,
        key: InboxKey,
        batch: CatalogBatchProducts,
    ) -> None:
        self._books = books
        self._hand_over = hand_over
        self._event = event
        self._key = key
        self._batch = batch
        self._numbers = Numbers(len(batch.following.counties))
        self._nameless = 0
        self.seen: set[str] = set()
        self.hundred = LIST + 1

    async def go_on(self) -> None:
        """Begin behind what was counted before."""
        for number, codes in (await self._books.sync_parts(self._batch.sync_id)).items():
            self.seen.update(codes)
            self.hundred = max(self.hundred, self._numbers.hundred(number) + _hundreds(len(codes)))

    async def take(self, look: Look[Product]) -> None:
        """Keep and count a part, in a transaction of its own."""
        part = {product.product_code: product for product in look.found if product.product_code not in self.seen}
        goods = [product for product in part.values() if fits(product, self._batch)]
        named = {entry.product_code or self._stand_in(): entry.reason for entry in look.unreadable}
        unreadable = {code: reason for code, reason in named.items() if code not in self.seen}
        codes = tuple(dict.fromkeys((*(product.product_code for product in goods), *unreadable)))
        self.seen.update(part)
        self.seen.update(unreadable)
        if codes:
            await self._write(look, goods, unreadable, codes)
            self.hundred += _hundreds(len(codes))

    def _stand_in(self) -> str:
        """Return a name for an entry that tells none: each is counted, and once, however often the list is read."""
        self._nameless += 1
        return f"?{self._nameless}"

    async def _write(
        self, look: Look[Product], goods: Sequence[Product], unreadable: dict[str, str], codes: tuple[str, ...]
    ) -> None:
        for left in reversed(range(TRIES)):
            kept = await self._kept(look, goods)
            unit, rows = await self._unit(goods, kept, unreadable, codes)
            try:
                await self._books.commit(unit)
            except StaleGoods:
                if not left:
                    raise
            else:
                await self._hand_over(rows)
                return

    async def _kept(self, look: Look[Product], goods: Sequence[Product]) -> Told[Product]:
        if not self._batch.keep:
            return Told()
        held = await self._books.differing_products(goods)
        changed = changes(held, [Look(look.seen_at, tuple(goods))], key=lambda product: product.product_code)
        kept: Told[Product] = Told()
        async for some in slices(changed):
            kept.add(told(some, product_changed, request=self._event.correlationid))
        return kept

    async def _unit(
        self, goods: Sequence[Product], kept: Told[Product], unreadable: dict[str, str], codes: tuple[str, ...]
    ) -> tuple[UnitOfWork, list[OutboxMessage]]:
        now, tally = utc_now(), Tally()
        failed = unreadable | kept.broken
        for code in codes:
            if code in failed:
                tally.fail(code, failed[code])
            elif self._batch.keep:
                tally.succeed(changed=code in kept.changed)
        found = [product for product in goods if product.product_code not in kept.broken]
        children = following(self._batch, found, hundred=self.hundred)
        count = tally.counted(
            self._batch, began=now, now=now, following=children, number=self._numbers.goods(self.hundred)
        )
        part = CountPart(self._batch.number, codes, tally.succeeded + tally.failed, count)
        # The batches first: the lanes wait for them.
        results = (*messages(children, correlationid=self._event.correlationid), *kept.results)
        rows: list[OutboxMessage] = []
        async for some in slices(results):
            rows += outgoing(
                some,
                key=self._key,
                correlationid=self._event.id,
                traceparent=self._event.traceparent,
                now=now,
            )
        saved = (SaveProducts(tuple(kept.changes)),) if kept.changes else ()
        return UnitOfWork((*saved, part, *rows)), rows


def _hundreds(codes: int) -> int:
    return -(-codes // GOODS_PER_BATCH)
