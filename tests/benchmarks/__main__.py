"""``make bench``: this service against the loop that one would write by hand, on this machine, in one run.

Starts a broker, the sandbox and each contestant itself and takes all of it away again, also on Ctrl-C. What is measured
and why stands in docs/performance.md.
"""

from __future__ import annotations

# ruff: noqa: T201 -- the figures are the output of this program
import argparse
import asyncio
import contextlib
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rabbitmq.finding import BrokerNotAvailable, find_broker
from sandbox.testing import sandbox_process
from tests.benchmarks import report
from tests.benchmarks.broker_side import BrokerInUse, broker_side
from tests.benchmarks.cores import Cores, on
from tests.benchmarks.machine import Machine, load
from tests.benchmarks.measuring import HAND_WRITTEN, HAND_WRITTEN_FAST, ROOT, SERVICE, Course, Measured, RoundFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT = ROOT / "docs" / "benchmarks"
OK, FAILED, MISSED, UNREACHABLE, INTERRUPTED = 0, 1, 3, 5, 130


@dataclass(frozen=True, slots=True)
class Wished:
    """What the command line asks for."""

    suites: frozenset[str]
    events: int
    rounds: int
    backlog: int
    write: bool
    profile: Path | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 all targets met, 3 measured but below a target, 1 a contestant failed, 5 no broker, 130 Ctrl-C."""
    wished = _read(arguments)
    if wished.profile is not None:
        wished.profile.mkdir(parents=True, exist_ok=True)
    try:
        return asyncio.run(_measure(wished))
    except (BrokerNotAvailable, BrokerInUse) as error:
        print(error, file=sys.stderr)
        return UNREACHABLE
    except RoundFailed as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return FAILED
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("Stopped; everything that was started is gone.", file=sys.stderr)
        return INTERRUPTED


def _read(arguments: Sequence[str] | None) -> Wished:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--suite", choices=("throughput", "memory", "all"), default="all")
    parser.add_argument("--quick", action="store_true", help="1,000 events, one round, a backlog of 10,000")
    parser.add_argument("--rounds", type=int, help="of each contestant, interleaved; default 3")
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {KEPT.relative_to(ROOT)}/")
    parser.add_argument(
        "--profile", type=Path, metavar="DIRECTORY", help="one round of the service under cProfile, nothing else"
    )
    given = parser.parse_args(arguments)
    if given.rounds is not None and given.rounds < 1:
        parser.error("--rounds: at least 1")
    return Wished(
        suites=frozenset({"throughput", "memory"} if given.suite == "all" else {given.suite}),
        events=1_000 if given.quick else 5_000,
        rounds=given.rounds or (1 if given.quick else 3),
        backlog=10_000 if given.quick else 50_000,
        write=given.write,
        profile=given.profile,
    )


async def _measure(wished: Wished) -> int:
    main_task = asyncio.current_task()
    assert main_task is not None
    with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main_task.cancel)
    cores = Cores.share_out()
    async with AsyncExitStack() as stack:
        with on(cores.sandbox):
            sandbox = await stack.enter_async_context(sandbox_process())
        # For the rest of the run: the broker inherits these cores, and the measuring stays off the worker's.
        stack.enter_context(on(cores.broker))
        found = await stack.enter_async_context(find_broker(_say))
        broker = await stack.enter_async_context(broker_side(found.amqp_url))
        machine = Machine.here(rabbitmq=broker.version)
        notes = [f"broker: {found.origin}", f"cores: {cores}", *_about_load()]
        for line in (*machine.lines(), *notes):
            print(line)
        course = Course(broker, sandbox, cores, wished.profile.resolve() if wished.profile else None)
        if wished.profile is not None:
            await _profile(course, wished.profile, wished.events)
            return OK
        return await _suites(course, wished, machine, notes)


async def _suites(course: Course, wished: Wished, machine: Machine, notes: Sequence[str]) -> int:
    results: list[report.Throughput] = []
    held: report.Memory | None = None
    code = OK
    if "throughput" in wished.suites:
        results = await _throughput(course, wished)
        print(f"\n{report.plain(results)}\n")
        ratio = next(result.ratio for result in results if result.contestant == SERVICE.name)
        verdict = "met" if ratio >= report.TARGET_RATIO else "MISSED"
        print(f"service / hand-written loop: {ratio:.2f} (target: at least {report.TARGET_RATIO}: {verdict})")
        code = code if ratio >= report.TARGET_RATIO else MISSED
    if "memory" in wished.suites:
        held = await _memory(course, wished)
        print("\n".join(("", *held.lines())))
        code = code if held.holds else MISSED
    if wished.write:
        _keep("latest", report.markdown(results, held, machine, notes), report.as_json(results, held, machine, notes))
    return code


def _keep(name: str, markdown: str, json: str) -> None:
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{name}.md").write_text(markdown, encoding="utf-8")
    (KEPT / f"{name}.json").write_text(json, encoding="utf-8")
    print(f"\nwritten to {KEPT.relative_to(ROOT)}/{name}.md and .json")


async def _throughput(course: Course, wished: Wished) -> list[report.Throughput]:
    field = (HAND_WRITTEN, SERVICE, HAND_WRITTEN_FAST)
    rounds: dict[str, list[Measured]] = {contestant.name: [] for contestant in field}
    print(f"\n{wished.events:,} order.paid a round, {wished.rounds} rounds, the contestants in turn:")
    for number in range(1, wished.rounds + 1):
        for place, contestant in enumerate(field):
            one = await course.run(contestant, f"{number}{place}", wished.events)
            rounds[contestant.name].append(one)
            print(f"  round {number}: {report.round_line(one)}", flush=True)
    return report.throughput(rounds, baseline=HAND_WRITTEN.name)


async def _memory(course: Course, wished: Wished) -> report.Memory:
    print(f"\nservice with a backlog of {wished.backlog:,}, memory looked at every 0.2 s:", flush=True)
    return report.memory(await course.run(SERVICE, "memory", wished.backlog, sample_every=0.2))


async def _profile(course: Course, directory: Path, events: int) -> None:
    one = await course.run(SERVICE, "profile", events)
    print(f"under the profiler {one.cpu_per_thousand:.2f} CPU s / 1,000 events (not to be quoted). Look with:")
    print(f"  python -m pstats {directory}/main.prof")


def _about_load() -> list[str]:
    busy = load()
    if busy is None or busy < 1:
        return []
    return [f"load average {busy:.1f} at the start: others are at work here, only the ratios count"]


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
