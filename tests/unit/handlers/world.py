"""A small world for the order handlers: books that check their conditions, a supplier that may say anything, crashes.

Nothing here needs an event loop. Each port call stops before and after its effect (`Pause`), and `Process` moves one
handler from stop to stop, so that a test decides what happens in between: another process's step, or a crash that
leaves a call without its answer and a lease without its owner.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from consumer.domain.errors import (
    AlreadyDone,
    OrderTaken,
    Rejected,
    StaleOrder,
    SupplierError,
    Throttled,
    Transient,
    Unauthorised,
    UnknownOutcome,
)
from consumer.domain.order import CallKind, Order, OrderState
from consumer.domain.order_parts import Days, Word
from consumer.domain.ports import ALREADY_AT_SUPPLIER, UNKNOWN_ORDER, OrderArrived
from consumer.domain.results import outgoing
from consumer.domain.writes import InboxEntry, InboxKey, OutboxMessage, SaveOrder, SyncLogRow, UnitOfWork
from consumer.handlers.callback import CALLBACKS, CallbackHandler
from consumer.handlers.order_calls import OrderCalls, OrderWorker
from consumer.handlers.order_cancel_requested import OrderCancelRequestedHandler
from consumer.handlers.order_cancelled import OrderCancelledHandler
from consumer.handlers.order_paid import OrderPaidHandler
from consumer.handlers.order_rescheduled import OrderRescheduledHandler
from consumer.handlers.order_status import OrderStatusHandler
from schemas.codec import decode
from tests.support.events import cancelled, event, paid

if TYPE_CHECKING:
    from collections.abc import Collection, Coroutine, Generator, Iterable, Mapping, Sequence

    from consumer.domain.outcome import Handler, Outcome
    from consumer.domain.product import Product
    from schemas.envelope import Event
    from schemas.events import OrderCancelled, OrderPaid

SO = "SO1"
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
ENDED_BY_CANCEL = {OrderState.CANCELLING, OrderState.CANCELLED, OrderState.CANCEL_FAILED}


class Pause:
    """A place where something else may happen; under an event loop it lets others run."""

    def __await__(self) -> Generator[None, None, None]:
        yield


@dataclass(frozen=True, slots=True)
class Row:
    order: Order
    owner: str
    leased: bool


@dataclass(frozen=True, slots=True)
class Told:
    """One committed result."""

    key: InboxKey
    type: str
    data: Any


class Books:
    """Orders, inbox and outbox; a unit of work holds whole or not at all (`SaveOrder`, `InboxEntry`)."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.inbox: dict[InboxKey, InboxEntry] = {}
        self.told: list[Told] = []
        self.sync_rows: dict[str, SyncLogRow] = {}
        self.outbox: dict[str, OutboxMessage] = {}
        self.cancel_begun: set[str] = set()

    async def order(self, so_id: str) -> Order | None:
        await Pause()
        row = self.rows.get(so_id)
        return None if row is None else row.order

    async def orders_by_numbers(self, platform_order_no: str, ext_order_no: str | None) -> Sequence[Order]:
        await Pause()
        numbers = {platform_order_no, ext_order_no} - {None}
        orders = [row.order for row in self.rows.values()]
        return [one for one in orders if numbers & {one.so_id, one.online_no, one.ext_order_no, one.retail_order_no}]

    async def outbox_of(self, key: InboxKey) -> Sequence[OutboxMessage]:
        await Pause()
        return [message for message in self.outbox.values() if message.key == key]

    async def products(self, codes: Collection[str]) -> Mapping[str, Product]:
        raise AssertionError(f"no order needs the products {codes}")

    async def commit(self, unit: UnitOfWork) -> None:
        await Pause()
        self._check(unit)
        for write in unit.writes:
            self._write(write)
        await Pause()

    def expire_leases(self, owners: Iterable[str]) -> None:
        dead = set(owners)
        self.rows = {
            so_id: replace(row, leased=row.leased and row.owner not in dead) for so_id, row in self.rows.items()
        }

    def told_for(self, key: InboxKey) -> list[Told]:
        return [told for told in self.told if told.key == key and told.type.startswith("order.")]

    def _check(self, unit: UnitOfWork) -> None:
        for write in unit.writes:
            if isinstance(write, InboxEntry) and write.key in self.inbox:
                raise AlreadyDone(write.key.event_id)
            if isinstance(write, SaveOrder):
                row = self.rows.get(write.order.so_id)
                if row is not None and row.leased and row.owner != write.owner:
                    raise OrderTaken(write.order.so_id)
                if write.order.row_version != (0 if row is None else row.order.row_version):
                    raise StaleOrder(write.order.so_id)

    def _write(self, write: object) -> None:
        match write:
            case InboxEntry():
                self.inbox[write.key] = write
            case SaveOrder():
                order = replace(write.order, row_version=write.order.row_version + 1)
                self.rows[order.so_id] = Row(order, write.owner, leased=write.lease is not None)
                if order.state in ENDED_BY_CANCEL:
                    self.cancel_begun.add(order.so_id)
            case SyncLogRow():
                self.sync_rows[write.id] = write
            case OutboxMessage():
                if write.id not in self.outbox:
                    self.outbox[write.id] = write
                    event = decode(write.body)
                    self.told.append(Told(write.key, event.type, event.data))
            case _:
                raise AssertionError(f"no order handler writes {write!r}")


