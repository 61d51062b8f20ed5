"""What a plan says of a letter: it would go, its event is done already, or it cannot be replayed as it is."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from consumer.deadletters.judging import judge, read
from consumer.domain.delivery import Delivery
from consumer.domain.errors import ErrorClass
from consumer.domain.letters import ErrorNote, letter_of
from consumer.domain.order import Order, OrderState
from consumer.domain.writes import InboxEntry, InboxKey, LetterStatus
from schemas.codec import Event, decode
from tests.support.events import SOURCE, cancelled, event, paid

if TYPE_CHECKING:
    from consumer.domain.writes import Letter

AT = datetime(2026, 11, 23, tzinfo=UTC)
SYNC = "6e0c9fb6-5f6a-4ed0-9a55-6f1f3f0c7d11"


def letter(document: Any, error_class: ErrorClass = ErrorClass.TRANSIENT) -> Letter:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return letter_of(
        Delivery("relay.orders", body, "order.paid", {}, "m", None, AT),
        ErrorNote(error_class, "code", "what it says"),
        id_="letter",
        lane="relay.orders",
        key=InboxKey(SOURCE, "e"),
        type_=None,
        subject=None,
        status=LetterStatus.OPEN,
        now=AT,
    )


def of(document: dict[str, Any]) -> Event:
    return decode(json.dumps(document).encode())


def order(state: OrderState, version: int | None = 1, **more: Any) -> Order:
    return replace(Order("SO-1"), state=state, applied_version=version, **more)


@pytest.mark.parametrize(
    ("body", "error_class", "why"),
    [
        (b"", ErrorClass.BUG, "scrubbed"),
        (b"\xff", ErrorClass.BUG, "relay dlq edit"),
        ({**paid("SO-1"), "type": "order.of.tomorrow"}, ErrorClass.BUG, "relay dlq edit"),
        (paid("SO-1"), ErrorClass.INVALID_EVENT, "what it says"),
    ],
)
def test_what_cannot_be_replayed_as_it_is(body: Any, error_class: ErrorClass, why: str) -> None:
    found = read(letter(body, error_class), 100_000)
    assert isinstance(found, str)
    assert found.startswith("not replayable")
    assert why in found


def test_a_body_above_the_limit_cannot_be_replayed() -> None:
    assert isinstance(read(letter(paid("SO-1")), 100), str)


@pytest.mark.parametrize(
    ("document", "state", "goes"),
    [
        (paid("SO-1"), None, True),
        (paid("SO-1"), OrderState.NEW, True),
        (paid("SO-1"), OrderState.PUSHING, True),
        (paid("SO-1"), OrderState.PUSHED, False),
        (paid("SO-1", version=2), OrderState.CONFIRMED, False),
        (paid("SO-1"), OrderState.REFUSED, False),
        (paid("SO-1"), OrderState.CANCELLED, False),
        (paid("SO-1"), OrderState.SETTLED, False),
        (cancelled("SO-1"), None, True),
        (cancelled("SO-1"), OrderState.PUSHED, True),
        (cancelled("SO-1"), OrderState.CANCEL_FAILED, True),
        (cancelled("SO-1"), OrderState.CANCELLED, False),
        (cancelled("SO-1"), OrderState.SETTLED, False),
    ],
)
def test_the_order_says_whether_anything_is_left_to_do(
    document: dict[str, Any], state: OrderState | None, *, goes: bool
) -> None:
    verdict = judge(of(document), None, None if state is None else order(state))
    assert (verdict.reason is None) == goes, verdict
    assert goes or (verdict.reason or "").startswith(("already done", "not replayable"))
    assert sum(verdict.calls.values()) == goes


def test_new_days_that_hold_or_are_overtaken_do_not_go() -> None:
    data = {"so_id": "SO-1", "version": 3, "distribution_on": "2026-12-01"}
    moved = of(event("order.rescheduled", data, event_id="days", subject="SO-1"))
    pushed = order(OrderState.PUSHED, retail_order_no="R-1")
    assert judge(moved, None, pushed).calls == {"ylh.reschedule": 1}
    assert "version 4" in (judge(moved, None, replace(pushed, applied_version=4)).reason or "")
    applied = replace(pushed, applied_version=3, applied_event_id="days")
    assert "these days hold" in (judge(moved, None, applied).reason or "")
    assert judge(moved, None, order(OrderState.SETTLED)).reason is not None


@pytest.mark.parametrize(("outcome", "goes"), [("done", False), ("superseded", False), ("refused", True)])
def test_an_event_that_is_done_does_not_go_one_that_was_refused_does(outcome: str, *, goes: bool) -> None:
    done = InboxEntry(InboxKey(SOURCE, "e"), "digest", "sync.balance.requested", outcome, AT)
    verdict = judge(of(event("sync.balance.requested", {}, event_id="e")), done, None)
    assert (verdict.reason is None) == goes


def test_a_batch_says_how_many_calls_it_makes() -> None:
    codes = [f"BX{number:07}" for number in range(45)]
    stock = {"sync_id": SYNC, "number": 1, "product_codes": codes, "county_code": "330106"}
    prices = {"sync_id": SYNC, "number": 2, "product_codes": codes}
    assert judge(of(event("catalog.batch.stock", stock, event_id="1")), None, None).calls == {"haier.stock": 45}
    assert judge(of(event("catalog.batch.prices", prices, event_id="2")), None, None).calls == {"haier.prices": 3}
    whole = {"sync_id": SYNC, "number": 1, "product_codes": None}
    assert judge(of(event("catalog.batch.products", whole, event_id="3")), None, None).calls == {"haier.products": 1}
