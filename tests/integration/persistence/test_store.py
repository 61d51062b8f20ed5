"""Group commit as its callers see it: what holds, what does not, and that neighbours are not harmed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from consumer.domain.order import Order, OrderState
from consumer.domain.writes import SaveOrder
from tests.integration.persistence.making import LEASE, entry, full_order, key, kinds, message, unit

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from consumer.persistence.store import Store


async def test_a_unit_of_work_is_read_back_as_it_was_written(store: Store) -> None:
    sent = message("m1", mandatory=True)
    assert await store.apply([unit(entry("e1"), SaveOrder(full_order(), "me"), sent)]) == [None]
    assert await store.inbox([key("e1"), key("e2")]) == {key("e1"): entry("e1")}
    assert timeless(await store.orders(["SO-1", "SO-2"])) == {"SO-1": replace(full_order(), row_version=1)}
    assert await store.outbox_of(key("e1")) == [sent]


def timeless(orders: dict[str, Order]) -> dict[str, Order]:
    """The orders without the times that the database's clock gave them, which have to be there."""
    assert all(order.created_at and order.state_at and order.updated_at for order in orders.values())
    return {so_id: replace(order, created_at=None, state_at=None, updated_at=None) for so_id, order in orders.items()}


async def test_no_units_and_no_keys_are_no_work(store: Store) -> None:
    assert await store.apply([]) == []
    assert await store.apply([unit()]) == [None]
    assert await store.inbox([]) == {}
    assert await store.orders([]) == {}


async def test_a_replay_is_another_run_of_the_same_event(store: Store) -> None:
    assert await store.apply([unit(entry("e1")), unit(entry("e1", run="replay-1"))]) == [None, None]


async def test_a_key_that_is_done_takes_its_unit_out_and_no_other(store: Store) -> None:
    await store.apply([unit(entry("e1"))])
    again = unit(entry("e1"), message("m1"), SaveOrder(Order("a"), "me"))
    outcomes = await store.apply([unit(entry("e2")), again, unit(entry("e3"), message("m3", "e3"))])
    assert kinds(outcomes) == ["-", "AlreadyDone", "-"]
    assert await store.outbox_of(key("e1")) == []
    assert await store.orders(["a"]) == {}
    assert len(await store.inbox([key(name) for name in ("e1", "e2", "e3")])) == 3


async def test_of_two_units_with_one_key_in_a_batch_the_first_holds(store: Store) -> None:
    outcomes = await store.apply(
        [unit(entry("e1"), message("m1")), unit(entry("e1"), message("m2")), unit(entry("e2"))]
    )
    assert kinds(outcomes) == ["-", "AlreadyDone", "-"]
    assert [sent.id for sent in await store.outbox_of(key("e1"))] == ["m1"]


async def test_a_unit_holds_if_the_one_before_it_with_its_key_failed(store: Store) -> None:
    outcomes = await store.apply([unit(entry("e1"), SaveOrder(Order("a", row_version=9), "me")), unit(entry("e1"))])
    assert kinds(outcomes) == ["StaleOrder", "-"]


async def test_stale_and_taken_orders(store: Store) -> None:
    await store.apply([unit(SaveOrder(Order("a"), "me", LEASE)), unit(SaveOrder(Order("b"), "me"))])
    outcomes = await store.apply(
        [
            unit(SaveOrder(Order("a", row_version=1), "you")),
            unit(SaveOrder(Order("b", row_version=7), "you")),
            unit(SaveOrder(Order("b", row_version=0), "you")),
            unit(SaveOrder(Order("c", row_version=1), "you")),
            unit(SaveOrder(Order("d"), "you")),
        ]
    )
    assert kinds(outcomes) == ["OrderTaken", "StaleOrder", "StaleOrder", "StaleOrder", "-"]
    assert set(await store.orders("abcd")) == {"a", "b", "d"}


async def test_the_owner_of_a_lease_goes_on_and_its_last_save_releases_it(store: Store) -> None:
    assert await store.apply([unit(SaveOrder(Order("a"), "me", LEASE))]) == [None]
    assert await store.apply([unit(SaveOrder(Order("a", row_version=1), "me", LEASE))]) == [None]
    assert kinds(await store.apply([unit(SaveOrder(Order("a", row_version=2), "you"))])) == ["OrderTaken"]
    assert await store.apply([unit(SaveOrder(Order("a", row_version=2), "me"))]) == [None]
    assert await store.apply([unit(SaveOrder(Order("a", row_version=3), "you"))]) == [None]


async def test_a_lease_runs_out_by_the_databases_clock(store: Store) -> None:
    await store.apply([unit(SaveOrder(Order("a"), "dead", timedelta(seconds=2)))])
    takeover = unit(SaveOrder(Order("a", row_version=1), "me", LEASE))
    assert kinds(await store.apply([takeover])) == ["OrderTaken"]
    await asyncio.sleep(2.1)
    assert await store.apply([takeover]) == [None]
    # The one that lost its lease commits nothing any more.
    assert kinds(await store.apply([unit(SaveOrder(Order("a", row_version=1), "dead"))])) == ["OrderTaken"]


