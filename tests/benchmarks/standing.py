"""What has to stand before a round can be run: broker, suppliers, databases; and what all of it is."""

from __future__ import annotations

# ruff: noqa: T201 -- what is started is told
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rabbitmq.finding import find_broker
from sandbox.config import SandboxConfig
from sandbox.testing import sandbox_process
from tests.benchmarks.asked import DELAYS_MS
from tests.benchmarks.books import PostgresBooks, SqliteBooks
from tests.benchmarks.broker_side import broker_side
from tests.benchmarks.cores import Cores, on
from tests.benchmarks.course import Course
from tests.benchmarks.field import SERVICE, here, versions
from tests.benchmarks.machine import Machine, load
from tests.support.postgres import private_postgres
from tests.support.sharing import NotHereError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.benchmarks.asked import Asked
    from tests.benchmarks.books import Books
    from tests.benchmarks.field import Contestant


@dataclass(frozen=True, slots=True)
class Standing:
    """All that was started, and what is known of it.

    Attributes:
        course: of the rounds.
        databases: those that are here.
        present: contestants whose libraries are here.
        machine: with versions.
        notes: for a reader of the figures.
        missing: what should be here and is not.
    """

    course: Course
    databases: Sequence[Books]
    present: Sequence[Contestant]
    machine: Machine
    notes: Sequence[str]
    missing: Sequence[str]


@asynccontextmanager
async def standing(asked: Asked) -> AsyncIterator[Standing]:
    """Start all that ``asked`` needs, for the length of the block; this process stays off the worker's core meanwhile.

    Raises:
        BrokerNotAvailable: none could be had.
        BrokerInUse: the one that was named is not ours alone.
    """
    cores = Cores.share_out()
    async with AsyncExitStack() as stack:
        with on(cores.sandbox):
            sandboxes = {
                delay_ms: await stack.enter_async_context(sandbox_process(SandboxConfig(latency=delay_ms / 1000)))
                for delay_ms in DELAYS_MS
            }
        # Inherited by broker and database server.
        stack.enter_context(on(cores.broker))
        found = await stack.enter_async_context(find_broker(_say))
        broker = await stack.enter_async_context(broker_side(found.amqp_url))
        databases: list[Books] = [SqliteBooks()]
        postgresql, missing, notes = "not used", [], [f"broker: {found.origin}"]
        if asked.needs_postgres:
            try:
                server = await PostgresBooks.on(await stack.enter_async_context(private_postgres(durable=True)))
            except NotHereError as error:
                postgresql = "not here"
                missing.append(f"anything on PostgreSQL; its targets are open ({error})")
            else:
                databases.append(server)
                postgresql = server.version
                notes.append(f"PostgreSQL: {server.server.origin}, {server.settings}")
        present, absent = here(asked.everybody())
        if absent:
            names = ", ".join(one.name for one in absent)
            # Who was named is missed; of the others it is enough to say that they were not there.
            told = missing if asked.contestants else notes
            told.append(f"{names}: left out, not in this environment (`make bench` has them)")
        machine = Machine.here(versions(present or [SERVICE]), rabbitmq=broker.version, postgresql=postgresql)
        course = Course(broker, sandboxes, cores, profile=asked.profile.resolve() if asked.profile else None)
        yield Standing(course, databases, present, machine, [*notes, *surroundings(cores)], missing)


def surroundings(cores: Cores) -> list[str]:
    """Who runs where, and whether somebody else is at work here."""
    busy = load()
    lines = [f"cores: {cores}"]
    if busy is not None and busy >= 1:
        lines.append(f"load average {busy:.1f} at the start: others are at work here, only the ratios count")
    return lines


def _say(line: str) -> None:
    print(line, flush=True)
