"""``make bench``: this service against what one would pick instead, on this machine, in one run.

Starts broker, databases, suppliers and each contestant itself and takes all of it away again, also on Ctrl-C. What is
measured and why stands in docs/performance.md.
"""

from __future__ import annotations

# ruff: noqa: T201 -- the figures are the output of this program
import asyncio
import contextlib
import json
import signal
import sys
from typing import TYPE_CHECKING, Final

from rabbitmq.finding import BrokerNotAvailable
from tests.benchmarks import report
from tests.benchmarks.asked import KEPT, SUITES, Asked, read
from tests.benchmarks.books import NotDurable
from tests.benchmarks.broker_side import BrokerInUse
from tests.benchmarks.catalogue import Catalogues
from tests.benchmarks.catalogue_suite import catalogue
from tests.benchmarks.cores import Cores
from tests.benchmarks.crew import ROOT, RoundFailed
from tests.benchmarks.field import HAND_WRITTEN_FAST, SERVICE, versions
from tests.benchmarks.found.race import round_line
from tests.benchmarks.http_suite import http
from tests.benchmarks.machine import CpuTime, Machine
from tests.benchmarks.measuring import measure
from tests.benchmarks.plot import svg
from tests.benchmarks.standing import standing, surroundings
from tests.benchmarks.suites import Suites

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.course import Course
    from tests.benchmarks.field import Contestant
    from tests.benchmarks.found.table import Finding

GUARDED: Final = (SERVICE, HAND_WRITTEN_FAST)
GUARD_EVENTS, GUARD_TRIES, GUARD_RATIO = 1_500, 3, 0.6
"""The ratio of so short a run is 0.6 to 0.8; with a margin for a machine that is not quiet."""
OK, FAILED, MISSED, UNREACHABLE, INTERRUPTED = 0, 1, 3, 5, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 all targets met, 3 some missed or not measured, 1 a contestant failed, 5 no broker, 130 Ctrl-C."""
    asked = read(arguments)
    if asked.profile is not None:
        asked.profile.mkdir(parents=True, exist_ok=True)
    try:
        return asyncio.run(_measure(asked))
    except (BrokerNotAvailable, BrokerInUse) as error:
        print(error, file=sys.stderr)
        return UNREACHABLE
    except (RoundFailed, NotDurable) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return FAILED
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("Stopped; everything that was started is gone.", file=sys.stderr)
        return INTERRUPTED


async def _measure(asked: Asked) -> int:
    main_task = asyncio.current_task()
    assert main_task is not None
    with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main_task.cancel)
    findings: list[Finding] = []
    if "http" in asked.suites and asked.profile is None and not asked.guard:
        findings.append(await http(asked.rounds))
        if asked.suites == {"http"}:
            machine = Machine.here(versions([SERVICE]), rabbitmq="not used", postgresql="not used")
            return _end(asked, report.Run(findings), machine, surroundings(Cores.share_out()), ())
    began = CpuTime.until_now()
    async with standing(asked) as found:
        _tell(found.machine, found.notes)
        if asked.profile is not None:
            return await _profile(found.course, asked)
        if asked.guard:
            return await _guard(found.course)
        suites = Suites(found.course, found.databases, asked, found.present)
        for suite in SUITES:
            if suite == "catalogue" and suite in asked.suites:
                findings.append(await catalogue(Catalogues(found.course.broker, found.course.cores), asked.goods))
            elif suite != "http" and suite in asked.suites:
                findings += await suites.run(suite)
        print()
        return _end(
            asked, report.Run(findings, found.missing), found.machine, [*found.notes, *_stolen(began)], found.present
        )


def _end(asked: Asked, run: report.Run, machine: Machine, notes: Sequence[str], field: Sequence[Contestant]) -> int:
    """Print what was measured and whether it is good enough, keep it if that is wished; returns the exit code."""
    _tell(machine, notes)
    print("\n".join(("", *run.lines())))
    if asked.write:
        name = "latest" if asked.suites == frozenset(SUITES) else "-".join(sorted(asked.suites))
        told = report.as_json(run, machine, notes)
        picture = svg(json.loads(told))
        plot = None if picture is None else f"{name}.svg"
        written = {f"{name}.json": told, f"{name}.md": report.markdown(run, machine, notes, field, plot)}
        if picture is not None:
            written[f"{name}.svg"] = picture
        KEPT.mkdir(exist_ok=True)
        for file, content in written.items():
            (KEPT / file).write_text(content, encoding="utf-8")
        print(f"written to {KEPT.relative_to(ROOT)}: {', '.join(written)}")
    return OK if run.holds else MISSED


def _stolen(began: CpuTime | None) -> list[str]:
    now = CpuTime.until_now()
    note = None if began is None or now is None else now.note(began)
    return [] if note is None else [note]


async def _guard(course: Course) -> int:
    """Hold the service against a quick loop before a change is taken; the best of a few tries counts."""
    for attempt in range(1, GUARD_TRIES + 1):
        pair = [await measure(course, one, f"guard{attempt}{one.key[:4]}", GUARD_EVENTS) for one in GUARDED]
        for measured in pair:
            print(round_line(measured), flush=True)
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


async def _profile(course: Course, asked: Asked) -> int:
    one = await measure(course, SERVICE, "profile", asked.events)
    print(f"under the profiler {one.cpu_per_thousand:.2f} CPU s / 1,000 events (not to be quoted). Look with:")
    print(f"  python -m pstats {asked.profile}/main.prof")
    return OK


def _tell(machine: Machine, notes: Sequence[str]) -> None:
    for line in (*machine.lines(), *notes):
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
