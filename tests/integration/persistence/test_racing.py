"""Two processes' stores on one database: one winner for each row version, one taker for each message, no deadlock."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from consumer.domain.errors import StateError
from consumer.domain.order import Order
from consumer.domain.writes import SaveOrder
from consumer.persistence import outbox
from consumer.persistence.store import Store
from tests.integration.persistence.making import LEASE, entry, key, kinds, message, unit

if TYPE_CHECKING:
    from datetime import timedelta

    import pytest

ROUNDS = 5
RACERS = 50


async def test_exactly_one_of_fifty_wins_each_row_version(migrated_url: str) -> None:
    async with Store.open(migrated_url) as one, Store.open(migrated_url) as two:
        for version in range(ROUNDS):
            outcomes = await asyncio.gather(
                *[
                    store.apply([unit(SaveOrder(Order("a", row_version=version, sequence=racer), f"racer-{racer}"))])
                    for racer, store in enumerate([one, two] * (RACERS // 2))
                ]
            )
            winners = [racer for racer, (outcome,) in enumerate(outcomes) if outcome is None]
            assert len(winners) == 1
            assert all(outcome is None or isinstance(outcome, StateError) for (outcome,) in outcomes)
            order = (await one.orders(["a"]))["a"]
            assert (order.row_version, order.sequence) == (version + 1, winners[0])


async def test_exactly_one_takes_a_lease(migrated_url: str) -> None:
    async with Store.open(migrated_url) as one, Store.open(migrated_url) as two:
        await one.apply([unit(SaveOrder(Order("a"), "nobody"))])
        outcomes = await asyncio.gather(
            *[
                store.apply([unit(SaveOrder(Order("a", row_version=1), f"racer-{racer}", LEASE))])
                for racer, store in enumerate([one, two] * 5)
            ]
        )
        assert sorted(kinds(outcome for (outcome,) in outcomes)) == ["-"] + ["OrderTaken"] * 9


async def test_one_event_is_done_once_whoever_takes_it(migrated_url: str) -> None:
    async with Store.open(migrated_url) as one, Store.open(migrated_url) as two:
        names = [f"e{number}" for number in range(40)]
        batches = [[unit(entry(name), message(f"{name}-{side}", name)) for name in names] for side in "ab"]
        for batch in batches:
            random.shuffle(batch)
        outcomes = await asyncio.gather(one.apply(batches[0]), two.apply(batches[1]))
        assert sorted(kinds([*outcomes[0], *outcomes[1]])) == ["-"] * 40 + ["AlreadyDone"] * 40
        for name in names:
            assert len(await one.outbox_of(key(name))) == 1


async def test_batches_on_the_same_orders_in_any_sequence_do_not_wait_for_each_other(migrated_url: str) -> None:
    names = [f"o{number}" for number in range(30)]

    async def work(store: Store, owner: str) -> int:
        won = 0
        for _ in range(10):
            known = await store.orders(names)
            shuffled = random.sample(names, len(names))
            units = [unit(SaveOrder(known.get(name, Order(name)), owner)) for name in shuffled]
            won += kinds(await store.apply(units)).count("-")
        return won

    async with Store.open(migrated_url) as one, Store.open(migrated_url) as two:
        won = await asyncio.gather(work(one, "a"), work(two, "b"), work(one, "c"), work(two, "d"))
        assert sum(order.row_version for order in (await one.orders(names)).values()) == sum(won)


async def test_no_message_is_claimed_by_two(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "FIRST_CLAIM", LEASE * 0)
    async with Store.open(migrated_url) as one, Store.open(migrated_url) as two:
        await one.apply([unit(*[message(f"m{number}") for number in range(200)])])
        await asyncio.sleep(0.01)

        async def sweep(store: Store, claim_for: timedelta) -> list[str]:
            claimed: list[str] = []
            while found := await store.claim_outbox(7, claim_for):
                claimed += [sent.id for sent in found]
            return claimed

        claims = await asyncio.gather(*[sweep(store, LEASE) for store in [one, two] * 4])
        claimed = [id_ for claim in claims for id_ in claim]
        assert sorted(claimed) == sorted(f"m{number}" for number in range(200))
