"""``python -m tests.benchmarks.callbacks``: what the callback receiver bears, as a process on one core.

A private broker (fsync as it comes), SQLite, the receiver pinned to one core, the callers on another: 1,000 signed
callbacks a second are offered for 10 s, whatever comes back. Targets: every one is answered "success", 99 % of them
within 50 ms from the moment when they were due, on at most one core.
"""

from __future__ import annotations

# ruff: noqa: T201 -- the figures are the output of this program
import argparse
import asyncio
import json
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.persistence import migrations
from rabbitmq.connection import connect
from rabbitmq.declaring import apply
from rabbitmq.node import private_node
from rabbitmq.topology import Topology
from tests.benchmarks.callback_load import Heard
from tests.benchmarks.cores import Cores, on
from tests.benchmarks.machine import load
from tests.benchmarks.usage import usage
from tests.support.receiver import receiver_process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.receiver import Receiver

ROOT = Path(__file__).parents[2]
TARGET_P99_MS = 50.0
OK, MISSED = 0, 3


@dataclass(frozen=True, slots=True)
class Round:
    """One load, and what it cost the receiver."""

    heard: Heard
    cpu_seconds: float
    stolen: float
    """Share of the machine's time that its host gave to others: with some per cent of it no tail is the receiver's."""

    @property
    def cores(self) -> float:
        """Cores that the receiver kept busy."""
        return self.cpu_seconds / self.heard.seconds

    @property
    def holds(self) -> bool:
        """Are the targets met."""
        return self.heard.successes == self.heard.offered and self.heard.p99 < TARGET_P99_MS and self.cores <= 1

    def __str__(self) -> str:
        heard = self.heard
        return (
            f"{heard.successes:,} of {heard.offered:,} taken in {heard.seconds:.1f} s; p50 {heard.p50} ms, "
            f"p99 {heard.p99} ms, longest {heard.longest} ms; {self.cores:.2f} of a core; {self.stolen:.1%} stolen"
        )


async def measure(*, rounds: int, rate: int, seconds: float) -> list[Round]:
    """Start all of it, load it, take it away again."""
    cores = Cores.share_out()
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="relay-bench-")))
        database = f"sqlite+aiosqlite:///{directory}/relay.db"
        await migrations.upgrade(database)
        with on(cores.broker):
            node = await stack.enter_async_context(private_node())
        async with await connect(node.amqp_url, name="relay benchmark") as connection:
            await apply(connection, Topology.build())
        with on(cores.worker):
            environment = {"RELAY_AMQP_URL": node.amqp_url, "RELAY_DATABASE_URL": database}
            receiver = await stack.enter_async_context(receiver_process(directory, environment))
        await asyncio.sleep(1)
        found = []
        for number in range(1, rounds + 1):
            with on(cores.sandbox):
                found.append(await _round(receiver, rate, seconds))
            print(f"round {number}: {found[-1]}", flush=True)
        return found


async def _round(receiver: Receiver, rate: int, seconds: float) -> Round:
    before, stolen = usage(receiver.process.pid).cpu_seconds, _stolen()
    command = ("-m", "tests.benchmarks.callback_load", receiver.url, "--rate", str(rate), "--seconds", str(seconds))
    caller = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    told, _ = await caller.communicate()
    gone, total = (now - then for now, then in zip(_stolen(), stolen, strict=True))
    cpu = usage(receiver.process.pid).cpu_seconds - before
    return Round(Heard(**json.loads(told)), cpu, gone / total if total else 0.0)


def _stolen() -> tuple[int, int]:
    """Ticks stolen and ticks in all (proc(5), /proc/stat); nothing where the system does not tell."""
    if sys.platform != "linux":
        return 0, 0
    ticks = [int(field) for field in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    return ticks[7], sum(ticks)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 the best round meets the targets, 3 none does."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.callbacks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args(arguments)
    print(f"load average {load()} at the start; {Cores.share_out()}")
    found = asyncio.run(measure(rounds=given.rounds, rate=given.rate, seconds=given.seconds))
    return OK if any(one.holds for one in found) else MISSED


if __name__ == "__main__":
    sys.exit(main())
