"""``make bench``: this service against the loop that one would write by hand, on this machine, in one run.

Starts a broker, the sandbox and each contestant itself and takes all of it away again, also on Ctrl-C. What is measured
and why stands in docs/performance.md.
"""

from __future__ import annotations

# ruff: noqa: T201 -- the figures are the output of this program
import argparse
import asyncio
import contextlib
import json
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from rabbitmq.finding import BrokerNotAvailable, find_broker
from sandbox.testing import sandbox_process
from tests.benchmarks import report
from tests.benchmarks.broker_side import BrokerInUse, broker_side
from tests.benchmarks.catalogue import Catalogues
from tests.benchmarks.catalogue_report import FULL, AtQuota, Catalogue
from tests.benchmarks.cores import Cores, on
from tests.benchmarks.field import FIELD, HAND_WRITTEN_FAST, SERVICE
from tests.benchmarks.http_transport import Rate
from tests.benchmarks.machine import Machine, load
from tests.benchmarks.measuring import ROOT, Course, Measured, RoundFailed
from tests.support.postgres import private_postgres
from tests.support.sharing import NotHereError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.field import Contestant

ROUNDS_AT_QUOTA = 3
"""Until one holds: where the machine stands still for some 20 ms, calls arrive too close together, and 429 it is."""
GUARDED = (SERVICE, HAND_WRITTEN_FAST)
GUARD_EVENTS, GUARD_TRIES, GUARD_RATIO = 1_500, 3, 0.4
"""The ratio of so short a run is 0.6 to 0.8; with a margin for a machine that is not quiet."""
KEPT = ROOT / "docs" / "benchmarks"
SUITES = frozenset({"throughput", "memory", "http", "catalogue"})
OK, FAILED, MISSED, UNREACHABLE, INTERRUPTED = 0, 1, 3, 5, 130


@dataclass(frozen=True, slots=True)
class Wished:
    """What the command line asks for."""

    suites: frozenset[str]
    events: int
    rounds: int
    backlog: int
    goods: int
    write: bool
    profile: Path | None
    guard: bool


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
    parser.add_argument("--suite", choices=(*sorted(SUITES), "all"), default="all")
    parser.add_argument("--quick", action="store_true", help="1,000 events or goods, one round, a backlog of 10,000")
    parser.add_argument("--rounds", type=int, help="of each contestant, interleaved; default 3")
    parser.add_argument("--guard", action="store_true", help="only see that nothing became much slower; half a minute")
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {KEPT.relative_to(ROOT)}/")
    parser.add_argument(
        "--profile", type=Path, metavar="DIRECTORY", help="one round of the service under cProfile, nothing else"
    )
    given = parser.parse_args(arguments)
    if given.rounds is not None and given.rounds < 1:
        parser.error("--rounds: at least 1")
    return Wished(
        suites=SUITES if given.suite == "all" else frozenset({given.suite}),
        events=1_000 if given.quick else 5_000,
        rounds=given.rounds or (1 if given.quick else 3),
        backlog=10_000 if given.quick else 50_000,
        goods=1_000 if given.quick else FULL,
        write=given.write,
        profile=given.profile,
        guard=given.guard,
    )


async def _measure(wished: Wished) -> int:
    main_task = asyncio.current_task()
    assert main_task is not None
    with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main_task.cancel)
    cores = Cores.share_out()
    rates = []
    if "http" in wished.suites and wished.profile is None and not wished.guard:
        # First, and without broker and sandbox: it needs neither, and a quiet machine.
        rates = await _http(wished)
        if wished.suites == {"http"}:
            machine, notes = Machine.here(rabbitmq="not used"), [f"cores: {cores}", *_about_load()]
            for line in (*machine.lines(), *notes):
                print(line)
            return _end(wished, report.Run([], None, rates), machine, notes)
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
        if wished.guard:
            return await _guard(course)
        races = await _races(course, wished) if "throughput" in wished.suites else []
        held = await _memory(course, wished) if "memory" in wished.suites else None
        synced = await _catalogue(Catalogues(broker, cores), wished) if "catalogue" in wished.suites else None
        return _end(wished, report.Run(races, held, rates, synced), machine, notes)


def _end(wished: Wished, run: report.Run, machine: Machine, notes: Sequence[str]) -> int:
    """Print what was measured and whether it is good enough, keep it if that is wished; returns the exit code."""
    print("\n".join(("", *run.lines())))
    if wished.write:
        name = "latest" if wished.suites == SUITES else "-".join(sorted(wished.suites))
        _keep(name, report.markdown(run, machine, notes), report.as_json(run, machine, notes))
    return OK if run.holds else MISSED