async def test_two_units_on_one_order_in_a_batch_are_never_both_lost_nor_both_kept(store: Store) -> None:
    first = Order("a", state=OrderState.PUSHED)
    outcomes = await store.apply([unit(SaveOrder(first, "me")), unit(SaveOrder(Order("a"), "me"), message("m"))])
    assert kinds(outcomes) == ["-", "StaleOrder"]
    assert timeless(await store.orders(["a"])) == {"a": replace(first, row_version=1)}
    assert await store.outbox_of(key("e1")) == []


async def test_units_that_follow_each_other_on_one_order_both_hold(store: Store) -> None:
    follow = [unit(SaveOrder(Order("a", row_version=version, sequence=version), "me")) for version in range(4)]
    assert await store.apply(follow) == [None] * 4
    assert (await store.orders(["a"]))["a"].row_version == 4


async def test_failing_units_among_more_than_one_statement_takes(store: Store) -> None:
    await store.apply([unit(SaveOrder(Order(f"o{number}"), "me")) for number in range(0, 300, 7)])
    units = [unit(entry(f"e{n}"), SaveOrder(Order(f"o{n}"), "me"), message(f"m{n}", f"e{n}")) for n in range(300)]
    assert kinds(await store.apply(units)) == ["StaleOrder" if n % 7 == 0 else "-" for n in range(300)]
    assert len(await store.inbox([key(f"e{n}") for n in range(300)])) == 300 - len(range(0, 300, 7))


_NOT_STORABLE = {
    "a number that fits no column": SaveOrder(Order("bad", sequence=2**70), "me"),
    "half a character": SaveOrder(Order("bad\ud800"), "me"),
    "a moment of no time zone": entry("bad", done_at=datetime(2026, 1, 1)),  # noqa: DTZ001 (that is the point)
    "nothing where something must be": message("bad", body=None),  # type: ignore[arg-type]  # that is the point
    "a value of another type": message("bad", body=object()),  # type: ignore[arg-type]  # that is the point
}


@pytest.mark.parametrize("bad", _NOT_STORABLE.values(), ids=_NOT_STORABLE.keys())
async def test_a_poisoned_unit_is_refused_and_its_neighbours_hold(store: Store, bad: SaveOrder) -> None:
    good = [unit(entry(f"e{n}"), SaveOrder(Order(f"o{n}"), "me")) for n in range(20)]
    outcomes = await store.apply([*good[:7], unit(entry("e-bad"), bad), *good[7:]])
    assert kinds(outcomes) == ["-"] * 7 + ["UnitRefused"] + ["-"] * 13
    assert await store.inbox([key("e-bad")]) == {}
    assert len(await store.orders([f"o{n}" for n in range(20)])) == 20


async def test_a_refusal_says_why_and_shows_no_value(store: Store) -> None:
    (refusal,) = await store.apply([unit(SaveOrder(Order("so", sequence=2**70, online_no="张三"), "me"))])
    assert refusal is not None
    assert refusal.message.startswith("the database refuses to store this: a value ")
    assert "张三" not in str(refusal)
    assert str(2**70) not in str(refusal)


async def test_a_unit_that_contradicts_itself_is_refused(store: Store) -> None:
    twice = unit(SaveOrder(Order("a"), "me"), SaveOrder(Order("a"), "me"))
    assert kinds(await store.apply([twice, unit(entry("e1"))])) == ["UnitRefused", "-"]
    assert await store.orders(["a"]) == {}


async def test_times_keep_their_microseconds_and_come_back_in_utc(store: Store) -> None:
    at = datetime.fromisoformat("2026-11-22T17:30:15.123457+08:00")
    await store.apply([unit(entry("e1", done_at=at))])
    read = (await store.inbox([key("e1")]))[key("e1")].done_at
    assert read == at
    assert read.utcoffset() == timedelta(0)


async def test_keys_with_quotes_and_other_scripts_are_found(store: Store) -> None:
    names = ['"', "'; --", "[]", "\\u0041", "订单\n1", "1", "null", "😀"]
    await store.apply([unit(entry(name), SaveOrder(Order(name), "me")) for name in names])
    assert set(await store.inbox([key(name) for name in names])) == {key(name) for name in names}
    assert set(await store.orders(names)) == set(names)


async def test_what_is_acknowledged_is_on_the_disk(store: Store) -> None:
    if store._database.dialect.name == "sqlite":
        asked = {"PRAGMA journal_mode": "wal", "PRAGMA synchronous": 2, "PRAGMA foreign_keys": 1}
    else:
        asked = {"SHOW synchronous_commit": "on"}
    for question, answer in asked.items():
        ask = partial(_ask, question)
        assert await store._database.write(ask) == answer


def _ask(question: str, connection: Connection) -> object:
    return connection.exec_driver_sql(question).scalar_one()
