"""What the archivist makes of each dead letter: one row, one result, acked only once both are stored."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.deadletters.archivist import Archivist
from consumer.domain import delivery as headers
from consumer.domain.delivery import Delivery, Settlement
from consumer.domain.errors import BooksUnavailable, Defect
from consumer.domain.letters import ErrorNote, note_of
from consumer.domain.results import sync_log_id
from consumer.domain.writes import (
    InboxEntry,
    InboxKey,
    Letter,
    LetterStatus,
    OutboxMessage,
    SyncLogRow,
    SyncStatus,
    SyncType,
)
from consumer.runtime.books import BatchedBooks
from consumer.runtime.outbox_relay import OutboxRelay
from consumer.runtime.pause_board import PauseBoard
from rabbitmq.topology import UNROUTABLE
from schemas.codec import decode
from schemas.identity import body_digest
from tests.support.events import event, paid
from tests.unit.domain import failures
from tests.unit.runtime.fakes import AT, LANE, FakePublisher, FakeStore, as_publisher, as_store, delivery

DLQ = f"{LANE}.dlq"

if TYPE_CHECKING:
    from collections.abc import Mapping


class Archive:
    """An archivist over a fake store."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.pauses = PauseBoard()
        books = BatchedBooks(as_store(self.store))
        self.relay = OutboxRelay(books, as_publisher(FakePublisher()))
        self.archivist = Archivist(books, self.relay, self.pauses, max_event_bytes=10_000)

    async def archive(self, given_delivery: Delivery) -> Settlement:
        return await self.archivist.archive(given_delivery)

    @property
    def letter(self) -> Letter:
        (letter,) = self.store.letters.values()
        return letter

    @property
    def row(self) -> OutboxMessage:
        (row,) = self.store.messages.values()
        return row

    @property
    def result(self) -> Any:
        """The one result, read back as its listener would."""
        return decode(self.row.body, routing_key=self.row.routing_key)


def dead(
    note: ErrorNote | None,
    document: dict[str, Any] | bytes | None = None,
    *,
    queue: str = DLQ,
    message_id: str | None = "m-1",
    more: Mapping[str, Any] | None = None,
) -> Delivery:
    """A message as the courier parks it."""
    given_headers: dict[str, Any] = {headers.LANE: LANE, headers.ROUTING_KEY: "order.paid", **(more or {})}
    if note is not None:
        given_headers[headers.ERROR] = note.to_header()
    return delivery(document, queue=queue, routing_key=queue, headers=given_headers, message_id=message_id)


async def test_a_defect_is_filed_with_its_words_and_told() -> None:
    archive = Archive()
    history = [{"attempt": 1, "at": "2024-11-22T00:00:00+00:00", "class": "bug", "code": "x", "message": "长"}]
    given_delivery = dead(
        note_of(failures.defect()),
        more={
            headers.ATTEMPT: 4,
            headers.HISTORY: json.dumps(history),
            headers.FIRST_SEEN: "2024-11-22T00:00:00+00:00",
        },
    )
    assert await archive.archive(given_delivery) is Settlement.ACK
    letter = archive.letter
    assert (letter.lane, letter.type, letter.subject, letter.message_id) == (LANE, "order.paid", "SO1", "m-1")
    assert (letter.event_source, letter.event_id, letter.body) == ("/shop", "paid-SO1-1", given_delivery.body)
    assert (letter.error_class.value, letter.code, letter.status) == ("bug", "no_handler", LetterStatus.OPEN)
    assert (letter.attempt_count, json.loads(letter.attempts)) == (4, history)
    assert letter.first_seen_at == datetime(2024, 11, 22, tzinfo=UTC)
    assert json.loads(letter.headers)[headers.ATTEMPT] == 4
    result = archive.result
    assert (result.type, result.subject, result.correlationid) == ("event.dead_lettered", "SO1", "paid-SO1-1")
    assert (result.data.dead_letter_id, result.data.attempts) == (letter.id, 4)
    assert [row.id for row in archive.relay._rows] == [archive.row.id]


CAUSES = [
    (failures.transient(), "transient", True),
    (failures.unknown_outcome(), "unknown_outcome", True),
    (failures.malformed(), "malformed", False),
    (failures.rejected(), "rejected", False),
    (failures.unmatched(), "unmatched", False),
    (failures.snoozed(), "transient", True),
    (failures.defect(), "bug", False),
    *((error, "bug", False) for error in failures.foreign_errors()),
]


