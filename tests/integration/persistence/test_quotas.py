"""The row of a quota gives out each slot once, to any number of connections, by the database's clock."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import BooksUnavailable
from consumer.domain.slots import SECOND, Reservation, SlotRequest
from consumer.persistence.store import Store
from consumer.suppliers.quota import SharedQuota
from tests.unit.suppliers.quota_world import worst_second

if TYPE_CHECKING:
    from pathlib import Path

MILLISECOND = SECOND // 1000


def _request(
    count: int = 1, *, account: str = "ylh:us", interval: int = SECOND, lead: int = 0, horizon: int = 3600 * SECOND
) -> SlotRequest:
    return SlotRequest(account, count, interval, lead, horizon)


def _slots(reservation: Reservation, request: SlotRequest) -> list[int]:
    return [reservation.first + number * request.interval for number in range(request.count)]


async def test_the_first_slot_is_now_and_the_others_follow(store: Store) -> None:
    first = await store.reserve_slots(_request(3))
    second = await store.reserve_slots(_request(2))
    third = await store.reserve_slots(_request())
    assert first.first == pytest.approx(first.now, abs=5 * MILLISECOND)
    assert first.now == pytest.approx(time.time() * SECOND, abs=5 * SECOND)
    assert second.first == first.first + 3 * SECOND
    assert third.first == first.first + 5 * SECOND


async def test_after_idleness_slots_begin_now(store: Store) -> None:
    await store.reserve_slots(_request(2, interval=10 * MILLISECOND))
    await asyncio.sleep(0.05)
    later = await store.reserve_slots(_request(2, interval=10 * MILLISECOND))
    assert later.first == pytest.approx(later.now, abs=5 * MILLISECOND)


async def test_lead_puts_off_the_first_slot_but_not_a_backlog(store: Store) -> None:
    led = await store.reserve_slots(_request(lead=300 * MILLISECOND))
    assert led.first - led.now == pytest.approx(300 * MILLISECOND, abs=5 * MILLISECOND)
    assert (await store.reserve_slots(_request(lead=300 * MILLISECOND))).first == led.first + SECOND


async def test_a_row_far_ahead_is_a_clock_that_was_set_back(store: Store) -> None:
    await store.reserve_slots(_request(1000))
    forgot = await store.reserve_slots(_request(horizon=900 * SECOND))
    assert forgot.first == pytest.approx(forgot.now, abs=5 * MILLISECOND)


async def test_accounts_do_not_share(store: Store) -> None:
    await store.reserve_slots(_request(100))
    other = await store.reserve_slots(_request(account="haier:us"))
    assert other.first == pytest.approx(other.now, abs=5 * MILLISECOND)


async def test_the_database_computes_what_the_request_says(store: Store) -> None:
    standing = 0
    for request in (
        _request(3, interval=7),
        _request(2, lead=SECOND),
        _request(1, lead=20 * SECOND),
        _request(4, interval=30 * SECOND),
        _request(1, lead=5 * SECOND),
        _request(1, horizon=10 * SECOND),
    ):
        given = await store.reserve_slots(request)
        assert given.first == pytest.approx(request.first(standing, given.now), abs=5 * MILLISECOND)
        standing = given.first + request.span


async def test_several_connections_never_get_the_same_slot(migrated_url: str) -> None:
    async def work(store: Store) -> list[int]:
        slots: list[int] = []
        for count in (1, 4, 2, 5, 3):
            request = _request(count, interval=50 * MILLISECOND)
            slots += _slots(await store.reserve_slots(request), request)
        return slots

    async with Store.open(migrated_url) as one, Store.open(migrated_url) as two, Store.open(migrated_url) as three:
        given = await asyncio.gather(*(work(store) for store in (one, two, three) * 4))
    slots = sorted(slot for slots in given for slot in slots)
    assert len(slots) == 12 * 15
    assert min(after - before for before, after in pairwise(slots)) >= 50 * MILLISECOND


async def test_several_quotas_on_one_row_keep_the_rate_together(migrated_url: str) -> None:
    sent: list[float] = []

    async def call(quota: SharedQuota) -> None:
        assert await quota.take(30)
        sent.append(time.monotonic())

    async with Store.open(migrated_url) as one, Store.open(migrated_url) as two, Store.open(migrated_url) as three:
        quotas = [SharedQuota("ylh:us", 200, store) for store in (one, two, three)]
        await asyncio.gather(*(call(quota) for quota in quotas * 150))
        for quota in quotas:
            await quota.aclose()
    assert worst_second(sent) <= 210
    assert 450 / (max(sent) - min(sent)) > 180


async def test_a_database_that_cannot_be_opened_reaches_who_takes(tmp_path: Path) -> None:
    async with Store.open(f"sqlite+aiosqlite:///{tmp_path}/nowhere/relay.db") as store:
        with pytest.raises(BooksUnavailable):
            await SharedQuota("ylh:us", 100, store).take(5)