class Said(StrEnum):
    """What comes of one call; where YLH has the order already, `ACCEPT` and `REFUSE` are a duplicate refusal."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    UNKNOWN_APPLIED = "unknown, applied"
    UNKNOWN_LOST = "unknown, lost"
    TRANSIENT = "transient"
    THROTTLED = "throttled"
    LOGIN_REFUSED = "login refused"


class Ylh:
    """The supplier: takes each order once, and notes whatever we should never do to it.

    Args:
        books: looked at during each call, for the intent has to be there.
        script: what comes of each call in turn; afterwards everything is accepted.
        refuses_second_cancel: a cancel of a cancelled order is refused rather than accepted.
        refuses_first: a refusal for the order's content comes before the look for a duplicate.
        has: orders that somebody else pushed.
    """

    def __init__(
        self,
        books: Books,
        script: Iterable[Said] = (),
        *,
        refuses_second_cancel: bool = False,
        refuses_first: bool = False,
        has: Collection[str] = (),
    ) -> None:
        self._books = books
        self._script = list(script)
        self._refuses_second_cancel = refuses_second_cancel
        self.refuses_first = refuses_first
        self._foreign = frozenset(has)
        self.created: dict[str, bytes] = dict.fromkeys(has, b"")
        self.cancelled: set[str] = set()
        self.days: dict[str, Days] = {}
        self.in_flight: set[str] = set()
        self.calls: list[tuple[str, bytes]] = []
        self.faults: list[str] = []

    @property
    def scripted(self) -> int:
        """Answers that the script still holds."""
        return len(self._script)

    def live(self, so_id: str) -> bool:
        return so_id in self.created and so_id not in self.cancelled

    def create_body(self, order: OrderPaid) -> bytes:
        return (
            f"create {order.so_id} {order.version} {order.remark} {order.distribution_on} {order.install_on}".encode()
        )

    def cancel_body(self, cancel: OrderCancelled, *, source_system: str | None, now: datetime) -> bytes:
        return f"cancel {cancel.so_id} {cancel.version} {source_system} {now.isoformat()}".encode()

    async def create(self, so_id: str, body: bytes, *, unanswered: bool) -> OrderArrived:
        said = await self._called(CallKind.CREATE, so_id, body)
        try:
            self._unless_away(said)
            if said is Said.REFUSE and (so_id not in self.created or self.refuses_first):
                raise _error(Rejected, "refused", "create")
            if said is Said.UNKNOWN_LOST:
                raise _error(UnknownOutcome, "timeout", "create")
            if so_id in self.created:
                return self._duplicate(so_id, body, said, unanswered=unanswered)
            if so_id in self._books.cancel_begun:
                self.faults.append("created although a cancel had been taken up")
            self.created[so_id] = body
            self.days[so_id] = _days_in(body)
            await Pause()
            if said is Said.UNKNOWN_APPLIED:
                raise _error(UnknownOutcome, "timeout", "create")
            return OrderArrived(f"JSH-{so_id}")
        finally:
            self.in_flight.discard(so_id)

    async def cancel(self, so_id: str, body: bytes) -> None:
        said = await self._called(CallKind.CANCEL, so_id, body)
        try:
            self._unless_away(said)
            if said is Said.UNKNOWN_LOST or (said is Said.UNKNOWN_APPLIED and not self.live(so_id)):
                raise _error(UnknownOutcome, "timeout", "cancel")
            if so_id not in self.created:
                raise _error(Rejected, UNKNOWN_ORDER, "cancel")
            if said is Said.REFUSE or (so_id in self.cancelled and self._refuses_second_cancel):
                raise _error(Rejected, "refused", "cancel")
            self.cancelled.add(so_id)
            await Pause()
            if said is Said.UNKNOWN_APPLIED:
                raise _error(UnknownOutcome, "timeout", "cancel")
        finally:
            self.in_flight.discard(so_id)

    def reschedule_body(self, order_no: str, *, distribution_on: date | None, install_on: date | None) -> bytes:
        return f"reschedule {order_no} {distribution_on} {install_on}".encode()

    async def reschedule(self, order_no: str, body: bytes) -> None:
        so_id = order_no.partition("-")[2]
        said = await self._called(CallKind.RESCHEDULE, so_id, body)
        try:
            self._unless_away(said)
            if said is Said.UNKNOWN_LOST:
                raise _error(UnknownOutcome, "timeout", "reschedule")
            if said is Said.REFUSE or not self.live(so_id):
                raise _error(Rejected, "refused", "reschedule")
            self.days[so_id] = self.days[so_id].under(_days_in(body))
            await Pause()
            if said is Said.UNKNOWN_APPLIED:
                raise _error(UnknownOutcome, "timeout", "reschedule")
        finally:
            self.in_flight.discard(so_id)

    async def _called(self, kind: CallKind, so_id: str, body: bytes) -> Said:
        self.calls.append((kind.value, body))
        row = self._books.rows.get(so_id)
        if row is None or row.order.intent is None or (row.order.intent.kind, row.order.intent.body) != (kind, body):
            self.faults.append(f"{kind} called without its intent in the books")
        elif not row.order.intent.unanswered or not row.leased:
            self.faults.append(f"{kind} called on an intent that is answered, or without the lease")
        if so_id in self.in_flight:
            self.faults.append("two calls for one order at once")
        self.in_flight.add(so_id)
        try:
            await Pause()
        except GeneratorExit:
            self.in_flight.discard(so_id)
            raise
        return self._script.pop(0) if self._script else Said.ACCEPT

    def _duplicate(self, so_id: str, body: bytes, said: Said, *, unanswered: bool) -> OrderArrived:
        if said is Said.UNKNOWN_APPLIED:
            raise _error(UnknownOutcome, "timeout", "create")
        if so_id not in self._foreign and not self.refuses_first:
            if not unanswered:
                self.faults.append("an order that YLH has from us was sent as if for the first time")
            if body != self.created[so_id]:
                self.faults.append("an order was sent again with another body")
        if unanswered:
            return OrderArrived(None, by_duplicate=True)
        raise _error(Rejected, ALREADY_AT_SUPPLIER, "create")

    @staticmethod
    def _unless_away(said: Said) -> None:
        if said is Said.TRANSIENT:
            raise _error(Transient, "no_connection", "create")
        if said is Said.THROTTLED:
            raise Throttled("too fast", supplier="ylh", operation="create")
        if said is Said.LOGIN_REFUSED:
            raise Unauthorised("no", code="unauthorised", supplier="ylh", operation="create", expired=False)


def _days_in(body: bytes) -> Days:
    """Return the days that a body ends with."""
    distribution_on, install_on = (None if word == "None" else word for word in body.decode().split()[-2:])
    return Days(distribution_on, install_on)


def _error(kind: type[SupplierError], code: str, operation: str) -> SupplierError:
    return kind(f"{operation}: {code}", code=code, supplier="ylh", operation=operation, supplier_message="供应商的话")


@dataclass(slots=True)
class Job:
    """One message on its way: delivered again and again until it ends."""

    event: Event
    attempt: int = 1
    snoozed: timedelta = field(default=timedelta(0))

    @property
    def key(self) -> InboxKey:
        return InboxKey(self.event.source, self.event.id)


class Calls(OrderCalls):
    """The changing calls of one process; remembers under which names it took leases."""

    def __init__(self, books: Books, ylh: Ylh, *, lease: timedelta) -> None:
        super().__init__(books, ylh, lease=lease)
        self.owners: list[str] = []

    def worker(self, key: InboxKey) -> OrderWorker:
        worker = super().worker(key)
        self.owners.append(worker.owner)
        return worker


class Process:
    """One consuming process with one message in hand; owns its leases by a name of its own."""

    def __init__(self, books: Books, ylh: Ylh) -> None:
        self._books = books
        self.calls = Calls(books, ylh, lease=timedelta(minutes=2))
        self._handlers: dict[str, Handler] = {
            "order.paid": OrderPaidHandler(self.calls, ylh),
            "order.cancelled": OrderCancelledHandler(self.calls, ylh),
            "order.rescheduled": OrderRescheduledHandler(self.calls, ylh),
            "order.status.requested": OrderStatusHandler(self.calls),
            "order.cancel.requested": OrderCancelRequestedHandler(self.calls, ylh),
            **dict.fromkeys(CALLBACKS, CallbackHandler(books)),
        }
        self.job: Job | None = None
        self._work: Coroutine[Any, Any, None] | None = None

    def begin(self, job: Job) -> None:
        self.job = job
        self._work = None

    def step(self) -> bool:
        """Go on to the next stop; True when the work has ended. Raises what the work raises."""
        assert self.job is not None
        if self._work is None:
            self._work = self.carry(self.job)
        try:
            self._work.send(None)
        except StopIteration:
            self.job = None
            return True
        except BaseException:
            self.job = None
            raise
        return False

    def finish(self) -> None:
        """Go on to the end; raises what the work raises."""
        while not self.step():
            pass

    def crash(self) -> None:
        """End between two stops, as a killed process does."""
        if self._work is not None:
            self._work.close()

    async def carry(self, job: Job) -> None:
        """Do what the pipeline does with a message, without its broker side."""
        if job.key in self._books.inbox:
            return
        outcome = await self.outcome(job.event)
        rows = outgoing(
            outcome.results, key=job.key, correlationid=job.event.id, traceparent=job.event.traceparent, now=NOW
        )
        entry = InboxEntry(job.key, "digest", job.event.type, outcome.ending.value, NOW)
        await self._books.commit(UnitOfWork((entry, *outcome.writes, *rows)))

    async def outcome(self, event: Event) -> Outcome:
        return await self._handlers[event.type](event, InboxKey(event.source, event.id))


@cache
def paid_event(version: int = 1, remark: str | None = None, event_id: str | None = None, **more: str) -> Event:
    more |= {} if remark is None else {"remark": remark}
    return _decoded(paid(SO, version=version, event_id=event_id or f"paid-{version}-{remark}", **more))


@cache
def cancel_event(event_id: str = "cancel-1") -> Event:
    return _decoded(cancelled(SO, event_id=event_id))


@cache
def rescheduled_event(
    version: int, *, distribution_on: str | None = "2026-12-05", install_on: str | None = None, event_id: str = ""
) -> Event:
    data = {"so_id": SO, "version": version, "distribution_on": distribution_on, "install_on": install_on}
    given = {name: value for name, value in data.items() if value is not None}
    return _decoded(event("order.rescheduled", given, event_id=event_id or f"days-{version}", subject=SO))


def callback_event(word: Word, second: int, fail_msg: str | None = None) -> Event:
    """Return what YLH calls back ``second`` seconds after `NOW`."""
    type_, state = _CALLED_BACK[word]
    data = {"platform_order_no": SO, "occurred_at": (NOW + timedelta(seconds=second)).isoformat(), "state": state}
    if state == 1:
        data["ext_order_no"] = f"EXT-{SO}"
    if fail_msg is not None:
        data["fail_msg"] = fail_msg
    return _decoded(event(type_, data, event_id=f"{word.value}-{second}-{fail_msg}", subject=SO))


_CALLED_BACK = {
    Word.TAKEN_ON: ("supplier.callback.confirmed", 1),
    Word.TURNED_DOWN: ("supplier.callback.confirmed", 0),
    Word.OUT_OF_STOCK: ("supplier.callback.out_of_stock", 1),
    Word.CANCEL_DONE: ("supplier.callback.cancelled", 1),
    Word.CANCEL_REFUSED: ("supplier.callback.cancelled", 0),
}


@cache
def status_event(event_id: str = "status-1") -> Event:
    return _decoded(event("order.status.requested", {"so_id": SO}, event_id=event_id, subject=SO))


def _decoded(document: dict[str, Any]) -> Event:
    return decode(json.dumps(document, ensure_ascii=False).encode())
