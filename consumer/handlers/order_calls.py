"""Making a changing call at YLH so that no crash can hide what happened: intent, call, outcome.

The intent, with the exact bytes, is committed before the call, as ``unknown``. Whatever stops us after that, the next
one to look finds that the order may or may not be at YLH, and sends the same bytes again. After the call its outcome
is noted, also that of a call that never left: only an order with a truly unknown outcome may read a duplicate refusal
as its own arrival.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING, TypeVar

from consumer.domain.copying import replace
from consumer.domain.errors import (
    AlreadyDone,
    BooksUnavailable,
    CalledOff,
    Defect,
    Rejected,
    RelayError,
    StateError,
    SupplierError,
    UnknownOutcome,
)
from consumer.domain.order import CallKind, CallOutcome, Intent, Order, OrderState
from consumer.domain.order_parts import HeldReschedule
from consumer.domain.ports import ALREADY_AT_SUPPLIER, UNKNOWN_ORDER
from consumer.domain.results import outgoing
from consumer.domain.writes import InboxKey, SaveOrder, UnitOfWork
from consumer.handlers.order_results import rescheduled, settled_held
from consumer.observability.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from consumer.domain.outcome import Result
    from consumer.domain.ports import Books, YlhOrders

T = TypeVar("T")

_PROCESS, _WORKERS = token_hex(8), count()
"""Together the name of a worker, unlike any other: asking the system for randomness anew each time gives the
interpreter's lock away."""

log = get_logger(__name__)


class OrderCalls:
    """The changing calls on orders.

    Args:
        books: our state.
        ylh: the supplier.
        lease: must outlast a whole call with its immediate retries.
    """

    def __init__(self, books: Books, ylh: YlhOrders, *, lease: timedelta) -> None:
        self._books = books
        self._ylh = ylh
        self._lease = lease

    def worker(self, key: InboxKey) -> OrderWorker:
        """Return who works on an order for the length of the event of ``key``.

        Each event has one of its own: two that found one order by different numbers must not share its lease.
        """
        return OrderWorker(self._books, self._ylh, self._lease, key)


