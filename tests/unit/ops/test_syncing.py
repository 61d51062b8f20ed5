"""Waiting for a sync: until its row is finished, or until its request is parked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from consumer.domain.errors import ErrorClass
from consumer.domain.results import sync_log_id
from consumer.domain.writes import InboxKey, Letter, LetterStatus, SyncLogRow, SyncStatus, SyncType
from ops.syncing import followed

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEY = InboxKey("/t", "event")
ROW = SyncLogRow("row", SyncType.PRODUCTS, SyncStatus.PROCESSING, "running", 10, 4, 0, NOW, NOW, None, "event")
DONE = replace(ROW, status=SyncStatus.PARTIAL, success_count=9, failed_count=1, completed_at=NOW)


def letter(event_id: str) -> Letter:
    return Letter(
        id=f"letter-of-{event_id}",
        lane="relay.catalog",
        type="sync.products.requested",
        subject=None,
        event_source="/t",
        event_id=event_id,
        message_id=event_id,
        body=b"{}",
        headers="{}",
        error_class=ErrorClass.BUG,
        code="x",
        message="parked",
        supplier=None,
        supplier_code=None,
        supplier_message=None,
        traceback=None,
        attempts="[]",
        attempt_count=1,
        fingerprint="f",
        status=LetterStatus.OPEN,
        first_seen_at=NOW,
        created_at=NOW,
    )


@dataclass
class Books:
    """Books that change with each look."""

    rows: list[SyncLogRow | None]
    letters: list[Letter] = field(default_factory=list)
    joined: str | None = None

    async def joined_sync(self, key: InboxKey) -> str | None:
        assert key == KEY
        return self.joined

    async def sync_log(self, id_: str) -> SyncLogRow | None:
        assert id_ in {sync_log_id(KEY), "row"}
        return self.rows.pop(0) if len(self.rows) > 1 else self.rows[0]

    async def letter_of_event(self, event_id: str) -> Letter | None:
        return next((letter for letter in self.letters if letter.event_id == event_id), None)


async def test_every_look_is_told_until_the_row_is_finished() -> None:
    told: list[SyncLogRow | None] = []
    books = Books([None, ROW, DONE])
    assert await followed(books, KEY, told.append, look_every=0) == DONE
    assert told == [None, ROW, DONE]


async def test_a_request_that_is_parked_without_a_row_ends_the_waiting() -> None:
    books = Books([None], [letter("another"), letter("event")])
    assert await followed(books, KEY, lambda _: None, look_every=0) == letter("event")


async def test_a_row_that_was_closed_with_the_letter_says_more_than_the_letter() -> None:
    books = Books([DONE], [letter("event")])
    assert await followed(books, KEY, lambda _: None, look_every=0) == DONE


async def test_who_joined_another_sync_sees_that_ones_row() -> None:
    told: list[SyncLogRow | None] = []
    books = Books([None, DONE], joined="row")
    assert await followed(books, KEY, told.append, look_every=0) == DONE
    assert told == [DONE]
