"""Many schedulers on one set of books, in virtual time: one runs, the others take over, nothing is requested twice."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from consumer.domain.schedule_books import Holder, Turned
from consumer.domain.timetable import Standing
from consumer.persistence.errors import DatabaseUnavailable
from consumer.runtime.scheduler import LEASE, TURN_EVERY, Leading, Pace, Scheduler
from consumer.settings.schedule import read_schedule
from tests.support.virtual_time import run_virtually

if TYPE_CHECKING:
    from consumer.domain.schedule_books import Decide
    from consumer.domain.timetable import Run

ZONE = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2026, 11, 23, 2, 59, 30, tzinfo=UTC)
BEGAN = 1000.0
"""What the virtual loop's clock shows at first."""


@dataclass
class Books:
    """The books as the database keeps them, by the loop's clock."""

    away: bool = False
    owner: str = ""
    leased_until: float = 0.0
    known: dict[str, Standing] = field(default_factory=dict)
    runs: dict[tuple[str, datetime], Run] = field(default_factory=dict)
    turns: int = 0

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=asyncio.get_running_loop().time() - BEGAN)

    async def turn(self, owner: str, lease: timedelta, decide: Decide) -> Turned | Holder:
        self.turns += 1
        if self.away:
            raise DatabaseUnavailable("The database does not answer.", code="unreachable")
        clock = asyncio.get_running_loop().time()
        if self.owner != owner and self.leased_until > clock:
            return Holder(self.owner, BEGIN, timedelta(seconds=self.leased_until - clock))
        self.owner, self.leased_until = owner, clock + lease.total_seconds()
        found = decide(self.known, self.now())
        written = [
            step.run
            for step in found
            if step.run is not None and self.runs.setdefault((step.run.name, step.run.due_at), step.run) is step.run
        ]
        self.known = {
            step.entry.name: Standing(step.entry.name, step.timing, step.handled_until, waits=False) for step in found
        }
        return Turned(self.now(), found, written)

    async def release(self, owner: str) -> None:
        if self.away:
            raise DatabaseUnavailable("The database does not answer.", code="unreachable")
        if self.owner == owner:
            self.leased_until = 0.0

    def requested(self) -> list[str]:
        """When something was due and requested, on the clock of the zone."""
        runs = [run for _, run in sorted(self.runs.items()) if run.message is not None]
        return [run.due_at.astimezone(ZONE).strftime("%H:%M:%S") for run in runs]


@dataclass
class Process:
    """A scheduler that is ended in order, or dies."""

    books: Books
    owner: str
    cron: str = "* * * * *"
    told: list[Leading | Holder] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    leads: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, standing: Leading | Holder) -> None:
        self.told.append(standing)
        if isinstance(standing, Leading):
            self.leads.set()

    def start(self) -> asyncio.Task[None]:
        entries = read_schedule(json.dumps({"goods": {"cron": self.cron, "type": "sync.products.requested"}}))
        scheduler = Scheduler(entries, ZONE, self.books, owner=self.owner, tell=self.tell, pace=Pace())
        return asyncio.create_task(scheduler.run(self.stop))


async def died(task: asyncio.Task[None]) -> None:
    """End it without a word, as kill -9 does."""
    task.cancel()
    await asyncio.wait([task])


def test_one_requests_on_time_and_the_other_says_that_it_stands_by() -> None:
    async def play() -> None:
        books = Books()
        first, second = Process(books, "a"), Process(books, "b")
        tasks = [first.start()]
        await asyncio.sleep(1)
        tasks.append(second.start())
        await asyncio.sleep(150)
        assert books.requested() == ["11:00:00", "11:01:00", "11:02:00"]
        assert [type(told) for told in first.told] == [Leading]
        assert first.told == [Leading("goods", BEGIN + timedelta(seconds=30))]
        assert [told.owner for told in second.told if isinstance(told, Holder)] == ["a"]
        first.stop.set()
        second.stop.set()
        await asyncio.gather(*tasks)
        # A look every five seconds at most, and one at each due time.
        assert books.turns < 2 * (151 / TURN_EVERY.total_seconds() + 6)

    run_virtually(play())


def test_a_due_time_is_met_at_once() -> None:
    async def play() -> None:
        books = Books()
        # So that no regular look falls on the due time.
        await asyncio.sleep(1.7)
        task = Process(books, "a").start()
        await asyncio.sleep(28.4)
        assert books.requested() == ["11:00:00"]
        await died(task)

    run_virtually(play())


@pytest.mark.parametrize("in_order", [True, False], ids=["ended", "killed"])
def test_another_takes_over(*, in_order: bool) -> None:
    async def play() -> None:
        books = Books()
        first, second = Process(books, "a", "*/10 * * * * *"), Process(books, "b", "*/10 * * * * *")
        one = first.start()
        await asyncio.sleep(12)
        other = second.start()
        await asyncio.sleep(11)
        if in_order:
            first.stop.set()
            await one
        else:
            await died(one)
        ended = asyncio.get_running_loop().time()
        await second.leads.wait()
        waited = asyncio.get_running_loop().time() - ended
        assert waited <= (TURN_EVERY if in_order else LEASE).total_seconds() + 0.2
        await asyncio.sleep(30)
        every = [run.due_at for run in books.runs.values()]
        let_go = sum(run.passed_over for run in books.runs.values())
        assert len(every) + let_go == round((books.now() - BEGIN).total_seconds() // 10)
        await died(other)

    run_virtually(play())


def test_a_database_that_is_away_is_waited_for_and_nothing_is_made_up_for_twice() -> None:
    async def play() -> None:
        books = Books()
        process = Process(books, "a")
        task = process.start()
        await asyncio.sleep(10)
        books.away = True
        await asyncio.sleep(160)
        # 11:02:20: of the three that passed by, the newest is still nearer to its own time than to the next.
        books.away = False
        await asyncio.sleep(50)
        assert sorted(books.runs) == [("goods", datetime(2026, 11, 23, 3, minute, tzinfo=UTC)) for minute in (2, 3)]
        (late, on_time) = (books.runs[key] for key in sorted(books.runs))
        assert (late.passed_over, on_time.passed_over) == (2, 0)
        books.away = True
        process.stop.set()
        await task

    run_virtually(play())


def test_an_entry_that_never_comes_due_again_does_no_harm() -> None:
    async def play() -> None:
        books = Books()
        process = Process(books, "a", "0 0 29 2 MON#5")
        task = process.start()
        await asyncio.sleep(20)
        assert isinstance(process.told[0], Leading)
        process.stop.set()
        await task

    run_virtually(play())