@pytest.mark.parametrize(("error", "error_class", "retriable"), CAUSES, ids=[type(row[0]).__name__ for row in CAUSES])
async def test_each_cause_keeps_its_class(error: BaseException, error_class: str, *, retriable: bool) -> None:
    archive = Archive()
    note = note_of(error)
    assert await archive.archive(dead(note)) is Settlement.ACK
    letter = archive.letter
    assert (letter.error_class.value, letter.supplier, letter.supplier_code) == (
        error_class,
        note.supplier,
        note.supplier_code,
    )
    assert letter.traceback == note.traceback
    assert archive.row.routing_key == "event.dead_lettered"
    told = archive.result.data.error
    assert (told.error_class, told.code, told.retriable) == (error_class, note.code, retriable)


async def test_a_broken_contract_is_answered_with_its_fields() -> None:
    archive = Archive()
    broken = event("order.paid", {"so_id": "SO1"}, event_id="e-7", subject="SO1")
    assert await archive.archive(dead(None, broken)) is Settlement.ACK
    assert (archive.letter.error_class.value, archive.letter.event_id) == ("invalid_event", "e-7")
    result = archive.result
    assert (result.type, result.correlationid, result.data.message_id) == ("event.rejected", "e-7", "m-1")
    assert "data.online_no" in {error.field for error in result.data.errors}
    assert result.data.body_sha256 == body_digest(archive.letter.body)


async def test_an_unreadable_body_is_known_by_its_message_id_else_by_its_digest() -> None:
    archive = Archive()
    await archive.archive(dead(None, b"\x00\xff", message_id="shop-9"))
    assert (archive.letter.event_id, archive.letter.type) == ("shop-9", None)
    assert archive.result.correlationid == "shop-9"
    archive = Archive()
    await archive.archive(dead(None, b"\x00\xff", message_id=None))
    assert archive.result.correlationid == archive.letter.event_id == body_digest(b"\x00\xff")


async def test_two_bodies_under_one_id_are_two_rejections() -> None:
    archive = Archive()
    note = note_of(failures.invalid_event())
    for remark in ("one", "other"):
        await archive.archive(dead(note, paid("SO1", remark=remark)))
    assert len(archive.store.letters) == len(archive.store.messages) == 2


async def test_the_same_letter_twice_is_filed_and_told_once() -> None:
    archive = Archive()
    given_delivery = dead(note_of(failures.transient()))
    for _ in range(3):
        assert await archive.archive(given_delivery) is Settlement.ACK
    assert len(archive.store.letters) == len(archive.store.messages) == 1


async def test_another_attempt_of_the_same_event_is_another_letter() -> None:
    archive = Archive()
    for attempt in (1, 6):
        await archive.archive(dead(note_of(failures.transient()), more={headers.ATTEMPT: attempt}))
    assert len(archive.store.letters) == 2


async def test_a_letter_of_an_event_that_is_done_is_closed_and_told_to_nobody() -> None:
    archive = Archive()
    key = InboxKey("/shop", "paid-SO1-1")
    archive.store.entries[key] = InboxEntry(key, "digest", "order.paid", "done", datetime.now(UTC))
    assert await archive.archive(dead(note_of(failures.transient()))) is Settlement.ACK
    assert (archive.letter.status, archive.store.messages) == (LetterStatus.CLOSED, {})


async def test_a_misrouted_event_is_told_by_its_type() -> None:
    archive = Archive()
    await archive.archive(delivery(paid("SO1"), queue=UNROUTABLE, routing_key="orders.paid"))
    (error,) = archive.result.data.errors
    assert (archive.letter.lane, archive.letter.error_class.value, error.field) == (UNROUTABLE, "invalid_event", "type")
    assert "orders.paid" in error.input


async def test_what_the_broker_parked_by_itself_is_named() -> None:
    archive = Archive()
    await archive.archive(parked_by_the_broker([{"reason": "delivery_limit"}]))
    assert (archive.letter.error_class.value, archive.letter.code) == ("bug", "broker_delivery_limit")
    assert "given back more often than its queue allows" in archive.letter.message
    assert archive.letter.lane == LANE


async def test_nothing_is_acked_while_the_database_is_away() -> None:
    archive = Archive()
    archive.store.failure = BooksUnavailable("away", code="unreachable")
    assert await archive.archive(dead(note_of(failures.transient()))) is Settlement.REQUEUE
    assert [pause.resource for pause in archive.pauses.pauses()] == ["database"]
    assert archive.relay.waiting == 0
    archive.store.failure = None
    assert await archive.archive(dead(note_of(failures.transient()))) is Settlement.ACK