class OrderWorker:
    """One event's hold on an order; each call is made under the order's lease."""

    def __init__(self, books: Books, ylh: YlhOrders, lease: timedelta, key: InboxKey) -> None:
        self._books = books
        self._ylh = ylh
        self._lease = lease
        self._key = key
        self._owner = f"{_PROCESS}-{next(_WORKERS)}"

    @property
    def owner(self) -> str:
        """Who holds the leases that are taken here."""
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
        pushing = await self._begin(order, intent, state=OrderState.PUSHING)
        unsent = CallOutcome.MAY_BE_THERE if doubtful else CallOutcome.NOT_SENT
        try:
            arrived = await self._answer(
                self._ylh.create(order.so_id, intent.body, unanswered=unanswered),
                pushing,
                unsent=lambda: pushing if unanswered else replace(pushing.answered(unsent), state=OrderState.NEW),
            )
        except Rejected as error:
            # A refusal proves absence only where no earlier send, of this content or an older one, may have been taken.
            absent = not doubtful and error.code != ALREADY_AT_SUPPLIER
            known = CallOutcome.REFUSED if absent else CallOutcome.MAY_BE_THERE
            refused = replace(pushing.answered(known), state=OrderState.NEW)
            raise Refused(error, refused) from error
        return pushing.arrived(arrived.retail_order_no)

    async def cancel(self, order: Order, intent: Intent) -> Order:
        """Cancel an order: as `create`, with state ``cancelling`` on success."""
        return await self._cancel(replace(order, state=OrderState.CANCELLING), intent)

    async def undo(self, order: Order, intent: Intent) -> Order:
        """Cancel at YLH an order that our books have as cancelled: as `cancel`, and the state stays."""
        return await self._cancel(order, intent)

    async def reschedule(self, order: Order, intent: Intent) -> Order:
        """Send new days: as `create`; once it is done they hold, and nothing but them has changed."""
        if order.order_no is None:
            raise Defect(f"order {order.so_id} has no number to be rescheduled by", code="no_order_number")
        unanswered = order.unanswered(CallKind.RESCHEDULE) is not None
        begun = await self._begin(order, intent)
        try:
            await self._answer(
                self._ylh.reschedule(order.order_no, intent.body),
                begun,
                unsent=lambda: begun if unanswered else begun.answered(CallOutcome.NOT_SENT),
            )
        except Rejected as error:
            refusal = _in_doubt(error) if unanswered else error
            raise Refused(refusal, begun.answered(CallOutcome.REFUSED)) from error
        return replace(
            begun.answered(CallOutcome.DONE),
            days=begun.days.under(intent.days),
            applied_version=max(intent.version or 0, begun.applied_version or 0),
            applied_event_id=intent.event_id,
        )

    async def clear_up_create(self, order: Order) -> Order:
        """Find out about an unanswered create by sending its stored body again; returns the order, stored.

        Raises:
            SupplierError: still no answer.
        """
        try:
            cleared = await self.create(order, _stored_call(order))
        except Refused as error:
            cleared = error.order
        return await self.stored(cleared)

    async def clear_up_reschedule(self, order: Order) -> Order:
        """Find out about another event's unanswered reschedule: as `clear_up_create`.

        It stays unanswered where YLH refuses the resend: the first send may be what it was refused for, and it is for
        its own event to say so.
        """
        call = _stored_call(order)
        try:
            moved = await self.reschedule(order, call)
        except Refused as error:
            return await self.stored(error.order.answered(CallOutcome.UNKNOWN))
        # Told at once: a newer one is about to hold, after which nothing would say that this one did.
        key = InboxKey(call.event_source, call.event_id)
        counted, told = rescheduled(
            moved, HeldReschedule(key, call.version or 0, call.days, call.occurred_at), utc_now()
        )
        return await self.stored(counted, told)

    async def has_told(self, key: InboxKey, type_: str) -> bool:
        """Return whether a result of ``type_`` was told under ``key`` before its event was done."""
        told_under = InboxKey(key.source, key.event_id)
        return any(message.routing_key == type_ for message in await self._books.outbox_of(told_under))

    async def stored(self, order: Order, *results: Result) -> Order:
        """Store ``order``, give up its lease, and return it as it then stands in the books.

        What had been held for its create is told with it, as are ``results``, each under a key of its own.
        """
        now = utc_now()
        settled, held = settled_held(order, now)
        rows = [
            row
            for result in (*results, *held)
            if result.key is not None
            for row in outgoing(
                (result,), key=result.key, correlationid=result.correlationid, traceparent=None, now=now
            )
        ]
        await self._books.commit(UnitOfWork((self.release(settled), *rows)))
        return replace(settled, row_version=settled.row_version + 1)

    async def _cancel(self, order: Order, intent: Intent) -> Order:
        unanswered = order.unanswered(CallKind.CANCEL) is not None
        begun = await self._begin(order, intent)
        try:
            await self._answer(
                self._ylh.cancel(order.so_id, intent.body),
                begun,
                unsent=lambda: begun if unanswered else begun.answered(CallOutcome.NOT_SENT),
            )
        except Rejected as error:
            never_there = error.code == UNKNOWN_ORDER and order.applied_version is None
            if unanswered and not never_there:
                # An earlier send of it may have been taken, and a second one refused for that very reason.
                await self.stored(begun)
                raise
            raise Refused(error, begun.answered(CallOutcome.REFUSED)) from error
        return begun.answered(CallOutcome.DONE)

    async def _unless_told(self, order: Order) -> None:
        """See that a copy of this event has not just ended, in another process, with the refusal that ``order`` shows.

        The inbox was asked before the order was read. A call after that could take effect, and nobody would say so.

        Raises:
            AlreadyDone: it has.
        """
        last = order.intent
        if last is None or (last.event_source, last.event_id) != (self._key.source, self._key.event_id):
            return
        if last.outcome in {CallOutcome.REFUSED, CallOutcome.MAY_BE_THERE}:
            messages = await self._books.outbox_of(self._key)
            if any(message.routing_key.startswith("order.") for message in messages):
                raise AlreadyDone(self._key.event_id)

    async def _begin(self, order: Order, intent: Intent, *, state: OrderState | None = None) -> Order:
        await self._unless_told(order)
        unknown = intent if intent.unanswered else replace(intent, outcome=CallOutcome.UNKNOWN)
        begun = replace(order, intent=unknown, state=state or order.state)
        await self._books.commit(UnitOfWork((SaveOrder(begun, self._owner, lease=self._lease),)))
        return replace(begun, row_version=begun.row_version + 1)

    async def _answer(self, call: Awaitable[T], begun: Order, *, unsent: Callable[[], Order]) -> T:
        """Return the answer of ``call``; where none came, store what that leaves and give up the lease.

        Args:
            call: under way.
            begun: the order with the call's intent.
            unsent: returns how it stands where nothing of this call has reached the supplier.

        Raises:
            Rejected: nothing is stored yet; what a no means is another matter for each call.
            SupplierError, BooksUnavailable: no answer.
        """
        try:
            return await call
        except Rejected:
            raise
        except (SupplierError, BooksUnavailable) as error:
            await self.stored(begun if isinstance(error, UnknownOutcome) else unsent())
            raise
        except CalledOff as stop:
            # One commit is made although we were told to stop: the next to look would have to doubt the call.
            try:
                await self.stored(unsent())
            except RelayError as error:
                log.warning("a call that was never sent counts as unanswered", so_id=begun.so_id, error=error)
            raise asyncio.CancelledError from stop


class Refused(StateError):
    """The supplier refused the call; ``order`` is how the order stands then, not yet stored."""

    def __init__(self, refusal: Rejected, order: Order) -> None:
        super().__init__(refusal.message, code=refusal.code)
        self.refusal = refusal
        self.order = order


def _stored_call(order: Order) -> Intent:
    if order.intent is None:
        raise ValueError(f"order {order.so_id} has no call to clear up")
    return order.intent


def _in_doubt(refusal: Rejected) -> Rejected:
    return Rejected(
        f"{refusal.message}; an earlier send of these days was never answered: ask YLH which days stand",
        code="refused_on_resend",
        supplier=refusal.supplier,
        operation=refusal.operation,
        supplier_code=refusal.supplier_code,
        supplier_message=refusal.supplier_message,
        status=refusal.status,
    )


def utc_now() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)
