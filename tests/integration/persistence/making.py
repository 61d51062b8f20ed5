"""Writes for the persistence tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from consumer.domain.errors import ErrorClass
from consumer.domain.letters import ErrorNote
from consumer.domain.order import CallKind, CallOutcome, Intent, Order, OrderState
from consumer.domain.order_parts import Consignee, Days, Goods, HeldReschedule, Stamp, Word
from consumer.domain.product import Product
from consumer.domain.writes import (
    InboxEntry,
    InboxKey,
    Letter,
    LetterStatus,
    OutboxMessage,
    SyncLogRow,
    SyncStatus,
    SyncType,
    UnitOfWork,
    Write,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = datetime(2026, 11, 22, 9, 30, 15, 123456, tzinfo=UTC)
LEASE = timedelta(hours=1)


def unit(*writes: Write) -> UnitOfWork:
    return UnitOfWork(writes)


def key(event_id: str) -> InboxKey:
    return InboxKey("urn:shop", event_id)


def entry(event_id: str, *, run: str = "", done_at: datetime = NOW) -> InboxEntry:
    return InboxEntry(InboxKey("urn:shop", event_id, run), "digest", "order.paid", "done", done_at)


def message(
    id_: str, event_id: str = "e1", *, body: bytes = b"\x00\xff", created_at: datetime = NOW, mandatory: bool = False
) -> OutboxMessage:
    return OutboxMessage(
        id=id_,
        key=key(event_id),
        exchange="relay.results",
        routing_key="order.push.succeeded",
        body=body,
        mandatory=mandatory,
        created_at=created_at,
        headers={"x-relay-replay": "一"},
    )


def full_order(so_id: str = "SO-1") -> Order:
    return Order(
        so_id=so_id,
        state=OrderState.PUSHING,
        applied_version=2**53 - 1,
        content_digest="c",
        sequence=3,
        online_no="线上-1",
        source_system="s",
        paid_event_id="e1",
        retail_order_no="r",
        ext_order_no="x",
        intent=Intent(
            CallKind.CREATE, b"\xff\x00{}", "d", 7, CallOutcome.UNKNOWN, "urn:shop", "e1", NOW, Days("2026-12-04")
        ),
        days=Days("2026-12-01", "2026-12-02"),
        applied_event_id="e1",
        goods=(Goods("BCD-1", 3, 1, 1, 1), Goods("赠品", 1)),
        answer=Stamp(Word.TAKEN_ON, NOW, "d1"),
        ending=Stamp(Word.CANCEL_REFUSED, NOW, "d2"),
        fail_msg="已发货",
        error=ErrorNote(ErrorClass.REJECTED, "cancel_refused", "m", supplier="ylh", supplier_message="已发货"),
        held=(HeldReschedule(key("e9"), 8, Days(None, "2026-12-03"), NOW),),
        consignee=Consignee("张三", "13812345678", "北京 朝阳"),
        delivered_at=NOW,
    )


def sync_row(id_: str = "log-1", status: SyncStatus = SyncStatus.SUCCESS, *, message: str = "m") -> SyncLogRow:
    ended = status in {SyncStatus.SUCCESS, SyncStatus.PARTIAL, SyncStatus.FAILED}
    return SyncLogRow(id_, SyncType.ORDER, status, message, 3, 2, 1, NOW, NOW, NOW if ended else None, "e1")


def letter(id_: str = "letter-1", *, code: str = "boom", status: LetterStatus = LetterStatus.OPEN) -> Letter:
    return Letter(
        id=id_,
        lane="relay.orders",
        type="order.paid",
        subject="SO-1",
        event_source="urn:shop",
        event_id="e1",
        message_id="e1",
        body=b"\xff not text",
        headers="{}",
        error_class=ErrorClass.BUG,
        code=code,
        message="it broke",
        supplier=None,
        supplier_code=None,
        supplier_message=None,
        traceback="Traceback",
        attempts="[]",
        attempt_count=1,
        fingerprint="f",
        status=status,
        first_seen_at=NOW,
        created_at=NOW,
        closed_at=None if status is LetterStatus.OPEN else NOW,
    )


def product(
    code: str = "P-1", *, model: str | None = "M", brand: str | None = "海尔", category: str | None = "冰箱"
) -> Product:
    return Product(code, model, category, brand, "https://img/1", ("https://img/2", "https://img/3"), True, None)


def kinds(outcomes: Iterable[object]) -> list[str]:
    """Name the class of each outcome; ``-`` stands for None."""
    return ["-" if outcome is None else type(outcome).__name__ for outcome in outcomes]
