"""Ends reschedules whose create never came: ``order.reschedule.failed``, code ``order_unknown`` (DESIGN section 6).

Their events are done, so nothing comes round that could end them; a chore looks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol
from uuid import uuid4

from consumer.domain.errors import StateError
from consumer.domain.order import CallKind
from consumer.domain.results import outgoing
from consumer.domain.writes import SaveOrder, UnitOfWork
from consumer.handlers.order_calls import utc_now
from consumer.handlers.order_results import lapsed_held
from consumer.observability.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from consumer.domain.order import Order
    from consumer.domain.writes import OutboxMessage

log = get_logger(__name__)

ORDERS_AT_A_TIME: Final = 100


class LapseBooks(Protocol):
    """What lapsing needs of our state."""

    async def commit(self, unit: UnitOfWork) -> None:
        """Commit ``unit`` whole, durable on return."""
        ...

    async def orders_with_held(self, older_than: timedelta, *, after: str, limit: int) -> Sequence[Order]:
        """Return orders that came into the books longer ago than that and hold something, by ``so_id`` after one."""
        ...


class HeldLapsing:
    """Ends what was held for too long.

    Args:
        books: our state.
        hand_over: where committed results go at once.
        keep: how long a reschedule waits for its create.
    """

    def __init__(
        self, books: LapseBooks, hand_over: Callable[[Sequence[OutboxMessage]], None], *, keep: timedelta
    ) -> None:
        self._books = books
        self._hand_over = hand_over
        self._keep = keep

    async def once(self) -> None:
        """Look through all orders that hold something; one that is being worked on is left for the next time."""
        after = ""
        while orders := await self._books.orders_with_held(self._keep, after=after, limit=ORDERS_AT_A_TIME):
            for order in orders:
                await self._lapse(order)
            after = orders[-1].so_id

    async def _lapse(self, order: Order) -> None:
        now = utc_now()
        late = [held for held in order.held if now - held.held_at >= self._keep]
        # While a create is unanswered, what is held went along in its body, and its answer tells what became of it.
        if not late or order.unanswered(CallKind.CREATE) is not None:
            return
        lapsed = replace(order, held=tuple(held for held in order.held if held not in late))
        rows: list[OutboxMessage] = []
        for held in late:
            lapsed, result = lapsed_held(lapsed, held, now)
            rows += outgoing((result,), key=held.key, correlationid=held.key.event_id, traceparent=None, now=now)
        try:
            await self._books.commit(UnitOfWork((SaveOrder(lapsed, uuid4().hex), *rows)))
        except StateError as error:
            log.info("held reschedules are left for the next look", so_id=order.so_id, error=error)
            return
        self._hand_over(rows)
