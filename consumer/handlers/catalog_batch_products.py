"""``catalog.batch.products``: bring up to twenty goods into step, and plan what follows from them (SUPPLIERS, goods).

A good that cannot be ordered is marked with the reason, never deleted, also when Haier does not list it any more. The
batch that asks for the whole list is carried out by `consumer.handlers.whole_list`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from consumer.domain.catalogue_plan import Numbers, fits, following
from consumer.domain.errors import Rejected
from consumer.domain.looks import changes
from consumer.domain.results import sync_log_id
from consumer.domain.sync_plan import Tally, batch_ended, called_off, planned
from consumer.domain.sync_writes import BatchStatus
from consumer.domain.writes import SaveProducts, SyncType
from consumer.handlers.goods_telling import product_changed, told, words
from consumer.handlers.order_calls import utc_now
from schemas.internal import CatalogBatchProducts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from consumer.domain.looks import Known, Look
    from consumer.domain.outcome import Outcome
    from consumer.domain.ports import GoodsBooks, HaierGoods, SyncAccount
    from consumer.domain.product import Product
    from consumer.domain.sync_plan import BatchStanding
    from consumer.domain.writes import InboxKey
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
            SupplierError: there is no answer.
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
        try:
            # What was looked at since the batch was asked for holds for it too.
            look = await self._haier.products(codes, since=event.time)
        except Rejected as refusal:
            tally.refuse(codes, refusal, words(refusal))
            return batch_ended(event, key, batch, tally, standing, began=began, now=utc_now())
        known = await self._books.products(codes)
        listed = {product.product_code: product for product in look.found}
        unfit = {code for code, product in listed.items() if not fits(product, batch)}
        seen = [product for code, product in listed.items() if code not in unfit] + _gone(codes, look, known)
        kept = told(changes(known, seen, key=_code, seen_at=look.seen_at), product_changed, request=event.correlationid)
        failed = _missing(codes, look) | kept.broken
        if not batch.left_out:
            failed = _unorderable(listed) | failed
        elif failed:
            # That the list has left them out is known; that they are marked is all that was wanted.
            failed = {code: why for code, why in failed.items() if why != NOT_LISTED}
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
            following=() if batch.left_out else following(batch, found, twenty=_twenty(batch)),
        )


def _twenty(batch: CatalogBatchProducts) -> int:
    return Numbers(len(batch.following.counties)).twenty(batch.number)


def _code(product: Product) -> str:
    return product.product_code


def _gone(codes: Sequence[str], look: Look[Product], known: Mapping[str, Known[Product]]) -> list[Product]:
    """Return what the books have of codes that Haier does not list any more, marked so."""
    if look.unreadable:
        # One of the entries that cannot be read may be the one that is missed.
        return []
    listed = {product.product_code for product in look.found}
    return [
        replace(known[code].value, procurable=False, reason=NOT_LISTED)
        for code in codes
        if code not in listed and code in known
    ]


def _missing(codes: Sequence[str], look: Look[Product]) -> dict[str, str]:
    """Return why codes that were asked for were not found."""
    unreadable = {entry.product_code: entry.reason for entry in look.unreadable}
    nameless = unreadable.get("", NOT_LISTED)
    listed = {product.product_code for product in look.found}
    return {code: unreadable.get(code, nameless) for code in codes if code not in listed}


def _unorderable(listed: Mapping[str, Product]) -> dict[str, str]:
    return {
        code: f"it cannot be ordered now: {product.reason or 'Haier gives no reason'}"
        for code, product in listed.items()
        if not product.procurable
    }
