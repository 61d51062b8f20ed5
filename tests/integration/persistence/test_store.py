"""The books as their callers see them, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from consumer.domain.errors import AlreadyDone, OrderTaken, StaleOrder
from consumer.domain.order import CallKind, CallOutcome, Intent, Order, OrderState
from consumer.domain.writes import InboxEntry, InboxKey, OutboxMessage, SaveOrder, UnitOfWork, Write
from consumer.persistence.store import Store

NOW = datetime(2026, 11, 22, 9, 30, 15, 123456, tzinfo=UTC)


def unit(*writes: Write) -> UnitOfWork:
    return UnitOfWork(writes)


def entry(event_id: str, *, source: str = "shop", run: str = "") -> InboxEntry:
    return InboxEntry(InboxKey(source, event_id, run), "digest", "order.paid", "done", NOW)


def message(id_: str, event_id: str = "e1", **changes: object) -> OutboxMessage:
    plain = OutboxMessage(
        id_, InboxKey("shop", event_id), "relay.results", "order.push.succeeded", b"\x00\xff", False, NOW
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


FULL_ORDER = Order(
    so_id="SO-1",
    state=OrderState.PUSHING,
    applied_version=2**53 - 1,
    content_digest="c",
    sequence=3,
    online_no="线上-1",
    source_system="s",
    paid_event_id="e1",
    retail_order_no="r",
    ext_order_no="x",
    intent=Intent(CallKind.CREATE, b"\xff\x00{}", "d", 7, CallOutcome.UNKNOWN, "shop", "e1", NOW),
    distribution_on="2026-12-01",
    install_on="2026-12-02",
)


async def test_a_unit_of_work_is_read_back_as_it_was_written(store: Store) -> None:
    sent = message("m1", headers={"x-relay-replay": "一"}, mandatory=True)
    assert await store.apply([unit(entry("e1"), SaveOrder(FULL_ORDER, "me"), sent)]) == [None]
    assert await store.inbox([InboxKey("shop", "e1"), InboxKey("shop", "e2")]) == {entry("e1").key: entry("e1")}
    assert await store.orders(["SO-1", "SO-2"]) == {"SO-1": replace(FULL_ORDER, row_version=1)}
    assert await store.outbox_of(InboxKey("shop", "e1")) == [sent]


async def test_a_key_that_is_done_takes_its_unit_out_and_no_other(store: Store) -> None:
    await store.apply([unit(entry("e1"))])
    again = unit(entry("e1"), message("m1"))
    outcomes = await store.apply([unit(entry("e2")), again, unit(entry("e3"), message("m3", "e3"))])
    assert [type(outcome) for outcome in outcomes] == [type(None), AlreadyDone, type(None)]
    assert await store.outbox_of(InboxKey("shop", "e1")) == []
    assert len(await store.inbox([InboxKey("shop", name) for name in ("e1", "e2", "e3")])) == 3


async def test_a_stale_order_and_a_taken_order(store: Store) -> None:
    hour = timedelta(hours=1)
    assert await store.apply([unit(SaveOrder(Order("a"), "me", hour)), unit(SaveOrder(Order("b"), "me"))]) == [
        None,
        None,
    ]
    outcomes = await store.apply(
        [
            unit(SaveOrder(Order("a", row_version=1), "you")),
            unit(SaveOrder(Order("b", row_version=7), "you")),
            unit(SaveOrder(Order("b", row_version=0), "you")),
            unit(SaveOrder(Order("c", row_version=1), "you")),
            unit(SaveOrder(Order("d"), "you")),
        ]
    )
    assert [type(outcome) for outcome in outcomes] == [OrderTaken, StaleOrder, StaleOrder, StaleOrder, type(None)]
    assert await store.apply([unit(SaveOrder(Order("a", row_version=1), "me"))]) == [None]
    assert await store.apply([unit(SaveOrder(Order("a", row_version=2), "you"))]) == [None]
    assert set(await store.orders("abcd")) == {"a", "b", "d"}
