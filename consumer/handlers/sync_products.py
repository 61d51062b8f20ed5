"""``sync.products.requested``: plan which goods, and with them which prices and stock, are brought into step.

Nobody is called here. What the request leaves out comes from the account's defaults (EVENTS, "In").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.catalogue_plan import goods_batches, list_batch
from consumer.domain.sync_plan import refused
from consumer.domain.writes import SyncType
from consumer.handlers.order_calls import utc_now
from consumer.handlers.sync_requesting import once_each, requested
from schemas.events import SyncProductsRequested
from schemas.internal import Following

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.domain.outcome import Outcome
    from consumer.domain.ports import PlanBooks, SyncAccount
    from consumer.domain.sync_plan import Sized
    from consumer.domain.writes import InboxKey
    from schemas.envelope import Event

NO_COUNTY = (
    "stock is asked for, but for no county: name county_codes in the request, or set the account's county_codes "
    "(`relay config set`); to have the goods alone ask with with_stock false"
)


class SyncProductsHandler:
    """Carries out ``sync.products.requested``.

    Args:
        books: which syncs are under way.
        account: tells which account calls at Haier are made with now.
    """

    def __init__(self, books: PlanBooks, account: Callable[[], Awaitable[SyncAccount]]) -> None:
        self._books = books
        self._account = account

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:
        """Plan the batches; a long list is split, never cut."""
        wanted = event.data
        if not isinstance(wanted, SyncProductsRequested):
            raise TypeError(f"sync.products.requested carries {type(wanted).__name__}")
        account = await self._account()
        following = _following(wanted, account)
        if following is None:
            return refused(
                event, key, NO_COUNTY, sync_type=SyncType.PRODUCTS, config_id=account.config_id, now=utc_now()
            )
        codes = once_each(wanted.product_codes)

        def batches(sync_id: str) -> list[Sized]:
            if codes is None:
                return [list_batch(sync_id, following, category=wanted.category, brand=wanted.brand)]
            return goods_batches(sync_id, codes, following, category=wanted.category, brand=wanted.brand)

        return await requested(
            event,
            key,
            books=self._books,
            account=account,
            sync_type=SyncType.PRODUCTS,
            wish=(codes, wanted.category, wanted.brand, following.prices, following.counties),
            batches=batches,
        )


def _following(wanted: SyncProductsRequested, account: SyncAccount) -> Following | None:
    """Return what follows from the goods; None: stock does, but for no county. Who names counties wants stock there."""
    prices = account.prices if wanted.with_prices is None else wanted.with_prices
    stock = wanted.with_stock
    if stock is None:
        stock = account.stock or wanted.county_codes is not None
    if not stock:
        return Following(prices=prices)
    counties = once_each(wanted.county_codes or account.counties)
    return Following(prices=prices, counties=tuple(counties)) if counties else None
