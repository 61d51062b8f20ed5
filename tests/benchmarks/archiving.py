"""``python -m tests.benchmarks.archiving``: how many dead letters a second one process files.

A private broker, the service as a process on two cores (SQLite works in a thread of its own), on SQLite and, where
there is one, on PostgreSQL, both durable.
10,000 ``order.paid`` wait in ``relay.orders.dlq``, as the service would have put them there. The clock runs from the
first letter in the ledger to the last. Target: 1,000 a second.
"""

from __future__ import annotations

# ruff: noqa: T201 -- the figures are the output of this program
import argparse
import asyncio
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.domain import delivery as headers
from consumer.domain.errors import ErrorClass
from consumer.domain.history import failed_attempt, to_text
from consumer.domain.ledger import Selection
from consumer.domain.letters import ErrorNote
from consumer.persistence import migrations
from consumer.persistence.store import Store
from publishers.confirms import ConfirmedPublisher
from rabbitmq.connection import connect
from rabbitmq.declaring import apply
from rabbitmq.node import private_node
from rabbitmq.topology import Topology
from sandbox.testing import running_sandbox
from tests.benchmarks.cores import Cores, on
from tests.benchmarks.machine import load
from tests.support.events import message, paid
from tests.support.postgres import create_database, private_postgres
from tests.support.sharing import NotHereError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publishers.outgoing import Outgoing

TARGET = 1_000
OK, MISSED = 0, 3
_FIRST_OF_ALL = 60.0
"""Seconds within which the first letter has to be there."""
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Filed:
    """How long it took to file so many."""

    database: str
    letters: int
    seconds: float

    @property
    def a_second(self) -> float:
        """Letters a second."""
        return self.letters / self.seconds

    def __str__(self) -> str:
        return f"{self.database}: {self.letters:,} letters in {self.seconds:.1f} s, {self.a_second:,.0f} a second"


def parked(number: int) -> Outgoing:
    """Return an order as the service parks it after its last attempt."""
    note = ErrorNote(ErrorClass.UNKNOWN_OUTCOME, "http_503", f"ylh.create for order SO-{number}: HTTP 503", "ylh")
    attempts = [failed_attempt(tried, note, at=datetime.now(UTC), seconds=0.5) for tried in range(1, 7)]
    extra = {
        headers.ATTEMPT: 6,
        headers.ROUTING_KEY: "order.paid",
        headers.LANE: "relay.orders",
        headers.HISTORY: to_text(attempts),
        headers.ERROR: note.to_header(),
    }
    return message(paid(f"SO-{number}"), exchange="", routing_key="relay.orders.dlq", headers=extra)


async def measure(letters: int) -> list[Filed]:
    """File so many on each database that can be had here."""
    cores = Cores.share_out()
    found = []
    async with AsyncExitStack() as stack:
        with on(cores.broker):
            node = await stack.enter_async_context(private_node())
        box = await stack.enter_async_context(running_sandbox())
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="relay-bench-")))
        urls = {"SQLite": f"sqlite+aiosqlite:///{directory}/relay.db"}
        try:
            with on(cores.broker):
                server = await stack.enter_async_context(private_postgres(durable=True))
            urls["PostgreSQL"] = await create_database(server)
        except NotHereError as error:
            print(f"PostgreSQL: not measured, {error}")
        for name, url in urls.items():
            environment = {
                **box.environment(),
                "RELAY_AMQP_URL": node.amqp_url,
                "RELAY_DATABASE_URL": url,
                "RELAY_LOG_DIR": "off",
                "RELAY_LOG_LEVEL": "error",
                "RELAY_HTTP_PORT": "0",
            }
            found.append(await _filed(name, environment, letters, cores))
            print(found[-1], flush=True)
    return found


async def _filed(name: str, environment: dict[str, str], letters: int, cores: Cores) -> Filed:
    url = environment["RELAY_DATABASE_URL"]
    await migrations.upgrade(url)
    async with await connect(environment["RELAY_AMQP_URL"], name="relay benchmark") as connection:
        await apply(connection, Topology.build())
    async with ConfirmedPublisher(environment["RELAY_AMQP_URL"], name="relay benchmark") as publisher:
        for start in range(0, letters, _AT_ONCE):
            answers = await publisher.publish_many([parked(start + number) for number in range(_AT_ONCE)])
            if any(answers):
                raise RuntimeError(f"the broker did not take the letters: {next(filter(None, answers))}")
    with on(cores.worker | cores.sandbox):
        command = (sys.executable, "-m", "tests.support.serve")
        process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **environment})
    try:
        async with Store.open(url) as store:
            return await _watched(name, store, letters)
    finally:
        process.terminate()
        await process.wait()


async def _watched(name: str, store: Store, letters: int) -> Filed:
    deadline = time.monotonic() + _FIRST_OF_ALL
    while not (before := await store.ledger.count(Selection())):
        if time.monotonic() > deadline:
            raise RuntimeError("no letter was filed")
        await asyncio.sleep(0.01)
    began = time.monotonic()
    while await store.ledger.count(Selection()) < letters:  # noqa: ASYNC110 - another process has no event to wait for
        await asyncio.sleep(0.2)
    return Filed(name, letters - before, time.monotonic() - began)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 the target is met on each database, 3 it is not."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.archiving", description=__doc__)
    parser.add_argument("--letters", type=int, default=10_000)
    given = parser.parse_args(arguments)
    print(f"load average {load()} at the start; {Cores.share_out()}")
    found = asyncio.run(measure(given.letters))
    return OK if all(one.a_second >= TARGET for one in found) else MISSED


if __name__ == "__main__":
    sys.exit(main())
