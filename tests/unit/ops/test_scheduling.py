"""What `relay schedule list` makes of the books."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from consumer.domain.results import sync_log_id
from consumer.domain.schedule_books import PastRun, RequestState
from consumer.domain.timetable import SOURCE, STILL_WAITS, RunStatus
from consumer.domain.writes import InboxKey, SyncLogRow, SyncStatus, SyncType
from consumer.settings.schedule import read_schedule
from ops.scheduling import EntryNow, entries_now

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
DUE = NOW - timedelta(hours=9)
ENTRIES = read_schedule(json.dumps({"goods": {"cron": "0 3 * * *", "type": "sync.products.requested"}}))


def row(id_: str) -> SyncLogRow:
    return SyncLogRow(
        id_, SyncType.PRODUCTS, SyncStatus.PARTIAL, "9 of 10 in step", 10, 9, 1, NOW, NOW, NOW, "event-1", None
    )


@dataclass
class Books:
    run: PastRun | None = None
    rows: dict[str, SyncLogRow] = field(default_factory=dict)
    joins: dict[str, str] = field(default_factory=dict)

    async def newest_runs(self) -> dict[str, PastRun]:
        return {} if self.run is None else {"goods": self.run, "an entry of before": self.run}

    async def sync_log(self, id_: str) -> SyncLogRow | None:
        return self.rows.get(id_)

    async def joined_sync(self, key: InboxKey) -> str | None:
        return self.joins.get(key.event_id)


def requested(state: RequestState) -> PastRun:
    return PastRun(DUE, RunStatus.REQUESTED, None, 3, "event-1", NOW, state)


async def shown(books: Books) -> EntryNow:
    (entry,) = await entries_now(ENTRIES, ZONE, books, books, NOW)
    assert (entry.name, entry.cron, entry.next_at) == ("goods", "0 3 * * *", datetime(2026, 11, 23, 19, tzinfo=UTC))
    return entry


async def test_an_entry_that_was_never_due() -> None:
    entry = await shown(Books())
    assert (entry.last_due_at, entry.last, entry.outcome) == (None, None, None)


async def test_the_row_of_its_own_sync() -> None:
    id_ = sync_log_id(InboxKey(SOURCE, "event-1"))
    entry = await shown(Books(requested(RequestState.DONE), {id_: row(id_)}))
    assert (entry.last, entry.outcome, entry.sync_log_id) == ("requested", "partial", id_)
    assert (entry.message, entry.passed_over, entry.event_id) == ("9 of 10 in step", 3, "event-1")


async def test_the_row_of_the_sync_that_it_joined() -> None:
    entry = await shown(Books(requested(RequestState.DONE), {"other": row("other")}, {"event-1": "other"}))
    assert (entry.outcome, entry.sync_log_id) == ("partial", "other")


@pytest.mark.parametrize("state", RequestState)
async def test_without_a_row_it_says_where_the_request_is(state: RequestState) -> None:
    entry = await shown(Books(requested(state)))
    assert (entry.outcome, entry.sync_log_id, entry.event_id) == (state.value, None, "event-1")


async def test_why_it_was_missed() -> None:
    entry = await shown(Books(PastRun(DUE, RunStatus.MISSED, STILL_WAITS, 0, "event-1", NOW, None)))
    assert (entry.last, entry.outcome, entry.event_id, entry.message) == ("missed", None, None, STILL_WAITS)
