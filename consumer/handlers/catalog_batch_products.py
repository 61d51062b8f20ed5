"""``catalog.batch.products``: bring a hundred goods into step, and plan what follows from them (SUPPLIERS, goods).

A good that cannot be ordered is marked with the reason, never deleted, also when Haier does not list it any more. The
batch that asks for the whole list is carried out by `consumer.handlers.whole_list`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from consumer.domain.catalogue_plan import Numbers, fits, following
from consumer.domain.looks import Look, changes
from consumer.domain.parts import parts
from consumer.domain.ports import PRODUCTS_PER_CALL
from consumer.domain.results import sync_log_id
from consumer.domain.sync_plan import Tally, batch_ended, called_off, planned
from consumer.domain.sync_writes import BatchStatus
from consumer.domain.writes import SaveProducts, SyncType
from consumer.handlers.asking import answers, last_refusal
from consumer.handlers.goods_telling import product_changed, told, words
from consumer.handlers.order_calls import utc_now
from schemas.internal import CatalogBatchProducts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from consumer.domain.outcome import Outcome
    from consumer.domain.ports import GoodsBooks, HaierGoods, SyncAccount
    from consumer.domain.product import Product
    from consumer.domain.sync_plan import BatchStanding
    from consumer.domain.writes import InboxKey
    from consumer.handlers.asking import NoAnswer
    from consumer.handlers.goods_telling import Told
    from consumer.handlers.whole_list import WholeList
    from schemas.envelope import Event

NOT_LISTED: Final = "Haier does not list this code"


class CatalogBatchProductsHandler:
    """Carries out ``catalog.batch.products``.

    Args:
        books: our state.
        haier: the supplier.
        whole_list: carries out the batch that asks for everything.
        account: tells which account calls at Haier are made with now.
    """

    def __init__(
        self,
        books: GoodsBooks,
        haier: HaierGoods,
        whole_list: WholeList,
        account: Callable[[], Awaitable[SyncAccount]],
    ) -> None:
        self._books = books
        self._haier = haier
        self._whole_list = whole_list
        self._account = account

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:
        """Ask, keep what changed, count, and plan what follows.

        Raises:
            SupplierError: one of the calls has no answer, or none has a readable one.
            StaleGoods: one of the goods changed meanwhile; nothing was kept.
        """
        batch = event.data
        if not isinstance(batch, CatalogBatchProducts):
            raise TypeError(f"catalog.batch.products carries {type(batch).__name__}")
        standing = await self._books.sync_batch(batch.sync_id, batch.number)
        if standing is None or standing.status is not BatchStatus.OPEN:
            cancelled = standing is not None and standing.status is BatchStatus.CANCELLED
            return called_off() if cancelled else await self._again(event, key, batch)
        if batch.product_codes is None:
            return await self._whole_list.read(event, key, batch, standing)
        return await self._goods(event, key, batch, batch.product_codes, standing)

    async def _again(self, event: Event, key: InboxKey, batch: CatalogBatchProducts) -> Outcome:
        """A replay of what was counted before is a sync of its own: with all that follows from the goods."""
        account = await self._account()
        again = batch.model_copy(update={"sync_id": sync_log_id(key)})
        return planned(
            event,
            key,
            sync_type=SyncType.MANUAL,
            batches=[(again, len(batch.product_codes or ()))],
            config_id=account.config_id,
            now=utc_now(),
        )

    async def _goods(
        self,
        event: Event,
        key: InboxKey,
        batch: CatalogBatchProducts,
        codes: Sequence[str],
        standing: BatchStanding,
    ) -> Outcome:
        began, tally = utc_now(), Tally()
        answered = await answers(
            {tuple(part): partial(self._look, part, event.time) for part in parts(codes, PRODUCTS_PER_CALL)}
        )
        looks = {asked: answer for asked, answer in answered.items() if isinstance(answer, Look)}
        listed = {product.product_code: product for look in looks.values() for product in look.found}
        unfit = {code for code, product in listed.items() if not fits(product, batch)}
        kept = await self._kept(looks, unfit, request=event.correlationid)
        failed = _missing(answered) | kept.broken
        if not batch.left_out:
            failed = _unorderable(listed) | failed
        else:
            # That the list has left them out is known; that they are marked is all that was wanted.
            failed = {code: why for code, why in failed.items() if why != NOT_LISTED}
        tally.refusal = last_refusal(answered)
        for code in codes:
            if code in failed and code not in unfit:
                tally.fail(code, failed[code])
            else:
                tally.succeed(changed=code in kept.changed)
        found = [product for code, product in listed.items() if code not in unfit and code not in kept.broken]
        return batch_ended(
            event,
            key,
            batch,
            tally,
            standing,
            began=began,
            now=utc_now(),
            results=kept.results,
            writes=(SaveProducts(tuple(kept.changes)),) if kept.changes else (),
            following=() if batch.left_out else following(batch, found, hundred=_hundred(batch)),
        )

    async def _look(self, codes: Sequence[str], asked_at: datetime | None) -> Look[Product]:
        """Ask for one call's codes; what was looked at since the batch was asked for holds for it too."""
        look = await self._haier.products(codes, since=asked_at)
        return replace(look, found=tuple(product for product in look.found if product.product_code in codes))

    async def _kept(
        self, looks: Mapping[tuple[str, ...], Look[Product]], unfit: AbstractSet[str], *, request: str | None
    ) -> Told[Product]:
        """Return what changed of the goods that fit, and of those that Haier does not list any more, marked so."""
        known = await self._books.products([code for asked, look in looks.items() for code in _gone(asked, look)])
        seen = []
        for asked, look in looks.items():
            fit = [product for product in look.found if product.product_code not in unfit]
            gone = [
                replace(known[code].value, procurable=False, reason=NOT_LISTED)
                for code in _gone(asked, look)
                if code in known
            ]
            seen.append(Look(look.seen_at, (*fit, *gone)))
        held = await self._books.differing_products([product for look in seen for product in look.found])
        return told(changes(held, seen, key=_code), product_changed, request=request)


def _hundred(batch: CatalogBatchProducts) -> int:
    return Numbers(len(batch.following.counties)).hundred(batch.number)


def _code(product: Product) -> str:
    return product.product_code


def _gone(codes: Sequence[str], look: Look[Product]) -> list[str]:
    """Return which of ``codes`` Haier does not list."""
    unreadable = {entry.product_code for entry in look.unreadable}
    if "" in unreadable:
        # It may be any of those that are missed.
        return []
    listed = {product.product_code for product in look.found} | unreadable
    return [code for code in codes if code not in listed]


def _missing(answered: Mapping[tuple[str, ...], Look[Product] | NoAnswer]) -> dict[str, str]:
    """Return why codes that were asked for were not found."""
    missing: dict[str, str] = {}
    for codes, answer in answered.items():
        if not isinstance(answer, Look):
            missing |= dict.fromkeys(codes, words(answer))
            continue
        unreadable = {entry.product_code: entry.reason for entry in answer.unreadable}
        nameless = unreadable.get("", NOT_LISTED)
        listed = {product.product_code for product in answer.found}
        missing |= {code: unreadable.get(code, nameless) for code in codes if code not in listed}
    return missing


def _unorderable(listed: Mapping[str, Product]) -> dict[str, str]:
    return {
        code: f"it cannot be ordered now: {product.reason or 'Haier gives no reason'}"
        for code, product in listed.items()
        if not product.procurable
    }
