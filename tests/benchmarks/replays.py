"""``python -m tests.benchmarks.replays``: what an operator waits for, and whether a replay keeps its pace.

10,000 dead letters of five causes on SQLite and, where there is one, on PostgreSQL. Targets: their groups in less than
0.5 s, a plan of 2,000 in less than 2 s, and a replay of those at 200 a second, by one process of the service, within
5 % of that: from the eleventh letter, which is the first that waits for no outcome, to the last.
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
from statistics import median
from typing import TYPE_CHECKING

from consumer.deadletters.planning import Planner
from consumer.domain.audit import AuditEntry
from consumer.domain.errors import ErrorClass
from consumer.domain.ledger import Selection
from consumer.domain.replay import ItemStatus, Terms
from consumer.persistence import migrations
from consumer.persistence.store import Store
from rabbitmq.connection import connect
from rabbitmq.declaring import apply
from rabbitmq.node import private_node
from rabbitmq.topology import Topology
from sandbox.testing import sandbox_process
from tests.benchmarks.machine import load
from tests.support.dead_letters import KINDS, filed
from tests.support.postgres import create_database, private_postgres
from tests.support.sharing import NotHereError

if TYPE_CHECKING:
    from collections.abc import Sequence

LETTERS = 2_000
RATE = 200.0
GROUPS_WITHIN, PLAN_WITHIN, PACE_WITHIN = 0.5, 2.0, 0.05
OK, MISSED = 0, 3
_FREE = 10
"""Letters of the canary; those after them wait for nothing."""


@dataclass(frozen=True, slots=True)
class Operated:
    """What was measured on one database."""

    database: str
    groups_seconds: float
    plan_seconds: float
    a_second: float
    succeeded: int

    @property
    def holds(self) -> bool:
        """Are the targets met."""
        in_time = self.groups_seconds < GROUPS_WITHIN and self.plan_seconds < PLAN_WITHIN
        return in_time and abs(self.a_second / RATE - 1) <= PACE_WITHIN and self.succeeded == LETTERS

    def __str__(self) -> str:
        return (
            f"{self.database}: groups of 10,000 letters in {self.groups_seconds:.3f} s, a plan of {LETTERS:,} in "
            f"{self.plan_seconds:.2f} s, replayed at {self.a_second:.1f} a second ({RATE:g} asked for), "
            f"{self.succeeded:,} of {LETTERS:,} succeeded"
        )


async def measure() -> list[Operated]:
    """Measure on each database that can be had here."""
    found = []
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(private_node())
        box = await stack.enter_async_context(sandbox_process())
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="relay-bench-")))
        async with await connect(node.amqp_url, name="relay benchmark") as connection:
            await apply(connection, Topology.build())
        urls = {"SQLite": f"sqlite+aiosqlite:///{directory}/relay.db"}
        try:
            server = await stack.enter_async_context(private_postgres(durable=True))
            urls["PostgreSQL"] = await create_database(server)
        except NotHereError as error:
            print(f"PostgreSQL: not measured, {error}")
        for name, url in urls.items():
            await box.reset()
            environment = {
                **box.environment(),
                "RELAY_AMQP_URL": node.amqp_url,
                "RELAY_DATABASE_URL": url,
                "RELAY_LOG_DIR": "off",
                "RELAY_LOG_LEVEL": "error",
                "RELAY_HTTP_PORT": "0",
                "RELAY_RATE_LIMIT": "2000/s",
            }
            found.append(await _operated(name, url, environment))
            print(found[-1], flush=True)
    return found


async def _operated(name: str, url: str, environment: dict[str, str]) -> Operated:
    await migrations.upgrade(url)
    async with Store.open(url) as store:
        for kind in KINDS:
            await filed(store, kind, LETTERS)
        groups = []
        for _ in range(5):
            began = time.perf_counter()
            await store.ledger.groups(Selection())
            groups.append(time.perf_counter() - began)
        began = time.perf_counter()
        planner = Planner(store.ledger, store, max_event_bytes=256 * 1024)
        wanted = Selection(error_class=ErrorClass.UNKNOWN_OUTCOME)
        plan = await planner.plan(wanted, by="benchmark", now=datetime.now(UTC))
        await store.replays.keep(plan)
        planned = time.perf_counter() - began
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.serve", env={**os.environ, **environment}
        )
        try:
            entry = AuditEntry("benchmark", "replay.start", datetime.now(UTC), plan.id, "to see its pace")
            await store.replays.start(plan.id, Terms(rate=RATE), entry)
            succeeded = await _ended(store, plan.id)
        finally:
            process.terminate()
            await process.wait()
        sent = await store.replay_looks.sent_at(plan.id)
        pace = (len(sent) - _FREE - 1) / (sent[-1] - sent[_FREE]).total_seconds()
        return Operated(name, median(groups), planned, pace, succeeded)


async def _ended(store: Store, replay_id: str) -> int:
    while True:
        replay = await store.replay_looks.find(replay_id)
        if replay is not None and replay.ended_at is not None:
            return len(await store.replay_looks.items(replay_id, ItemStatus.SUCCEEDED, limit=LETTERS + 1))
        await asyncio.sleep(0.5)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 the targets are met on each database, 3 they are not."""
    argparse.ArgumentParser(prog="python -m tests.benchmarks.replays", description=__doc__).parse_args(arguments)
    print(f"load average {load()} at the start")
    return OK if all(one.holds for one in asyncio.run(measure())) else MISSED


if __name__ == "__main__":
    sys.exit(main())