def _keep(name: str, markdown: str, as_json: str) -> None:
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{name}.md").write_text(markdown, encoding="utf-8")
    (KEPT / f"{name}.json").write_text(as_json, encoding="utf-8")
    print(f"\nwritten to {KEPT.relative_to(ROOT)}/{name}.md and .json")


async def _races(course: Course, wished: Wished) -> list[report.Race]:
    races = [await _race(course, "SQLite", wished)]
    try:
        with on(course.cores.broker):
            async with private_postgres(durable=True) as server:
                races.append(await _race(replace(course, postgres=server), "PostgreSQL", wished))
    except NotHereError as error:
        print(f"  not measured: {error}", flush=True)
    return races


async def _guard(course: Course) -> int:
    """Hold the service against a quick loop before a change is taken; the best of a few tries counts."""
    for attempt in range(1, GUARD_TRIES + 1):
        pair = [await course.run(one, f"guard{attempt}{one.name[:4]}", GUARD_EVENTS) for one in GUARDED]
        for measured in pair:
            print(report.round_line(measured), flush=True)
        service, loop = pair
        ratio = service.rate / loop.rate
        if ratio >= GUARD_RATIO:
            print(f"service / {loop.contestant}: {ratio:.2f}, at least {GUARD_RATIO} is expected")
            return OK
    print(
        f"The service has become slower: {ratio:.2f} of the events a second of the {loop.contestant}, expected at "
        f"least {GUARD_RATIO}. With --suite throughput --profile DIRECTORY you see where the time goes.",
        file=sys.stderr,
    )
    return MISSED


async def _race(course: Course, database: str, wished: Wished) -> report.Race:
    field = _present()
    rounds: dict[str, list[Measured]] = {contestant.name: [] for contestant in field}
    print(f"\n{database}: {wished.events:,} order.paid a round, {wished.rounds} rounds, the contestants in turn:")
    for number in range(1, wished.rounds + 1):
        for place, contestant in enumerate(field):
            one = await course.run(contestant, f"{number}{place}", wished.events)
            rounds[contestant.name].append(one)
            print(f"  round {number}: {report.round_line(one)}", flush=True)
    return report.race(database, rounds)


def _present() -> list[Contestant]:
    """Return those whose libraries are in this environment: `make bench` makes one that has them all."""
    here, missing = [], []
    for contestant in FIELD:
        try:
            for library in contestant.libraries:
                metadata.version(library)
        except metadata.PackageNotFoundError:
            missing.append(contestant.name)
        else:
            here.append(contestant)
    if missing:
        print(f"\nnot in this environment, and left out: {', '.join(missing)} (`make bench` has them)")
    return here


async def _memory(course: Course, wished: Wished) -> report.Memory:
    print(f"\nservice with a backlog of {wished.backlog:,}, memory looked at every 0.2 s:", flush=True)
    return report.memory(await course.run(SERVICE, "memory", wished.backlog, sample_every=0.2))


async def _catalogue(catalogues: Catalogues, wished: Wished) -> Catalogue:
    print(f"\nsyncs of {wished.goods:,} goods, some minutes:", flush=True)
    at_quota = []
    for quota, processes in ((100, 1), (100, 4), (2_000, 1)):
        for _ in range(ROUNDS_AT_QUOTA):
            synced = await catalogues.at_quota(wished.goods, quota, processes=processes)
            one = AtQuota(quota, synced, targeted=quota == 100 and wished.goods >= FULL)
            print(f"  {one.line()}", flush=True)
            if one.holds:
                break
        at_quota.append(one)
    by_hand, whole = await catalogues.against_by_hand(wished.goods, latency=0.02)
    try:
        again = await catalogues.again(wished.goods)
    except NotHereError as error:
        print(f"  not measured: {error}", flush=True)
        again = None
    return Catalogue(at_quota, by_hand, whole, again, await catalogues.whole_list(wished.goods * 10))


async def _http(wished: Wished) -> list[Rate]:
    print(f"\nways to send a POST, {wished.rounds} rounds, in turn:", flush=True)
    # A process of its own: its figures are those of one core, and nothing else runs in its loop.
    arguments = ("--rounds", str(wished.rounds), "--seconds", "1", "--json")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.http_transport", *arguments, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        told, _ = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if process.returncode:
        raise RoundFailed(f"tests.benchmarks.http_transport ended with {process.returncode}")
    return [Rate(**one) for one in json.loads(told)]


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
