"""Laws of the schedule: each due time is handled once, nothing is made up for in a burst, a clock may go wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.timetable import (
    MOST_COUNTED,
    NO_SCHEDULER,
    SOURCE,
    STILL_WAITS,
    Run,
    RunStatus,
    Standing,
    Step,
    steps,
)
from consumer.settings.schedule import read_schedule
from rabbitmq.topology import EVENTS
from schemas.codec import decode

if TYPE_CHECKING:
    from consumer.settings import ScheduledRequest

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 10, 24, 20, 0, 1, tzinfo=UTC)


def entry(cron: str, name: str = "goods") -> ScheduledRequest:
    given = {"cron": cron, "type": "sync.products.requested", "data": {"with_prices": True}}
    (read,) = read_schedule(json.dumps({name: given}))
    return read


@dataclass
class World:
    """The books of one entry, as a test plays them."""

    entry: ScheduledRequest
    zone: ZoneInfo = ZONE
    known: Standing | None = None
    runs: dict[datetime, Run] = field(default_factory=dict)

    def turn(self, now: datetime, *, waits: bool = False) -> Run | None:
        """Do what is due; a due time that was written before is not written again, as the books' key has it."""
        before = {} if self.known is None else {self.known.name: self.known}
        (step,) = steps([self.entry], self.zone, before, now)
        self.known = Standing(step.entry.name, step.timing, step.handled_until, waits=waits)
        return self.written(step)

    def written(self, step: Step) -> Run | None:
        if step.run is None or step.run.due_at in self.runs:
            return None
        self.runs[step.run.due_at] = step.run
        return step.run

    def requested(self) -> list[datetime]:
        return [due for due, run in self.runs.items() if run.status is RunStatus.REQUESTED]


def test_an_entry_begins_when_it_is_first_seen() -> None:
    world = World(entry("* * * * *"))
    assert world.turn(START) is None
    run = world.turn(START + timedelta(minutes=1))
    assert run is not None
    assert (run.status, run.passed_over) == (RunStatus.REQUESTED, 0)


def test_the_request_is_an_event_of_the_contract_under_an_id_that_can_be_made_again() -> None:
    twins = World(entry("* * * * *")), World(entry("* * * * *"))
    ids = set()
    for world, late in zip(twins, (1, 2), strict=True):
        world.turn(START)
        run = world.turn(START + timedelta(seconds=60 + late))
        assert run is not None
        assert run.message is not None
        event = decode(run.message.body, routing_key="sync.products.requested")
        assert (event.source, event.id, run.message.id) == (SOURCE, run.event_id, run.event_id)
        assert (run.message.exchange, run.message.routing_key, run.message.mandatory) == (EVENTS, event.type, True)
        # Under the event's own key a duplicate of it would send it round for ever.
        assert run.message.key.run
        ids.add(event.id)
    assert len(ids) == 1


@pytest.mark.parametrize(
    ("cron", "down", "status"),
    [
        ("0 3 * * *", timedelta(hours=11), RunStatus.REQUESTED),  # at 14:00 it is nearer to 03:00 than to the next
        ("0 3 * * *", timedelta(hours=13), RunStatus.MISSED),
        ("0 * * * *", timedelta(minutes=29), RunStatus.REQUESTED),
        ("0 * * * *", timedelta(minutes=31), RunStatus.MISSED),
        ("0 3 * * MON", timedelta(days=3), RunStatus.REQUESTED),
    ],
)
def test_a_late_one_is_made_up_for_while_it_is_nearer_to_its_own_time(
    cron: str, down: timedelta, status: RunStatus
) -> None:
    world = World(entry(cron))
    world.turn(START)
    due = next(world.entry.cron.after(START, ZONE))
    run = world.turn(due + down)
    assert run is not None
    assert (run.due_at, run.status, run.passed_over) == (due, status, 0)
    assert run.reason == (NO_SCHEDULER if status is RunStatus.MISSED else None)


def test_after_a_weekend_one_is_requested_and_the_others_are_counted() -> None:
    world = World(entry("0 * * * *"))
    world.turn(START)
    run = world.turn(START + timedelta(hours=60, minutes=5))
    assert run is not None
    assert (run.status, run.passed_over) == (RunStatus.REQUESTED, 59)
    assert world.turn(START + timedelta(hours=60, minutes=6)) is None


