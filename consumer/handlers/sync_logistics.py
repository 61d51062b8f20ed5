"""``sync.logistics.requested``: plan which orders' shipments are brought up to date, in batches (DESIGN section 7).

Nobody is called here. The row in ``haier_sync_log``, the plan and the batches' messages hold together with the event's
end; `consumer.handlers.sync_logistics_batch` does the work. Of open orders only the numbers are read, page by page, so
that thirty thousand of them are a few megabytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consumer.domain.ports import ORDERS_PER_CALL
from consumer.domain.results import sync_log_id
from consumer.domain.sync_plan import planned
from consumer.domain.writes import SyncType
from consumer.handlers.order_calls import utc_now
from schemas.events import SyncLogisticsRequested
from schemas.internal import SyncLogisticsBatch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.domain.outcome import Outcome
    from consumer.domain.ports import OpenOrders
    from consumer.domain.writes import InboxKey
    from schemas.envelope import Event

OPEN_PER_PAGE: Final = 1_000


class SyncLogisticsHandler:
    """Carries out ``sync.logistics.requested``.

    Args:
        books: which orders are open.
        config_id: tells which stored account calls at Haier are made with now; None is the environment's.
    """

    def __init__(self, books: OpenOrders, config_id: Callable[[], Awaitable[str | None]]) -> None:
        self._books = books
        self._config_id = config_id

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:
        """Plan the batches; a long list is split, never cut."""
        wanted = event.data
        if not isinstance(wanted, SyncLogisticsRequested):
            raise TypeError(f"sync.logistics.requested carries {type(wanted).__name__}")
        so_ids = list(dict.fromkeys(wanted.so_ids)) if wanted.so_ids is not None else await self._open()
        batches = [
            SyncLogisticsBatch(
                sync_id=sync_log_id(key),
                number=number,
                so_ids=tuple(so_ids[start : start + ORDERS_PER_CALL]),
                detail=bool(wanted.detail),
                with_photos=bool(wanted.with_photos),
            )
            for number, start in enumerate(range(0, len(so_ids), ORDERS_PER_CALL), 1)
        ]
        return planned(
            event,
            key,
            sync_type=SyncType.LOGISTICS,
            batches=[(batch, len(batch.so_ids)) for batch in batches],
            config_id=await self._config_id() if wanted.detail else None,
            now=utc_now(),
        )

    async def _open(self) -> list[str]:
        found: list[str] = []
        page = await self._books.open_orders(after="", limit=OPEN_PER_PAGE)
        while page:
            found += page
            page = await self._books.open_orders(after=page[-1], limit=OPEN_PER_PAGE)
        return found
