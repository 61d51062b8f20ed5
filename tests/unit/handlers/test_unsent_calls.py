"""A call that ended while it still waited to be sent: the books need not doubt it, and the order is free at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import BooksUnavailable, CalledOff, UnknownOutcome
from consumer.domain.order import CallKind, CallOutcome, OrderState
from tests.unit.handlers.world import (
    SO,
    Books,
    Job,
    Process,
    Said,
    Ylh,
    cancel_event,
    paid_event,
    rescheduled_event,
)

if TYPE_CHECKING:
    from consumer.domain.ports import OrderArrived
    from consumer.domain.writes import UnitOfWork
    from schemas.envelope import Event


class Waiting(Ylh):
    """A supplier whose slots do not come: each call ends before it is sent, as ``stop`` says, until that is None."""

    stop: BaseException | None = None

    async def create(self, so_id: str, body: bytes, *, unanswered: bool) -> OrderArrived:
        self._unless_stopped()
        return await super().create(so_id, body, unanswered=unanswered)

    async def cancel(self, so_id: str, body: bytes) -> None:
        self._unless_stopped()
        await super().cancel(so_id, body)

    async def reschedule(self, order_no: str, body: bytes) -> None:
        self._unless_stopped()
        await super().reschedule(order_no, body)

    def _unless_stopped(self) -> None:
        if self.stop is not None:
            raise self.stop


STOPS = [CalledOff(), BooksUnavailable("the quota cannot be asked", code="unreachable")]


def _raised(stop: BaseException) -> type[BaseException]:
    return asyncio.CancelledError if isinstance(stop, CalledOff) else type(stop)


async def _stopped(process: Process, ylh: Waiting, event: Event, stop: BaseException) -> None:
    ylh.stop = stop
    with pytest.raises(_raised(stop)) as caught:
        await process.carry(Job(event))
    # What only our own rooms understand does not leave them.
    assert type(caught.value) is _raised(stop)
    ylh.stop = None


@pytest.mark.parametrize("stop", STOPS, ids=["shutdown", "no database"])
async def test_a_create_that_was_not_sent_is_formed_anew_by_whoever_comes_next(stop: BaseException) -> None:
    books = Books()
    ylh = Waiting(books)
    process = Process(books, ylh)
    await _stopped(process, ylh, paid_event(), stop)
    row = books.rows[SO]
    assert row.order.intent is not None
    assert (row.order.state, row.order.intent.outcome, row.leased) == (OrderState.NEW, CallOutcome.NOT_SENT, False)
    await Process(books, ylh).carry(Job(paid_event(2, "改地址")))
    assert "改地址".encode() in ylh.created[SO]
    assert not ylh.faults


@pytest.mark.parametrize("stop", STOPS, ids=["shutdown", "no database"])
async def test_a_create_in_doubt_stays_so_where_its_repeat_was_not_sent(stop: BaseException) -> None:
    books = Books()
    ylh = Waiting(books, [Said.UNKNOWN_APPLIED])
    process = Process(books, ylh)
    with pytest.raises(UnknownOutcome):
        await process.carry(Job(paid_event()))
    await _stopped(process, ylh, paid_event(), stop)
    row = books.rows[SO]
    assert row.order.unanswered(CallKind.CREATE) is not None
    assert not row.leased
    await Process(books, ylh).carry(Job(paid_event()))
    assert books.rows[SO].order.state is OrderState.PUSHED


@pytest.mark.parametrize("stop", STOPS, ids=["shutdown", "no database"])
@pytest.mark.parametrize("event", [cancel_event(), rescheduled_event(2)], ids=["cancel", "reschedule"])
async def test_a_change_that_was_not_sent_leaves_nothing_to_doubt(event: Event, stop: BaseException) -> None:
    books = Books()
    ylh = Waiting(books)
    process = Process(books, ylh)
    await process.carry(Job(paid_event()))
    await _stopped(process, ylh, event, stop)
    row = books.rows[SO]
    assert row.order.intent is not None
    assert (row.order.intent.outcome, row.leased) == (CallOutcome.NOT_SENT, False)
    await Process(books, ylh).carry(Job(event))
    assert [told.type for told in books.told_for(Job(event).key)] in (
        ["order.cancel.accepted"],
        ["order.reschedule.succeeded"],
    )


async def test_a_shutdown_goes_on_where_the_books_cannot_take_the_note() -> None:
    class Gone(Books):
        gone = False

        async def commit(self, unit: UnitOfWork) -> None:
            if self.gone:
                raise BooksUnavailable("away", code="unreachable")
            self.gone = True
            await super().commit(unit)

    books = Gone()
    ylh = Waiting(books)
    await _stopped(Process(books, ylh), ylh, paid_event(), CalledOff())
    assert books.rows[SO].order.unanswered(CallKind.CREATE) is not None