def test_a_count_has_an_end() -> None:
    world = World(entry("* * * * *"))
    world.turn(START)
    run = world.turn(START + timedelta(days=400))
    assert run is not None
    assert run.passed_over == MOST_COUNTED


def test_nothing_heaps_up_before_a_service_that_does_not_run() -> None:
    world = World(entry("* * * * *"))
    for minute in range(5):
        world.turn(START + timedelta(minutes=minute), waits=minute > 0)
    statuses = [(run.status, run.reason) for run in world.runs.values()]
    assert statuses == [(RunStatus.REQUESTED, None), *[(RunStatus.MISSED, STILL_WAITS)] * 3]
    world.turn(START + timedelta(minutes=5), waits=False)
    run = world.turn(START + timedelta(minutes=6))
    assert run is not None
    assert run.status is RunStatus.REQUESTED


@pytest.mark.parametrize("other", [entry("*/2 * * * *"), entry("* * * * *")], ids=["expression", "zone"])
def test_another_timing_begins_anew(other: ScheduledRequest) -> None:
    world = World(entry("* * * * *"))
    world.turn(START)
    world.entry = other
    world.zone = ZoneInfo("Europe/Berlin")
    assert world.turn(START + timedelta(hours=5)) is None
    assert world.turn(START + timedelta(hours=5, minutes=2)) is not None


def test_a_clock_that_was_years_ahead_does_not_silence_an_entry() -> None:
    world = World(entry("* * * * *"))
    world.turn(START)
    world.turn(START + timedelta(days=3_000))
    world.turn(START + timedelta(minutes=1))
    run = world.turn(START + timedelta(minutes=2))
    assert run is not None
    assert run.status is RunStatus.REQUESTED


crons = st.sampled_from(["* * * * *", "*/7 * * * *", "30 2 * * *", "0 */3 * * *", "15,45 1-3 * * *", "*/20 * * * * *"])
zones = st.sampled_from([ZONE, ZoneInfo("Europe/Berlin")])
pauses = st.lists(
    st.one_of(
        st.timedeltas(timedelta(milliseconds=1), timedelta(seconds=5)),
        st.timedeltas(timedelta(seconds=1), timedelta(minutes=20)),
        st.timedeltas(timedelta(minutes=1), timedelta(hours=5)),
    ),
    max_size=25,
)


@given(crons, zones, pauses)
def test_each_due_time_is_requested_missed_or_passed_over_exactly_once(
    cron: str, zone: ZoneInfo, waited: list[timedelta]
) -> None:
    """Over the night on which Berlin's clocks go back, with any turns and standstills."""
    world = World(entry(cron), zone)
    now = START
    world.turn(now)
    for pause in waited:
        now += pause
        before = len(world.requested())
        run = world.turn(now)
        assert len(world.requested()) - before <= 1
        if run is not None and run.message is not None:
            following = next(world.entry.cron.after(now, zone))
            assert now - run.due_at <= following - now
    every = list(takewhile(lambda due: due <= now, world.entry.cron.after(START, zone)))
    capped = any(run.passed_over == MOST_COUNTED for run in world.runs.values())
    assert set(world.runs) <= set(every)
    assert capped or sum(1 + run.passed_over for run in world.runs.values()) == len(every)


@given(crons, st.lists(st.timedeltas(timedelta(hours=-3), timedelta(hours=3)), max_size=20))
def test_a_clock_that_jumps_about_never_makes_a_due_time_come_twice(cron: str, jumps: list[timedelta]) -> None:
    world, now = World(entry(cron)), START
    requested: list[str] = []
    for jump in jumps:
        now += jump
        run = world.turn(now)
        if run is not None and run.message is not None:
            requested.append(run.event_id)
    assert len(requested) == len(set(requested))


@given(crons, zones)
def test_who_looks_often_enough_requests_all_on_time(cron: str, zone: ZoneInfo) -> None:
    world = World(entry(cron), zone)
    world.turn(START)
    for due in islice(world.entry.cron.after(START, zone), 50):
        run = world.turn(due + timedelta(milliseconds=20))
        assert run is not None
        assert (run.due_at, run.status, run.passed_over) == (due, RunStatus.REQUESTED, 0)
