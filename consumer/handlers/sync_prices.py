"""``sync.prices.requested``: plan whose prices are brought into step; without codes those of the whole list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.catalogue_plan import list_batch, price_batches
from consumer.domain.writes import SyncType
from consumer.handlers.sync_requesting import once_each, requested
from schemas.events import SyncPricesRequested
from schemas.internal import Following

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.domain.outcome import Outcome
    from consumer.domain.ports import PlanBooks, SyncAccount
    from consumer.domain.sync_plan import Sized
    from consumer.domain.writes import InboxKey
    from schemas.envelope import Event

PRICES = Following(prices=True)


class SyncPricesHandler:
    """Carries out ``sync.prices.requested``.

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
        if not isinstance(wanted, SyncPricesRequested):
            raise TypeError(f"sync.prices.requested carries {type(wanted).__name__}")
        codes = once_each(wanted.product_codes)

        def batches(sync_id: str) -> list[Sized]:
            if codes is None:
                return [list_batch(sync_id, PRICES, keep=False)]
            return price_batches(sync_id, codes, PRICES)

        return await requested(
            event,
            key,
            books=self._books,
            account=await self._account(),
            sync_type=SyncType.PRICES,
            wish=(codes,),
            batches=batches,
        )
