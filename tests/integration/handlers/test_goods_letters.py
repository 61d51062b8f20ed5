"""Batches of goods in the dead letters, on both databases: filed, filed twice, replayed, and replayed again.

The law: each sync ends once, everybody who asked is told once, and what was not cancelled adds up.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from consumer.deadletters.archivist import Archivist
from consumer.domain import delivery as headers
from consumer.domain.audit import AuditEntry
from consumer.domain.delivery import Settlement
from consumer.domain.errors import Transient
from consumer.domain.letters import note_of
from consumer.domain.writes import SyncType
from consumer.persistence.store import Store
from schemas.codec import decode, encode, new_event
from schemas.registry import INBOUND
from tests.support.goods_line import GoodsLine, Haier
from tests.unit.domain import failures
from tests.unit.runtime.fakes import delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.writes import OutboxMessage, SyncLogRow
    from schemas.envelope import Event


def codes(count: int) -> list[str]:
    return [f"BX{number:04}" for number in range(count)]


class Desk:
    """What the archivist needs beside the books."""

    def __init__(self, line: GoodsLine) -> None:
        self._line = line
        self.archivist = Archivist(line.books, self, self, max_event_bytes=1_000_000)

    def hand_over(self, rows: Sequence[OutboxMessage]) -> None:
        self._line.told += [decode(row.body, routing_key=row.routing_key) for row in rows]

    def pause(self, *_: object, **__: object) -> None:
        raise AssertionError("the database is there")

    async def file(self, event: Event) -> None:
        """Archive the event's delivery: it was dead-lettered."""
        given = {
            headers.LANE: "relay.catalog",
            headers.ROUTING_KEY: event.type,
            headers.ERROR: note_of(failures.malformed()).to_header(),
        }
        queue = "relay.catalog.dlq"
        letter = delivery(encode(event), queue=queue, routing_key=queue, headers=given)
        assert await self.archivist.archive(letter) is Settlement.ACK


async def _asked(line: GoodsLine, event_id: str = "e1", count: int = 140) -> list[Event]:
    await line.send("sync.products.requested", event_id, product_codes=codes(count), with_prices=True)
    batches, line.queue = line.queue, []
    return batches


def _rows(rows: Sequence[SyncLogRow]) -> list[tuple[str, str, int, int, int]]:
    return sorted(
        (row.sync_type.value, row.status.value, row.total_count, row.success_count, row.failed_count) for row in rows
    )


async def test_a_letter_of_a_request_that_is_planned_ends_no_sync(store: Store) -> None:
    line = GoodsLine(store, Haier().stocked(*codes(140)))
    wish = INBOUND["sync.products.requested"].model_validate({"product_codes": codes(140)})
    request = new_event("sync.products.requested", wish, source="/shop", id_="e1", time=datetime.now(UTC), subject=None)
    await line.carry(request)
    # Its process died before it could ack, so often that the broker gave up on the message.
    await Desk(line).file(request)
    await line.run()
    assert [event.correlationid for event in line.of("sync.completed")] == ["e1"]
    assert _rows(await store.recent_sync_logs(9)) == [("products", "success", 140, 140, 0)]


async def test_a_batch_filed_twice_and_replayed_twice_counts_once_and_mends_the_goods(store: Store) -> None:
    line = GoodsLine(store, Haier().stocked(*codes(140)))
    desk = Desk(line)
    lost, other = await _asked(line)
    await asyncio.gather(desk.file(lost), desk.file(lost))
    await line.carry(other)
    await line.run()
    assert _rows(await store.recent_sync_logs(9)) == [("products", "partial", 180, 80, 100)]
    # While the same is asked for anew, and twice at the same moment.
    line.queue += await _asked(line, "e2")
    await asyncio.gather(line.carry(lost, run="r1"), line.carry(lost, run="r1"), line.carry(lost, run="r2"))
    random.Random(3).shuffle(line.queue)  # noqa: S311 - no secret
    await line.run()
    assert _rows(await store.recent_sync_logs(9)) == [
        ("manual", "success", 200, 200, 0),
        ("manual", "success", 200, 200, 0),
        ("products", "partial", 180, 80, 100),
        ("products", "success", 280, 280, 0),
    ]
    assert len(line.of("product.changed")) == len(line.of("price.changed")) == 140
    ends = Counter(event.correlationid for event in line.of("sync.completed"))
    assert (ends["e1"], ends["e2"]) == (1, 1)


async def test_a_letter_that_races_the_batch_counts_it_once(migrated_url: str) -> None:
    async with Store.open(migrated_url) as one, Store.open(migrated_url) as two:
        haier = Haier().stocked(*codes(240))
        worker, desk_line = GoodsLine(one, haier), GoodsLine(two, haier)
        desk = Desk(desk_line)
        for number in range(6):
            batches = await _asked(worker, f"e{number}", 240)
            await asyncio.gather(
                *(worker.carry(batch) for batch in batches), *(desk.file(batch) for batch in batches[::-1])
            )
            await worker.run()
        rows = [row for row in await one.recent_sync_logs(99) if row.sync_type is SyncType.PRODUCTS]
        assert len(rows) == 6
        assert all(row.success_count + row.failed_count == row.total_count for row in rows)
        assert all(row.completed_at is not None for row in await one.recent_sync_logs(99))


async def test_a_replay_after_the_sync_was_cancelled(store: Store) -> None:
    haier = Haier().stocked(*codes(240))
    line = GoodsLine(store, haier)
    desk = Desk(line)
    lost, open_, other = await _asked(line, count=240)
    await desk.file(lost)
    await line.carry(other)
    [row] = await store.recent_sync_logs(9)
    assert (
        await store.cancelling.cancel(row.id, AuditEntry("li", "sync.cancel", datetime.now(UTC), None, "attack"))
        is not None
    )
    ended = await store.sync_log(row.id)
    calls = len(haier.calls)
    # Of what was cancelled nothing is done, also if it becomes a letter now; what was lost before is mended by hand.
    await desk.file(open_)
    await line.carry(open_, run="r1")
    await line.run()
    assert (len(haier.calls), await store.sync_log(row.id)) == (calls, ended)
    await line.carry(lost, run="r1")
    await line.run()
    assert ("manual", "success", 200, 200, 0) in _rows(await store.recent_sync_logs(9))
    assert await store.sync_log(row.id) == ended


async def test_a_lost_whole_list_keeps_what_is_counted_and_its_replay_is_whole(store: Store) -> None:
    haier = Haier().stocked(*codes(700))
    haier.breaking = [Transient("gone", code="disconnected", supplier="haier", operation="products")]
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested", with_prices=True)
    the_list = line.queue.pop(0)
    with pytest.raises(Transient):
        await line.carry(the_list)
    await Desk(line).file(the_list)
    await line.run()
    assert _rows(await store.recent_sync_logs(9)) == [("products", "partial", 1000, 1000, 0)]
    await line.carry(the_list, run="r1")
    await line.run()
    assert ("manual", "success", 1400, 1400, 0) in _rows(await store.recent_sync_logs(9))
    assert len(line.of("product.changed")) == len(line.of("price.changed")) == 700
