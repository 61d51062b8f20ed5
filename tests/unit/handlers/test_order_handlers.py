"""Single stories of paid and cancelled orders: what is called, what is stored, what the shop is told."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import Rejected, Snoozed, Transient, UnknownOutcome
from consumer.domain.order import CallOutcome, OrderState
from consumer.domain.outcome import Ending, Outcome
from consumer.domain.writes import SaveOrder, SyncLogRow, SyncStatus
from tests.unit.handlers.world import SO, Books, Job, Process, Row, Said, Told, Ylh, cancel_event, paid_event

if TYPE_CHECKING:
    from consumer.domain.ports import OrderArrived
    from schemas.envelope import Event
    from schemas.events import OrderPaid


async def told_of(process: Process, books: Books, event: Event) -> Told:
    """Carry the event through and return its one result about the order."""
    job = Job(event)
    await process.carry(job)
    (told,) = books.told_for(job.key)
    return told


def world(*script: Said, ylh: Ylh | None = None) -> tuple[Books, Ylh, Process]:
    books = Books()
    supplier = ylh or Ylh(books, script)
    supplier._books = books
    return books, supplier, Process(books, supplier)


async def test_a_paid_order_is_pushed_once_and_told_so() -> None:
    books, ylh, process = world()
    told = await told_of(process, books, paid_event())
    assert told.type == "order.push.succeeded"
    assert (told.data.state, told.data.sequence, told.data.version) == ("pushed", 1, 1)
    assert (told.data.online_no, told.data.retail_order_no) == ("T-SO1", "JSH-SO1")
    row = books.rows[SO]
    assert (row.order.state, row.order.applied_version, row.leased) == (OrderState.PUSHED, 1, False)
    assert [call for call, _ in ylh.calls] == ["create"]
    (log,) = books.sync_rows.values()
    assert (log.status, log.total_count, log.success_count) == (SyncStatus.SUCCESS, 1, 1)


async def test_a_refused_order_is_new_again_and_its_refusal_goes_to_a_person() -> None:
    books, _, process = world(Said.REFUSE)
    outcome = await process.outcome(paid_event())
    assert outcome.ending is Ending.REFUSED
    assert outcome.refusal is not None
    (result, recorded) = outcome.results
    assert (result.type, recorded.type) == ("order.push.failed", "sync_log.recorded")
    (save,) = [write for write in outcome.writes if isinstance(write, SaveOrder)]
    (log,) = [write for write in outcome.writes if isinstance(write, SyncLogRow)]
    assert save.lease is None
    assert (save.order.state, save.order.applied_version) == (OrderState.NEW, None)
    assert (log.status, log.failed_count, log.message) == (SyncStatus.FAILED, 1, "供应商的话")
    assert books.rows[SO].leased, "the outcome is stored by the pipeline, with the inbox"


async def test_an_order_that_breaks_a_rule_of_ours_is_refused_without_a_call() -> None:
    class Strict(Ylh):
        def create_body(self, order: OrderPaid) -> bytes:
            raise Rejected(f"{order.so_id}: two units", code="single_unit", supplier="ylh", operation="create")

    books, ylh, process = world(ylh=Strict(Books()))
    told = await told_of(process, books, paid_event())
    assert (told.type, told.data.error.code, ylh.calls) == ("order.push.failed", "single_unit", [])


async def test_its_own_unanswered_create_is_sent_again_once_with_the_same_bytes() -> None:
    books, ylh, process = world(Said.UNKNOWN_LOST, Said.REFUSE)
    with pytest.raises(UnknownOutcome):
        await process.carry(Job(paid_event()))
    assert (books.rows[SO].order.state, books.rows[SO].leased) == (OrderState.PUSHING, False)
    told = await told_of(process, books, paid_event())
    assert told.type == "order.push.failed"
    assert len(ylh.calls) == 2
    assert len({body for _, body in ylh.calls}) == 1


async def test_a_create_that_never_left_may_be_formed_anew() -> None:
    books, ylh, process = world(Said.TRANSIENT)
    with pytest.raises(Transient):
        await process.carry(Job(paid_event()))
    order = books.rows[SO].order
    assert order.intent is not None
    assert (order.state, order.intent.outcome) == (OrderState.NEW, CallOutcome.NOT_SENT)
    told = await told_of(process, books, paid_event(2, "改地址"))
    assert told.type == "order.push.succeeded"
    assert ylh.created[SO] == "create SO1 2 改地址 None None".encode()


async def test_a_later_unknown_does_not_forget_an_earlier_one() -> None:
    books, _, process = world(Said.UNKNOWN_APPLIED, Said.TRANSIENT, Said.THROTTLED)
    for _ in range(3):
        with pytest.raises(Exception, match=r"create|fast"):
            await process.carry(Job(paid_event()))
        order = books.rows[SO].order
        assert order.intent is not None
        assert order.intent.unanswered
    told = await told_of(process, books, paid_event())
    assert (told.type, told.data.retail_order_no) == ("order.push.succeeded", None)


async def test_a_fault_of_ours_leaves_the_call_unanswered() -> None:
    class Broken(Ylh):
        async def create(self, so_id: str, body: bytes, *, unanswered: bool) -> OrderArrived:
            raise ZeroDivisionError(f"{so_id}: {len(body)}, {unanswered}")

    books, _, process = world(ylh=Broken(Books()))
    with pytest.raises(ZeroDivisionError):
        await process.carry(Job(paid_event()))
    order = books.rows[SO].order
    assert order.intent is not None
    assert order.intent.unanswered
    assert books.rows[SO].leased


async def test_an_order_from_elsewhere_is_a_refusal_and_its_cancel_asks_the_supplier() -> None:
    books = Books()
    books, ylh, process = world(ylh=Ylh(books, has=[SO]))
    refused = await told_of(process, books, paid_event())
    assert (refused.type, refused.data.error.code) == ("order.push.failed", "already_at_supplier")
    told = await told_of(process, books, cancel_event())
    assert (told.type, told.data.at_supplier) == ("order.cancel.accepted", True)
    assert SO in ylh.cancelled


@pytest.mark.parametrize(
    ("event", "told_type", "code"),
    [
        (paid_event(1, None, "another id"), "order.superseded", None),
        (paid_event(2), "order.superseded", None),
        (paid_event(2, "改地址"), "order.push.failed", "already_pushed"),
    ],
)
async def test_another_paid_for_a_pushed_order_makes_no_call(event: Event, told_type: str, code: str | None) -> None:
    books, ylh, process = world()
    await process.carry(Job(paid_event()))
    told = await told_of(process, books, event)
    assert (told.type, told.data.sequence, told.data.state) == (told_type, 2, "pushed")
    if code is not None:
        assert told.data.error.code == code
    assert len(ylh.calls) == 1


async def test_a_cancel_before_its_create_leaves_a_tombstone() -> None:
    books, ylh, process = world()
    first = await told_of(process, books, cancel_event())
    assert (first.type, first.data.at_supplier, first.data.refundable) == ("order.cancel.succeeded", False, True)
    second = await told_of(process, books, paid_event(9))
    assert (second.type, second.data.applied_version, second.data.sequence) == ("order.superseded", None, 2)
    assert [call for call, _ in ylh.calls] == ["cancel"]


async def test_a_cancel_of_a_pushed_order_is_accepted_and_not_yet_refundable() -> None:
    books, _, process = world()
    await process.carry(Job(paid_event()))
    told = await told_of(process, books, cancel_event())
    assert (told.type, told.data.state) == ("order.cancel.accepted", "cancelling")
    assert (told.data.at_supplier, told.data.refundable) == (True, False)
    again = await told_of(process, books, cancel_event("cancel-2"))
    assert (again.type, again.data.sequence) == ("order.cancel.accepted", 3)


async def test_a_cancel_of_what_was_refused_makes_no_call() -> None:
    books, ylh, process = world(Said.REFUSE)
    await process.carry(Job(paid_event()))
    told = await told_of(process, books, cancel_event())
    assert (told.type, told.data.at_supplier, told.data.refundable) == ("order.cancel.succeeded", False, True)
    assert len(ylh.calls) == 1


async def test_a_refused_cancel_may_be_tried_again() -> None:
    books, _, process = world(Said.ACCEPT, Said.REFUSE)
    await process.carry(Job(paid_event()))
    failed = await told_of(process, books, cancel_event())
    assert (failed.type, failed.data.refundable) == ("order.cancel.failed", False)
    told = await told_of(process, books, cancel_event("cancel-2"))
    assert told.type == "order.cancel.accepted"


async def test_a_cancel_clears_up_an_unanswered_create_first() -> None:
    books, ylh, process = world(Said.UNKNOWN_APPLIED)
    with pytest.raises(UnknownOutcome):
        await process.carry(Job(paid_event()))
    told = await told_of(process, books, cancel_event())
    assert told.type == "order.cancel.accepted"
    assert [call for call, _ in ylh.calls] == ["create", "create", "cancel"]
    paid = await told_of(process, books, paid_event())
    assert (paid.type, paid.data.state) == ("order.push.succeeded", "cancelling")
    assert len(ylh.calls) == 3


async def test_a_push_that_is_told_late_leaves_the_failure_of_the_cancel_before_it_standing() -> None:
    books, _, process = world(Said.UNKNOWN_APPLIED, Said.ACCEPT, Said.REFUSE)
    with pytest.raises(UnknownOutcome):
        await process.carry(Job(paid_event()))
    failed = await told_of(process, books, cancel_event())
    assert failed.type == "order.cancel.failed"
    paid = await told_of(process, books, paid_event())
    assert (paid.type, paid.data.state) == ("order.push.succeeded", "cancel_failed")
    error = books.rows[SO].order.error
    assert error is not None
    assert error.to_result() == failed.data.error


async def test_a_handler_takes_no_event_but_its_own() -> None:
    books, ylh, process = world()
    with pytest.raises(TypeError, match=r"order\.paid carries OrderCancelled"):
        await process._handlers["order.paid"](cancel_event(), Job(cancel_event()).key)
    with pytest.raises(TypeError, match=r"order\.cancelled carries OrderPaid"):
        await process._handlers["order.cancelled"](paid_event(), Job(paid_event()).key)
    assert (books.rows, ylh.calls) == ({}, [])


async def cancel_refused_on_resend(books: Books, process: Process) -> Snoozed:
    await process.carry(Job(paid_event()))
    with pytest.raises(UnknownOutcome):
        await process.carry(Job(cancel_event()))
    with pytest.raises(Snoozed) as caught:
        await process.carry(Job(cancel_event()))
    assert (caught.value.code, books.rows[SO].leased) == ("cancel_refused_on_resend", False)
    return caught.value


async def test_a_cancel_refused_on_a_resend_waits_for_the_callback() -> None:
    books = Books()
    books, _, process = world(ylh=Ylh(books, [Said.ACCEPT, Said.UNKNOWN_APPLIED], refuses_second_cancel=True))
    await cancel_refused_on_resend(books, process)
    assert books.told_for(Job(cancel_event()).key) == []
    assert books.rows[SO].order.state is OrderState.CANCELLING


async def test_waiting_for_a_callback_does_not_ask_the_supplier_each_few_seconds() -> None:
    books = Books()
    books, _, process = world(ylh=Ylh(books, [Said.ACCEPT, Said.UNKNOWN_APPLIED], refuses_second_cancel=True))
    snoozed = await cancel_refused_on_resend(books, process)
    assert snoozed.delay is not None
    assert snoozed.delay >= timedelta(minutes=10)


async def test_a_create_refused_on_a_resend_is_not_told_as_absent() -> None:
    books = Books()
    books, ylh, process = world(ylh=Ylh(books, [Said.UNKNOWN_APPLIED, Said.REFUSE], refuses_first=True))
    with pytest.raises(UnknownOutcome):
        await process.carry(Job(paid_event()))
    await process.carry(Job(paid_event()))
    told = await told_of(process, books, cancel_event())
    assert told.type == "order.cancel.accepted" or not ylh.live(SO), "cancelled for the shop, delivered by Haier"


@pytest.mark.parametrize("second", [Said.REFUSE, Said.TRANSIENT])
async def test_a_newer_paid_does_not_forget_that_an_older_one_may_be_there(second: Said) -> None:
    books = Books()
    script = [Said.UNKNOWN_APPLIED, Said.REFUSE, second]
    books, ylh, process = world(ylh=Ylh(books, script, refuses_first=True))
    for event in (paid_event(), paid_event(), paid_event(2, "改地址")):
        with suppress(UnknownOutcome, Transient):
            await process.carry(Job(event))
    assert ylh.scripted == 0
    told = await told_of(process, books, cancel_event())
    assert told.type == "order.cancel.accepted" or not ylh.live(SO), "cancelled for the shop, delivered by Haier"


async def test_an_order_gone_on_the_resend_of_its_cancel_is_not_a_failed_cancel() -> None:
    class Forgetting(Ylh):
        async def cancel(self, so_id: str, body: bytes) -> None:
            if so_id in self.cancelled:
                raise Rejected("gone", code="order_unknown", supplier="ylh", operation="cancel")
            await super().cancel(so_id, body)

    books = Books()
    books, _, process = world(ylh=Forgetting(books, [Said.ACCEPT, Said.UNKNOWN_APPLIED]))
    await process.carry(Job(paid_event()))
    with pytest.raises(UnknownOutcome):
        await process.carry(Job(cancel_event()))
    outcome: Outcome | None = None
    with suppress(Snoozed):
        outcome = await process.outcome(cancel_event())
    assert outcome is None or outcome.results[0].type != "order.cancel.failed"


async def test_a_cancel_of_a_settled_order_promises_no_refund() -> None:
    books, _, process = world()
    await process.carry(Job(paid_event()))
    row = books.rows[SO]
    books.rows[SO] = Row(replace(row.order, state=OrderState.SETTLED), row.owner, leased=False)
    told = await told_of(process, books, cancel_event())
    assert (told.type, told.data.error.code) == ("order.cancel.failed", "already_settled")
    assert (told.data.refundable, told.data.state) == (False, "settled")
