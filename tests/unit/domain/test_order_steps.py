"""What a paid and a cancel ask for in each state of an order (EVENTS, "version" and "A cancel ends a so_id")."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.order import (
    CallKind,
    CallOutcome,
    Intent,
    Order,
    OrderState,
)
from consumer.domain.order_steps import Cancelled, CancelStep, Paid, PaidStep
from consumer.domain.order_table import TABLE

AT = datetime(2026, 11, 22, tzinfo=UTC)
S = OrderState


def intent(kind: CallKind, outcome: CallOutcome) -> Intent:
    return Intent(kind, b"{}", "digest-1", 1, outcome, "/shop", "paid-1", AT)


def order(
    state: OrderState,
    kind: CallKind | None = None,
    outcome: CallOutcome = CallOutcome.UNKNOWN,
    *,
    applied: int | None = None,
) -> Order:
    return Order(
        "SO1",
        state=state,
        row_version=1,
        applied_version=applied,
        content_digest=None if applied is None else "digest-1",
        paid_event_id=None if applied is None else "paid-1",
        intent=None if kind is None else intent(kind, outcome),
    )


NEVER_SEEN = Order("SO1")
CREATE_UNKNOWN = order(S.PUSHING, CallKind.CREATE)
CREATE_NOT_SENT = order(S.NEW, CallKind.CREATE, CallOutcome.NOT_SENT)
CREATE_REFUSED = order(S.NEW, CallKind.CREATE, CallOutcome.REFUSED)
CREATE_MAY_BE_THERE = order(S.NEW, CallKind.CREATE, CallOutcome.MAY_BE_THERE)
REFUSED_BY_OURSELVES = order(S.NEW)
PUSHED = order(S.PUSHED, CallKind.CREATE, CallOutcome.DONE, applied=5)
CONFIRMED = order(S.CONFIRMED, CallKind.CREATE, CallOutcome.DONE, applied=5)
REFUSED = order(S.REFUSED, CallKind.CREATE, CallOutcome.DONE, applied=5)
RESCHEDULE_UNKNOWN = order(S.CONFIRMED, CallKind.RESCHEDULE, applied=5)
OUT_OF_STOCK = order(S.OUT_OF_STOCK, CallKind.CREATE, CallOutcome.DONE, applied=5)
CANCEL_UNKNOWN = order(S.CANCELLING, CallKind.CANCEL, applied=5)
CANCEL_NOT_SENT = order(S.CANCELLING, CallKind.CANCEL, CallOutcome.NOT_SENT, applied=5)
CANCEL_TAKEN = order(S.CANCELLING, CallKind.CANCEL, CallOutcome.DONE, applied=5)
CANCELLED = order(S.CANCELLED, CallKind.CANCEL, CallOutcome.DONE, applied=5)
CANCEL_FAILED = order(S.CANCEL_FAILED, CallKind.CANCEL, CallOutcome.REFUSED, applied=5)
TOMBSTONE = order(S.CANCELLED, CallKind.CANCEL, CallOutcome.REFUSED)
TOMBSTONE_UNKNOWN = order(S.CANCELLING, CallKind.CANCEL)
CANCELLED_UNSENT = order(S.CANCELLED, CallKind.CREATE, CallOutcome.NOT_SENT)
SETTLED = order(S.SETTLED, CallKind.CREATE, CallOutcome.DONE, applied=5)

BOOKS = {name: value for name, value in globals().items() if isinstance(value, Order)}

# Columns: the event's own version again; an older one; a newer one with the same content; a newer one with another.
PAID: dict[str, tuple[PaidStep, PaidStep, PaidStep, PaidStep]] = {
    **dict.fromkeys(
        ["NEVER_SEEN", "CREATE_NOT_SENT", "CREATE_REFUSED", "CREATE_MAY_BE_THERE", "REFUSED_BY_OURSELVES"],
        (PaidStep.PUSH,) * 4,
    ),
    "CREATE_UNKNOWN": (PaidStep.CLEAR_UP,) * 4,
    **dict.fromkeys(
        ["PUSHED", "CONFIRMED", "RESCHEDULE_UNKNOWN", "REFUSED", "OUT_OF_STOCK", "SETTLED"],
        (PaidStep.APPLIED, PaidStep.SUPERSEDED, PaidStep.SUPERSEDED, PaidStep.ALREADY_PUSHED),
    ),
    **dict.fromkeys(
        ["CANCEL_UNKNOWN", "CANCEL_NOT_SENT", "CANCEL_TAKEN", "CANCELLED", "CANCEL_FAILED"],
        (PaidStep.APPLIED, PaidStep.SUPERSEDED, PaidStep.SUPERSEDED, PaidStep.SUPERSEDED),
    ),
    **dict.fromkeys(["TOMBSTONE", "TOMBSTONE_UNKNOWN", "CANCELLED_UNSENT"], (PaidStep.SUPERSEDED,) * 4),
}

CANCEL: dict[str, CancelStep] = {
    "NEVER_SEEN": CancelStep.ASK_SUPPLIER,
    "CREATE_UNKNOWN": CancelStep.CLEAR_UP_CREATE,
    "CREATE_NOT_SENT": CancelStep.NEVER_PUSHED,
    "CREATE_REFUSED": CancelStep.NEVER_PUSHED,
    "CREATE_MAY_BE_THERE": CancelStep.ASK_SUPPLIER,
    "REFUSED_BY_OURSELVES": CancelStep.ASK_SUPPLIER,
    "PUSHED": CancelStep.ASK_SUPPLIER,
    "CONFIRMED": CancelStep.ASK_SUPPLIER,
    "REFUSED": CancelStep.ASK_SUPPLIER,
    "RESCHEDULE_UNKNOWN": CancelStep.CLEAR_UP_RESCHEDULE,
    "OUT_OF_STOCK": CancelStep.ASK_SUPPLIER,
    "CANCEL_UNKNOWN": CancelStep.ASK_SUPPLIER,
    "CANCEL_NOT_SENT": CancelStep.ASK_SUPPLIER,
    "CANCEL_TAKEN": CancelStep.REPEAT,
    "CANCELLED": CancelStep.REPEAT,
    "CANCEL_FAILED": CancelStep.ASK_SUPPLIER,
    "TOMBSTONE": CancelStep.REPEAT,
    "TOMBSTONE_UNKNOWN": CancelStep.ASK_SUPPLIER,
    "CANCELLED_UNSENT": CancelStep.REPEAT,
    "SETTLED": CancelStep.SETTLED,
}


def test_the_tables_name_every_order() -> None:
    assert set(PAID) == set(CANCEL) == set(BOOKS)


@pytest.mark.parametrize("name", sorted(BOOKS))
def test_the_step_for_a_paid(name: str) -> None:
    steps = (
        TABLE[BOOKS[name].state].paid(BOOKS[name], Paid("paid-1", 5, "digest-1")),
        TABLE[BOOKS[name].state].paid(BOOKS[name], Paid("paid-0", 4, "digest-0")),
        TABLE[BOOKS[name].state].paid(BOOKS[name], Paid("paid-2", 6, "digest-1")),
        TABLE[BOOKS[name].state].paid(BOOKS[name], Paid("paid-2", 6, "digest-2")),
    )
    assert steps == PAID[name]


@pytest.mark.parametrize("name", sorted(BOOKS))
def test_the_step_for_a_cancel(name: str) -> None:
    assert TABLE[BOOKS[name].state].cancelled(BOOKS[name], Cancelled("/shop", "cancel-9")) is CANCEL[name]


ORDERS = st.builds(
    order,
    st.sampled_from(OrderState),
    st.none() | st.sampled_from(CallKind),
    st.sampled_from(CallOutcome),
    applied=st.none() | st.integers(1, 9),
).filter(
    lambda books: (
        (books.unanswered(CallKind.CREATE) is not None) == (books.state is S.PUSHING)
        and (books.applied_version is None or books.state not in {S.NEW, S.PUSHING})
    )
)
"""Books that can be: a create is unanswered exactly while the order is being pushed, and nothing is applied before."""


@given(ORDERS, st.sampled_from(["paid-1", "paid-2"]), st.integers(1, 9), st.sampled_from(["digest-1", "digest-2"]))
def test_nothing_is_pushed_that_may_be_there_or_was_cancelled(
    books: Order, event_id: str, version: int, digest: str
) -> None:
    step = TABLE[books.state].paid(books, Paid(event_id, version, digest))
    if step is PaidStep.PUSH:
        assert books.applied_version is None
        assert books.unanswered(CallKind.CREATE) is None
        assert books.state not in {S.CANCELLING, S.CANCELLED, S.CANCEL_FAILED}
    if step is PaidStep.ALREADY_PUSHED:
        assert books.applied_version is not None
        assert version > books.applied_version
    if step is PaidStep.CLEAR_UP:
        assert books.unanswered(CallKind.CREATE) is not None


@given(ORDERS)
def test_a_cancel_says_never_pushed_only_of_what_is_certainly_not_at_the_supplier(books: Order) -> None:
    step = TABLE[books.state].cancelled(books, Cancelled("/shop", "cancel-9"))
    if step is CancelStep.NEVER_PUSHED:
        assert books.intent is not None
        assert books.intent.kind is CallKind.CREATE
        assert books.intent.outcome in {CallOutcome.REFUSED, CallOutcome.NOT_SENT}
    if books.unanswered(CallKind.CREATE) is not None:
        assert step is CancelStep.CLEAR_UP_CREATE
    if books.unanswered(CallKind.CANCEL) is not None and books.state is S.CANCELLING:
        assert step is CancelStep.ASK_SUPPLIER


@given(ORDERS, st.sampled_from(CallOutcome))
def test_an_answer_touches_the_outcome_alone(books: Order, outcome: CallOutcome) -> None:
    told = books.answered(outcome)
    assert (told.state, told.applied_version, told.sequence) == (books.state, books.applied_version, books.sequence)
    if books.intent is None:
        assert told.intent is None
    else:
        assert told.intent is not None
        assert told.intent.outcome is outcome
        assert told.intent.body == books.intent.body
