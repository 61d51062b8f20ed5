"""Making a changing call at YLH so that no crash can hide what happened: intent, call, outcome.

The intent, with the exact bytes, is committed before the call, as ``unknown``. Whatever stops us after that, the next
one to look finds that the order may or may not be at YLH, and sends the same bytes again. After the call its outcome
is noted, also that of a call that never left: only an order with a truly unknown outcome may read a duplicate refusal
as its own arrival.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from consumer.domain.errors import Rejected, StateError, SupplierError, UnknownOutcome
from consumer.domain.order import CallKind, CallOutcome, Intent, Order, OrderState
from consumer.domain.ports import ALREADY_AT_SUPPLIER, UNKNOWN_ORDER
from consumer.domain.writes import SaveOrder, UnitOfWork

if TYPE_CHECKING:
    from datetime import timedelta

    from consumer.domain.ports import Books, YlhOrders


class OrderCalls:
    """The changing calls on orders, each under the order's lease.

    Args:
        books: our state.
        ylh: the supplier.
        lease: must outlast a whole call with its immediate retries.
    """

    def __init__(self, books: Books, ylh: YlhOrders, *, lease: timedelta) -> None:
        self._books = books
        self._ylh = ylh
        self._lease = lease
        self._owner = uuid4().hex

    @property
    def owner(self) -> str:
        """Who holds the leases that are taken here: this process."""
        return self._owner

    async def read(self, so_id: str) -> Order:
        """Return the order; one that is not in the books yet is new, with row version 0."""
        return await self._books.order(so_id) or Order(so_id)

    def release(self, order: Order) -> SaveOrder:
        """Return the write that stores ``order`` and gives up its lease."""
        return SaveOrder(order, self._owner)

    async def create(self, order: Order, intent: Intent) -> Order:
        """Push an order: commit ``intent``, send it, and return the order as it stands then (not yet stored).

        Where ``intent`` is the order's own unanswered one, this is a resend.

        Raises:
            Refused: YLH said no; carries the order as it stands then.
            SupplierError: no answer; what is known of the call has been stored.
        """
        unanswered = order.unanswered(CallKind.CREATE) is not None
        doubtful = order.may_be_there
        pushing = await self._begin(replace(order, state=OrderState.PUSHING), intent)
        try:
            arrived = await self._ylh.create(order.so_id, intent.body, unanswered=unanswered)
        except Rejected as error:
            # A refusal proves absence only where no earlier send, of this content or an older one, may have been taken.
            absent = not doubtful and error.code != ALREADY_AT_SUPPLIER
            known = CallOutcome.REFUSED if absent else CallOutcome.MAY_BE_THERE
            refused = replace(pushing.answered(known), state=OrderState.NEW)
            raise Refused(error, refused) from error
        except SupplierError as error:
            unsent = CallOutcome.MAY_BE_THERE if doubtful else CallOutcome.NOT_SENT
            await self._note_silence(
                pushing, error, unanswered=unanswered, before=replace(pushing.answered(unsent), state=OrderState.NEW)
            )
            raise
        return replace(pushing.arrived(), retail_order_no=arrived.retail_order_no or pushing.retail_order_no)

    async def cancel(self, order: Order, intent: Intent) -> Order:
        """Cancel an order: as `create`, with state ``cancelling`` on success."""
        unanswered = order.unanswered(CallKind.CANCEL) is not None
        cancelling = await self._begin(replace(order, state=OrderState.CANCELLING), intent)
        try:
            await self._ylh.cancel(order.so_id, intent.body)
        except Rejected as error:
            never_there = error.code == UNKNOWN_ORDER and order.applied_version is None
            if unanswered and not never_there:
                # An earlier send of it may have been taken, and a second one refused for that very reason.
                await self.stored(cancelling)
                raise
            raise Refused(error, cancelling.answered(CallOutcome.REFUSED)) from error
        except SupplierError as error:
            await self._note_silence(
                cancelling, error, unanswered=unanswered, before=cancelling.answered(CallOutcome.NOT_SENT)
            )
            raise
        return cancelling.answered(CallOutcome.DONE)

    async def clear_up_create(self, order: Order) -> Order:
        """Find out about an unanswered create by sending its stored body again; returns the order, stored.

        Raises:
            SupplierError: still no answer.
        """
        if order.intent is None:
            raise ValueError(f"order {order.so_id} has no create to clear up")
        try:
            cleared = await self.create(order, order.intent)
        except Refused as error:
            cleared = error.order
        return await self.stored(cleared)

    async def _begin(self, order: Order, intent: Intent) -> Order:
        begun = replace(order, intent=replace(intent, outcome=CallOutcome.UNKNOWN))
        await self._books.commit(UnitOfWork((SaveOrder(begun, self._owner, lease=self._lease),)))
        return replace(begun, row_version=begun.row_version + 1)

    async def _note_silence(self, order: Order, error: SupplierError, *, unanswered: bool, before: Order) -> None:
        """Store what a call without an answer leaves, and give up the lease; ``before``: where nothing was sent."""
        silent = unanswered or isinstance(error, UnknownOutcome)
        await self.stored(order if silent else before)

    async def stored(self, order: Order) -> Order:
        """Store ``order``, give up its lease, and return it as it then stands in the books."""
        await self._books.commit(UnitOfWork((self.release(order),)))
        return replace(order, row_version=order.row_version + 1)


class Refused(StateError):
    """The supplier refused the call; ``order`` is how the order stands then, not yet stored."""

    def __init__(self, refusal: Rejected, order: Order) -> None:
        super().__init__(refusal.message, code=refusal.code)
        self.refusal = refusal
        self.order = order


def utc_now() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)
