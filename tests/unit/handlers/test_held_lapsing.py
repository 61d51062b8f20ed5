"""What waits for a create that never comes ends after a day, told once; what went along in one does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import Transient, UnknownOutcome
from consumer.domain.order_parts import Days
from consumer.handlers.held_lapsing import HeldLapsing
from tests.unit.handlers.single import World
from tests.unit.handlers.world import SO, Job, Said, paid_event, rescheduled_event

if TYPE_CHECKING:
    from consumer.domain.order import Order
    from consumer.domain.writes import OutboxMessage

KEEP = timedelta(hours=24)


class Look:
    """A look at what is held, some hours later: the books of the small world, with what lapsing asks of them."""

    def __init__(self, world: World, hours: float) -> None:
        self.handed_over: list[OutboxMessage] = []
        self._books = world.books
        self._shift = timedelta(hours=hours)
        self.commit = world.books.commit
        self.lapsing = HeldLapsing(self, self.handed_over.extend, keep=KEEP)

    async def orders_with_held(self, older_than: timedelta, *, after: str, limit: int) -> list[Order]:
        assert (older_than, limit) == (KEEP, 100)
        orders = [row.order for so_id, row in sorted(self._books.rows.items()) if row.order.held and so_id > after]
        return [
            replace(order, held=tuple(replace(held, held_at=held.held_at - self._shift) for held in order.held))
            for order in orders
        ]


async def test_what_is_held_for_a_day_without_a_create_is_told_as_failed() -> None:
    world = World()
    days = rescheduled_event(2)
    await world.carry(days)
    early = Look(world, 23.9)
    await early.lapsing.once()
    assert (early.handed_over, world.told(days)) == ([], [])
    late = Look(world, 24.1)
    await late.lapsing.once()
    (told,) = world.books.told_for(Job(days).key)
    assert (told.type, told.data.error.code) == ("order.reschedule.failed", "order_unknown")
    assert [message.key for message in late.handed_over] == [Job(days).key]
    assert world.order.held == ()
    await late.lapsing.once()
    assert world.told(days) == ["order.reschedule.failed"]
    await world.carry(paid_event())
    assert world.ylh.days[SO] == Days()


async def test_what_went_along_in_an_unanswered_create_does_not_lapse() -> None:
    world = World(Said.UNKNOWN_APPLIED)
    days = rescheduled_event(2)
    await world.carry(days)
    with pytest.raises(UnknownOutcome):
        await world.carry(paid_event())
    await Look(world, 50).lapsing.once()
    assert world.told(days) == []
    await world.carry(paid_event())
    assert world.told(days) == ["order.reschedule.succeeded"]


async def test_an_order_that_is_worked_on_is_left_for_the_next_look() -> None:
    world = World(Said.TRANSIENT)
    days = rescheduled_event(2)
    await world.carry(days)
    with pytest.raises(Transient):
        await world.carry(paid_event())
    row = world.books.rows[SO]
    world.books.rows[SO] = replace(row, owner="another", leased=True)
    look = Look(world, 25)
    await look.lapsing.once()
    assert (look.handed_over, len(world.order.held)) == ([], 1)
