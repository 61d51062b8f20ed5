"""A batch of a sync that is dead-lettered fails its items in the letter's transaction, so that the sync can end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.deadletters.archivist import Archivist
from consumer.domain import delivery as headers
from consumer.domain.delivery import Settlement
from consumer.domain.errors import BatchCounted
from consumer.domain.letters import note_of
from consumer.domain.sync_plan import BatchStanding
from consumer.domain.sync_writes import BatchStatus, CountBatch
from consumer.domain.writes import InboxEntry, InboxKey, Letter, OutboxMessage, UnitOfWork
from schemas.codec import decode, encode, new_event
from schemas.internal import SyncLogisticsBatch
from tests.unit.domain import failures
from tests.unit.runtime.fakes import AT, delivery

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from consumer.domain.delivery import Delivery
    from consumer.domain.errors import RelayError
    from consumer.domain.writes import SyncLogRow

SYNC = "7d0a7d3e-5f6b-4f0e-9a51-0c9f3f1f2b11"
LANE = "relay.logistics"
KEY = InboxKey("/haier-relay", "batch-1")
OPEN = BatchStanding(2, BatchStatus.OPEN)


class Ledger:
    """Books with one planned batch, outlet and pauses in one."""

    def __init__(self, standing: BatchStanding | None = OPEN) -> None:
        self.standing = standing
        self.done: InboxEntry | None = None
        self.counted_meanwhile = False
        self.units: list[UnitOfWork] = []

    async def commit(self, unit: UnitOfWork) -> None:
        if self.counted_meanwhile and any(isinstance(write, CountBatch) for write in unit.writes):
            raise BatchCounted(SYNC, 1)
        self.units.append(unit)

    async def inbox(self, key: InboxKey) -> InboxEntry | None:
        assert key == KEY
        return self.done

    async def replayed_letter(self, run: str, key: InboxKey) -> str | None:
        raise AssertionError(f"no replay sent it: {run}, {key}")

    async def sync_log(self, id_: str) -> SyncLogRow | None:
        assert id_ != SYNC
        return None

    async def sync_batch(self, sync_id: str, number: int) -> BatchStanding | None:
        assert (sync_id, number) == (SYNC, 1)
        return self.standing

    def hand_over(self, rows: Sequence[OutboxMessage]) -> None:
        pass

    def pause(self, resource: str, *, rest: timedelta, longest: timedelta, cause: RelayError, alert: bool) -> None:
        raise AssertionError(f"{resource} is not away: {rest}, {longest}, {cause}, {alert}")

    @property
    def counts(self) -> list[CountBatch]:
        (unit,) = self.units
        assert any(isinstance(write, Letter) for write in unit.writes)
        return [write for write in unit.writes if isinstance(write, CountBatch)]


def batch() -> Delivery:
    made = new_event(
        "sync.logistics.batch",
        SyncLogisticsBatch(sync_id=SYNC, number=1, so_ids=("SO-1", "SO-2")),
        source=KEY.source,
        subject=f"{SYNC}/1",
        id_=KEY.event_id,
        time=AT,
        correlationid="sync-1",
    )
    given = {
        headers.LANE: LANE,
        headers.ROUTING_KEY: made.type,
        headers.ERROR: note_of(failures.malformed()).to_header(),
    }
    return delivery(encode(made), queue=f"{LANE}.dlq", routing_key=f"{LANE}.dlq", headers=given)


async def archived(ledger: Ledger) -> None:
    archivist = Archivist(ledger, ledger, ledger, max_event_bytes=10_000)
    assert await archivist.archive(batch()) is Settlement.ACK


async def test_its_items_have_failed_in_the_letters_transaction() -> None:
    ledger = Ledger()
    await archived(ledger)
    (count,) = ledger.counts
    assert (count.sync_id, count.number, count.status, count.failed) == (SYNC, 1, BatchStatus.LOST, 2)
    assert [part.item for part in count.failures] == ["SO-1", "SO-2"]
    assert {part.reason for part in count.failures} == {note_of(failures.malformed()).message}


async def test_what_is_told_of_it_answers_the_request() -> None:
    ledger = Ledger()
    await archived(ledger)
    (told,) = [write for write in ledger.units[0].writes if isinstance(write, OutboxMessage)]
    assert decode(told.body).correlationid == "sync-1"


async def test_one_that_was_counted_before_counts_no_more() -> None:
    for standing in (None, BatchStanding(2, BatchStatus.DONE), BatchStanding(2, BatchStatus.LOST)):
        ledger = Ledger(standing)
        await archived(ledger)
        assert ledger.counts == []


async def test_one_that_is_done_is_a_closed_letter_without_a_count() -> None:
    ledger = Ledger()
    ledger.done = InboxEntry(KEY, "digest", "sync.logistics.batch", "done", AT)
    await archived(ledger)
    assert ledger.counts == []


async def test_one_that_is_counted_meanwhile_is_filed_all_the_same() -> None:
    ledger = Ledger()
    ledger.counted_meanwhile = True
    await archived(ledger)
    assert ledger.counts == []