async def test_a_parked_sync_ends_its_row_once_and_is_told() -> None:
    archive = Archive()
    request = event("sync.products.requested", {"product_codes": ["BX1"]}, event_id="sync-1")
    key = InboxKey("/shop", "sync-1")
    row = SyncLogRow(
        id=sync_log_id(key),
        sync_type=SyncType.PRODUCTS,
        status=SyncStatus.PROCESSING,
        message="running",
        total_count=50,
        success_count=20,
        failed_count=0,
        created_at=AT,
        started_at=AT,
        completed_at=None,
        event_id="sync-1",
    )
    archive.store.sync_rows[row.id] = row
    for attempt in (6, 7):
        parked = dead(note_of(failures.transient()), request, more={headers.ATTEMPT: attempt})
        assert await archive.archive(parked) is Settlement.ACK
    ended = archive.store.sync_rows[row.id]
    assert ended.completed_at is not None
    assert ended.status in {SyncStatus.FAILED, SyncStatus.PARTIAL}
    assert ended.success_count + ended.failed_count == ended.total_count == 50
    told = Counter(message.routing_key for message in archive.store.messages.values())
    assert (told["sync.completed"], told["sync_log.recorded"]) == (1, 1)


# ---- what a stranger can send: an archivist that raises leaves the letter, which comes back for ever ----


def unroutable(**given_headers: Any) -> Delivery:
    """A message with an unreadable body that a publisher sent under an unknown key, with headers of its choice."""
    return delivery(b"{}", queue=UNROUTABLE, headers=given_headers)


def forged(**parts: Any) -> Delivery:
    return unroutable(**{headers.ERROR: json.dumps({"error_class": "bug", "code": "a", "message": "b", **parts})})


def parked_by_the_broker(deaths: object) -> Delivery:
    return delivery(queue=DLQ, routing_key=LANE, headers={"x-death": deaths})


HOSTILE: dict[str, Delivery] = {
    "message id longer than an event id": dead(None, b"{}", message_id="m" * 200),
    "message id with control characters": dead(None, b"{}", message_id="a\nb\x01"),
    "blank message id": dead(None, b"{}", message_id=" "),
    "message id with NUL": dead(None, b"{}", message_id="a\0b"),
    "forged note without a message": forged(message=None),
    "forged note with a number for a code": forged(code=7),
    "forged note with a code that is none": forged(code="Not A Code"),
    "forged note with NUL": forged(message="a\0b"),
    "forged note with fields that are none": forged(error_class="invalid_event", fields=[{"foo": "bar"}]),
    "forged note of endless brackets": unroutable(**{headers.ERROR: "[" * 100_000}),
    "history of endless brackets": unroutable(**{headers.HISTORY: "[" * 100_000}),
    "attempt beyond all numbers of results": unroutable(**{headers.ATTEMPT: 2**62}),
    "deaths that are text": parked_by_the_broker(["rejected"]),
    "a reason of another make": parked_by_the_broker([{"reason": "Max Length"}]),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_a_stranger_sends_is_filed_like_any_other(name: str) -> None:
    archive = Archive()
    assert await archive.archive(HOSTILE[name]) is Settlement.ACK
    assert archive.letter.body == HOSTILE[name].body


async def test_a_letter_that_the_database_refuses_is_filed_in_a_plainer_form() -> None:
    archive = Archive()
    archive.store.refuses_once = Defect("the database refuses to store this", code="unit_refused_by_database")
    given_delivery = dead(note_of(failures.transient()))
    assert await archive.archive(given_delivery) is Settlement.ACK
    assert (archive.letter.body, archive.letter.event_id) == (given_delivery.body, "paid-SO1-1")


async def test_a_publisher_cannot_write_its_own_verdict() -> None:
    archive = Archive()
    await archive.archive(forged(message="pay no heed"))
    assert archive.letter.error_class.value == "invalid_event"


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60).filter(str.strip)
BODIES = st.binary(max_size=60) | st.sampled_from(
    [json.dumps(paid("SO1")).encode(), b"[]", b'"text"', b"null", json.dumps(event("a.b", {}, event_id="e")).encode()]
)
VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**31 - 1) | st.text(max_size=9) | st.binary(max_size=9)
OURS = st.sampled_from(
    [headers.ATTEMPT, headers.ROUTING_KEY, headers.HISTORY, headers.FIRST_SEEN, headers.LANE, headers.ERROR, "x-a"]
)


@settings(max_examples=100)
@given(BODIES, st.dictionaries(OURS, VALUES, max_size=5), st.none() | TEXT, st.sampled_from([DLQ, UNROUTABLE]))
async def test_whatever_lies_in_the_dead_letters_becomes_one_letter_and_one_result(
    body: bytes, given_headers: dict[str, Any], message_id: str | None, queue: str
) -> None:
    archive = Archive()
    assert await archive.archive(delivery(body, queue=queue, headers=given_headers, message_id=message_id)) is (
        Settlement.ACK
    )
    assert archive.letter.body == body
    assert archive.row.routing_key in {"event.rejected", "event.dead_lettered"}
    assert archive.result.source == "/haier-relay"
    json.loads(archive.letter.headers)
    json.loads(archive.letter.attempts)
