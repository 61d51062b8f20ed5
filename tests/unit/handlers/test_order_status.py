"""Reports: what our books say of an order, without a call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consumer.domain.errors import OrderTaken, UnknownOutcome
from tests.unit.handlers.single import World
from tests.unit.handlers.world import SO, Job, Said, paid_event, rescheduled_event, status_event


async def test_a_report_tells_what_the_books_know_and_counts() -> None:
    world = World(Said.ACCEPT, Said.REFUSE)
    await world.carry(rescheduled_event(2), paid_event(), rescheduled_event(3, install_on="2026-12-09"), status_event())
    (told,) = world.books.told_for(Job(status_event()).key)
    said = told.data
    assert (told.type, said.state, said.sequence, said.at_supplier) == ("order.status.reported", "pushed", 4, True)
    assert (said.applied_version, str(said.distribution_on), said.install_on) == (2, "2026-12-05", None)
    assert (said.error.code, said.retail_order_no, said.refundable) == ("refused", "JSH-SO1", False)
    assert [call for call, _ in world.ylh.calls] == ["create", "reschedule"]


async def test_a_report_of_an_order_that_is_not_in_the_books_says_so_and_writes_none() -> None:
    world = World()
    await world.carry(status_event())
    (told,) = world.books.told_for(Job(status_event()).key)
    assert (told.data.state, told.data.sequence, told.data.so_id) == (None, 0, SO)
    assert world.books.rows == {}


async def test_a_report_says_where_nobody_knows_whether_the_order_arrived() -> None:
    world = World(Said.UNKNOWN_LOST)
    with pytest.raises(UnknownOutcome):
        await world.carry(paid_event())
    await world.carry(status_event())
    (told,) = world.books.told_for(Job(status_event()).key)
    assert (told.data.state, told.data.at_supplier) == ("pushing", None)


async def test_a_report_waits_while_the_order_is_worked_on() -> None:
    world = World()
    await world.carry(paid_event())
    world.books.rows[SO] = replace(world.books.rows[SO], owner="another", leased=True)
    with pytest.raises(OrderTaken):
        await world.carry(status_event())
