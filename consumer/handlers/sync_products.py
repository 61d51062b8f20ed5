"""``sync.products.requested``: bring goods, brands and categories into step with Haier (DESIGN 7; SUPPLIERS, goods).

A list of codes goes in batches of twenty; without codes the whole list comes in one answer. Each batch is one unit of
work: products, ``product.changed`` for what really changed, and the sync log's counts, so that progress can be watched
and a crash costs one batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from consumer.domain.errors import Defect, Malformed, Rejected
from consumer.domain.outcome import Ending, Outcome, Result
from consumer.domain.ports import PRODUCTS_PER_CALL
from consumer.domain.product import Product, ProductChange, changes
from consumer.domain.results import outgoing, recorded, sync_log_id
from consumer.domain.writes import SaveProducts, SyncLogRow, SyncStatus, SyncType, UnitOfWork
from consumer.handlers.order_calls import utc_now
from schemas.events import SyncProductsRequested
from schemas.results import FailedItem, ProductChanged, ProductValues, SyncCompleted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from consumer.domain.ports import Books, HaierGoods, SyncObserver
    from consumer.domain.writes import InboxKey, OutboxMessage
    from schemas.envelope import Event

T = TypeVar("T")

PRODUCTS_PER_UNIT = 200
"""Products of the whole list that are written in one unit of work."""
FAILED_NAMED = 100
"""Failed codes that ``sync.completed`` names."""


@dataclass(slots=True)
class _Tally:
    """Counts of one sync as it goes on."""

    total: int
    succeeded: int = 0
    failed: int = 0
    changed: int = 0
    failures: list[FailedItem] = field(default_factory=list)
    last_refusal: Rejected | None = None

    def failed_codes(self, codes: Sequence[str], reason: str) -> None:
        self.failed += len(codes)
        room = FAILED_NAMED - len(self.failures)
        self.failures.extend(FailedItem(product_code=code, reason=reason) for code in codes[:room])


class SyncProductsHandler:
    """Carries out ``sync.products.requested``.

    Args:
        books: our state.
        haier: the supplier.
        hand_over: where committed results of a batch go at once.
        observer: told how each sync ended.
        config_id: tells which stored account calls are made with now; None is the environment's.
    """

    def __init__(
        self,
        books: Books,
        haier: HaierGoods,
        hand_over: Callable[[Sequence[OutboxMessage]], None],
        observer: SyncObserver,
        config_id: Callable[[], Awaitable[str | None]],
    ) -> None:
        self._books = books
        self._haier = haier
        self._hand_over = hand_over
        self._observer = observer
        self._config_id = config_id

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:
        """Sync the goods that were asked for."""
        wanted = event.data
        if not isinstance(wanted, SyncProductsRequested):
            raise TypeError(f"sync.products.requested carries {type(wanted).__name__}")
        if wanted.with_prices or wanted.with_stock:
            raise Defect(
                "no handler yet for with_prices and with_stock of sync.products.requested: the request is kept in the "
                "dead letters; ask for the goods alone to have them now",
                code="no_handler_yet",
            )
        now = utc_now()
        row = SyncLogRow(
            id=sync_log_id(key),
            sync_type=SyncType.PRODUCTS,
            status=SyncStatus.PROCESSING,
            message="running",
            total_count=len(wanted.product_codes or ()),
            success_count=0,
            failed_count=0,
            created_at=now,
            started_at=now,
            completed_at=None,
            event_id=event.id,
            config_id=await self._config_id(),
        )
        await self._books.commit(UnitOfWork((row,)))
        tally = _Tally(total=row.total_count)
        if wanted.product_codes:
            await self._by_codes(event, key, row, tally, list(dict.fromkeys(wanted.product_codes)), wanted)
        else:
            await self._whole_list(event, key, row, tally, wanted)
        outcome = self._outcome(row, tally)
        self._observer.sync_ended(
            SyncType.PRODUCTS.value,
            changed=tally.changed,
            unchanged=tally.succeeded - tally.changed,
            failed=tally.failed,
            success=outcome.ending is Ending.DONE,
        )
        return outcome

    async def _by_codes(
        self,
        event: Event,
        key: InboxKey,
        row: SyncLogRow,
        tally: _Tally,
        codes: list[str],
        wanted: SyncProductsRequested,
    ) -> None:
        tally.total = len(codes)
        for batch in _parts(codes, PRODUCTS_PER_CALL):
            try:
                products = _once_each(await self._haier.procurable_products(batch))
            except (Rejected, Malformed) as error:
                # What fails for twenty codes harms no other twenty.
                tally.failed_codes(batch, error.supplier_message or error.message)
                tally.last_refusal = error if isinstance(error, Rejected) else tally.last_refusal
                await self._progress(row, tally)
                continue
            found = {product.product_code for product in products}
            tally.failed_codes([code for code in batch if code not in found], "Haier does not list this code")
            fitting = [product for product in products if _fits(product, wanted)]
            tally.succeeded += len(products) - len(fitting)
            await self._store(event, key, row, tally, _usable(fitting, tally))

    async def _whole_list(
        self, event: Event, key: InboxKey, row: SyncLogRow, tally: _Tally, wanted: SyncProductsRequested
    ) -> None:
        try:
            products = _once_each(await self._haier.procurable_products(None))
        except Rejected as error:
            tally.last_refusal = error
            return
        fitting = [product for product in products if _fits(product, wanted)]
        tally.total = len(fitting)
        for part in _parts(fitting, PRODUCTS_PER_UNIT):
            await self._store(event, key, row, tally, _usable(part, tally))

    async def _store(
        self, event: Event, key: InboxKey, row: SyncLogRow, tally: _Tally, products: Sequence[Product]
    ) -> None:
        """Write one batch with its changes and counts, whole."""
        now = utc_now()
        known = await self._books.products([product.product_code for product in products])
        changed = changes(known, products)
        rows = outgoing(
            [_changed(change) for change in changed],
            key=key,
            correlationid=event.id,
            traceparent=event.traceparent,
            now=now,
        )
        tally.succeeded += len(products)
        tally.changed += len(changed)
        writes = (SaveProducts(tuple(products), now),) if products else ()
        await self._books.commit(UnitOfWork((*writes, _running(row, tally), *rows)))
        self._hand_over(rows)

    async def _progress(self, row: SyncLogRow, tally: _Tally) -> None:
        await self._books.commit(UnitOfWork((_running(row, tally),)))

    @staticmethod
    def _outcome(row: SyncLogRow, tally: _Tally) -> Outcome:
        ended = replace(_running(row, tally), status=_status(tally), message=_summary(tally), completed_at=utc_now())
        completed = SyncCompleted(
            sync_log=recorded(ended),
            changed=tally.changed,
            unchanged=tally.succeeded - tally.changed,
            failed=tuple(tally.failures),
        )
        ending = {SyncStatus.SUCCESS: Ending.DONE, SyncStatus.PARTIAL: Ending.PARTIAL}.get(ended.status, Ending.REFUSED)
        return Outcome(
            ending,
            (
                Result("sync.completed", completed, subject=ended.id),
                Result("sync_log.recorded", recorded(ended), subject=ended.id),
            ),
            (ended,),
            refusal=tally.last_refusal if ended.status is SyncStatus.FAILED else None,
        )


def _running(row: SyncLogRow, tally: _Tally) -> SyncLogRow:
    return replace(
        row,
        total_count=tally.total,
        success_count=tally.succeeded,
        failed_count=tally.failed,
        status=SyncStatus.PROCESSING,
    )


def _status(tally: _Tally) -> SyncStatus:
    if tally.last_refusal is not None and tally.succeeded == 0:
        return SyncStatus.FAILED
    if tally.failed == 0:
        return SyncStatus.SUCCESS
    return SyncStatus.PARTIAL if tally.succeeded else SyncStatus.FAILED


def _summary(tally: _Tally) -> str:
    if tally.last_refusal is not None and tally.succeeded == 0:
        return tally.last_refusal.supplier_message or tally.last_refusal.message
    return f"{tally.succeeded} of {tally.total} goods in step, {tally.changed} changed, {tally.failed} failed"


def _once_each(products: Sequence[Product]) -> list[Product]:
    """Return the products of an answer, of a code that it names twice the last."""
    return list({product.product_code: product for product in products}.values())


def _usable(products: Sequence[Product], tally: _Tally) -> list[Product]:
    """Return the products that our contract can tell; one that it cannot is a failed item and harms no other."""
    usable = []
    for product in products:
        try:
            _changed(ProductChange(new=product, old=None))
        except ValidationError as error:
            fields = ", ".join(str(found["loc"][-1]) for found in error.errors()[:3])
            tally.failed_codes([product.product_code[:64] or "?"], f"Haier's values break our contract: {fields}")
        else:
            usable.append(product)
    return usable


def _fits(product: Product, wanted: SyncProductsRequested) -> bool:
    return (wanted.category is None or product.category == wanted.category) and (
        wanted.brand is None or product.brand == wanted.brand
    )


def _changed(change: ProductChange) -> Result:
    return Result(
        "product.changed",
        ProductChanged(
            product_code=change.new.product_code,
            new=_values(change.new),
            old=None if change.old is None else _values(change.old),
        ),
        subject=change.new.product_code,
    )


def _values(product: Product) -> ProductValues:
    return ProductValues(
        model=product.model,
        category=product.category,
        brand=product.brand,
        image_url=product.image_url,
        page_image_urls=product.page_image_urls,
        procurable=product.procurable,
        reason=product.reason,
    )


def _parts(values: list[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
