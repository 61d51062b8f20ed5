"""`relay replay`: plan which dead letters go again, start, watch, pause, end it. A running service carries it out."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from ops.cli.asking import books, settings_for
from ops.cli.confirming import DryRunOption, NotAskedOption, YesOption, confirm
from ops.cli.failing import ExitCode, Failure
from ops.cli.letter_filters import (
    ClassOption,
    FingerprintOption,
    LaneOption,
    SinceOption,
    SoIdOption,
    TextOption,
    TypeOption,
    UntilOption,
    error_class,
    moment,
)
from ops.cli.printing import Output, OutputOption, Printer, say
from ops.cli.reasons import kept, said

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from consumer.domain.audit import AuditEntry
    from consumer.domain.ledger import Selection
    from consumer.domain.replay import Replay, ReplayStatus, Terms
    from consumer.persistence.store import Store
    from consumer.settings import Settings

app = typer.Typer(help="Sending dead letters again: exactly those, at a pace, with a guard.", no_args_is_help=True)

PlanArgument = Annotated[str, typer.Argument(metavar="PLAN", help="Id of a plan, or its beginning.")]
ReplayArgument = Annotated[str, typer.Argument(metavar="REPLAY", help="Id of a replay, or its beginning.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept with your name in the audit log.")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Show progress to the end.")]
TimeoutOption = Annotated[str, typer.Option(metavar="DURATION", help="How long --wait waits.")]
DEFAULT_RATE: Final = 10.0


@app.command()
def plan(
    *,
    ids: Annotated[
        list[str] | None, typer.Option("--id", metavar="ID", help="This letter; may be given more than once.")
    ] = None,
    fingerprint: FingerprintOption = None,
    lane: LaneOption = None,
    type_: TypeOption = None,
    class_: ClassOption = None,
    so_id: SoIdOption = None,
    text: TextOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    rate: Annotated[float, typer.Option(help="Letters a second, for the time that it would take.")] = DEFAULT_RATE,
    output: OutputOption = Output.TABLE,
) -> None:
    """Freeze open letters and say of each what a replay would do: go, find it done already, or fail for certain.

    Nothing is sent. A plan holds for an hour; `relay replay start` starts it.
    """
    from consumer.domain.ledger import Selection

    _terms(rate)
    settings = settings_for("database")
    zone, now = settings.service.timezone, datetime.now(UTC)
    selection = Selection(
        ids=tuple(ids or ()),
        lane=lane,
        type=type_,
        error_class=error_class(class_),
        fingerprint=fingerprint,
        so_id=so_id,
        text=text,
        since=moment(since, "--since", zone, now),
        # What comes while the plan is made is not in it.
        until=moment(until, "--until", zone, now) or now,
    )
    if not set(selection.given()) - {"until", "status"} and until is None:
        raise Failure(
            "Say which letters: --fingerprint, --id, or another filter. `relay dlq groups` shows what there is.",
            ExitCode.USAGE,
        )
    raise typer.Exit(asyncio.run(_plan(settings, selection, rate, output)))


@app.command()
def start(
    plan: PlanArgument,
    *,
    reason: ReasonOption,
    rate: Annotated[float, typer.Option(help="Letters a second.")] = DEFAULT_RATE,
    most: Annotated[int | None, typer.Option("--max", help="Send so many at most; the rest stays open.")] = None,
    canary: Annotated[
        str, typer.Option(metavar="N,…", help="After so many in all wait for their outcomes; 0: never.")
    ] = "1,10",
    stop_at: Annotated[
        float, typer.Option("--stop-on-error-rate", help="Stop when more than this part comes back.")
    ] = 0.2,
    wait: WaitOption = False,
    timeout: TimeoutOption = "1d",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Start a plan. A running service carries it out: a few letters first, then more, then all.

    Exit code with --wait: 0 all succeeded, 3 some failed again, 6 stopped because too many did.
    """
    reason = said(reason)
    terms = _terms(rate, most, canary, stop_at)
    patience = _duration(timeout) if wait else None
    settings = settings_for("database")
    raise typer.Exit(asyncio.run(_start(settings, plan, terms, reason, patience, output, yes=yes, dry_run=dry_run)))


@app.command()
def status(
    replay: ReplayArgument,
    *,
    wait: WaitOption = False,
    timeout: TimeoutOption = "1d",
    output: OutputOption = Output.TABLE,
) -> None:
    """Show how a replay stands: counts, what failed again, what came meanwhile. Exit code 6 if its guard stopped it."""
    patience = _duration(timeout) if wait else None
    settings = settings_for("database")
    raise typer.Exit(asyncio.run(_status(settings, replay, patience, output)))


@app.command("list")
def list_(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 20,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the newest plans and replays."""
    from ops.cli.replay_showing import show_list

    settings = settings_for("database")

    async def newest() -> "list[Replay]":
        async with books(settings) as store:
            return await store.replay_looks.newest(limit)

    show_list(Printer(output, settings.service.timezone), asyncio.run(newest()))


@app.command()
def pause(
    replay: ReplayArgument,
    *,
    reason: ReasonOption = "",
    yes: NotAskedOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let nothing more go until `resume`; what is under way comes to its end."""
    del yes  # nobody is asked
    _act("pause", replay, reason, output, dry_run=dry_run)


@app.command()
def resume(
    replay: ReplayArgument,
    *,
    reason: ReasonOption = "",
    yes: NotAskedOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Go on with a paused replay."""
    del yes  # nobody is asked
    _act("resume", replay, reason, output, dry_run=dry_run)


@app.command()
def cancel(
    replay: ReplayArgument,
    *,
    reason: ReasonOption = "",
    abandon: Annotated[
        bool,
        typer.Option("--abandon", help="Give up what is under way, too: its queue was emptied, nothing will be heard."),
    ] = False,
    yes: NotAskedOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """End a replay for good: letters that have not gone are open again; what is under way comes to its end."""
    del yes  # nobody is asked
    _act("abandon" if abandon else "cancel", replay, reason, output, dry_run=dry_run)


def _terms(rate: float, most: int | None = None, canary: str = "0", stop_at: float = 1.0) -> "Terms":
    """Return how a replay is to go; what makes no sense is told as a fault of the command line."""
    from consumer.domain.replay import Terms

    steps = [] if canary.strip() == "0" else canary.split(",")
    if not all(step.strip().isdecimal() for step in steps):
        raise Failure("Canary steps are ascending numbers of letters, e.g. 1,10, or 0 for none.", ExitCode.USAGE)
    try:
        return Terms(rate, most, tuple(map(int, steps)), stop_at)
    except ValueError as error:
        raise Failure(f"{str(error)[:1].upper()}{str(error)[1:]}.", ExitCode.USAGE) from None


async def _plan(settings: "Settings", selection: "Selection", rate: float, output: Output) -> ExitCode:
    from consumer.deadletters.planning import Planner
    from ops.actor import actor
    from ops.cli.replay_showing import show_plan

    async with books(settings) as store:
        planner = Planner(store.ledger, store, max_event_bytes=settings.broker.max_event_bytes)
        made = await planner.plan(selection, by=actor(), now=datetime.now(UTC))
        if made.items:
            await store.replays.keep(made)
    missing = sorted(set(selection.ids) - {item.letter_id for item in made.items})
    if not made.items:
        raise Failure("No open letter is meant by that; no plan was made. `relay dlq list` shows what there is.")
    show_plan(Printer(output, settings.service.timezone), made, rate, missing)
    return ExitCode.OK


async def _start(
    settings: "Settings",
    plan: str,
    terms: "Terms",
    reason: str,
    patience: timedelta | None,
    output: Output,
    *,
    yes: bool,
    dry_run: bool,
) -> ExitCode:
    from ops.acting import act, acting
    from ops.cli.replay_showing import show_replay

    async with books(settings) as store:
        found = await _found(store, plan)
        count = found.counts.waiting if terms.most is None else min(found.counts.waiting, terms.most)
        detail: dict[str, str | int | None] = {
            "letters": count,
            "rate": str(terms.rate),
            "canary": ",".join(map(str, terms.canary)),
        }
        if dry_run:
            say(f"Would replay {count} letters of plan {found.id} at {terms.rate:g} a second; nothing was done.")
            return ExitCode.OK
        async with acting(store, act("replay.start", found.id, reason, detail)):
            confirm(settings, f"Replay {count} letters at {terms.rate:g} a second?", count, yes=yes)
            # The moment after the question: that is when it is done.
            replay = await store.replays.start(found.id, terms, act("replay.start", found.id, reason, detail))
        if patience is not None:
            return await _to_its_end(store, settings, replay.id, patience, output)
        await show_replay(Printer(output, settings.service.timezone), store, replay)
    if output is Output.TABLE:
        say(f"Started. `relay replay status {replay.id}` tells how it goes; `relay consume` has to run.")
    return ExitCode.OK


async def _status(settings: "Settings", replay: str, patience: timedelta | None, output: Output) -> ExitCode:
    from ops.cli.replay_showing import code_of, show_replay

    async with books(settings) as store:
        found = await _found(store, replay)
        if patience is not None:
            return await _to_its_end(store, settings, found.id, patience, output)
        await show_replay(Printer(output, settings.service.timezone), store, found)
    return code_of(found)


async def _to_its_end(
    store: "Store", settings: "Settings", replay_id: str, patience: timedelta, output: Output
) -> ExitCode:
    from ops.cli.replay_showing import code_of, followed, show_replay

    try:
        async with asyncio.timeout(patience.total_seconds()):
            ended = await followed(store, replay_id)
    except TimeoutError:
        raise Failure(
            f"The replay has not ended within {patience}. It goes on: `relay replay status {replay_id}` tells."
        ) from None
    await show_replay(Printer(output, settings.service.timezone), store, ended)
    return code_of(ended)


def _act(what: str, replay: str, reason: str, output: Output, *, dry_run: bool) -> NoReturn:
    settings = settings_for("database")
    raise typer.Exit(asyncio.run(_acted(settings, what, replay, reason, output, dry_run=dry_run)))


async def _acted(
    settings: "Settings", what: str, replay: str, reason: str, output: Output, *, dry_run: bool
) -> ExitCode:
    from consumer.domain.replay import ABANDONS, CANCELS, PAUSES, RESUMES, acceptable
    from ops.acting import act, acting
    from ops.cli.replay_showing import show_replay

    async with books(settings) as store:
        deeds: dict[str, tuple[Collection[ReplayStatus], Callable[[str, AuditEntry], Awaitable[Replay]]]] = {
            "pause": (PAUSES, store.replays.pause),
            "resume": (RESUMES, store.replays.resume),
            "cancel": (CANCELS, store.replays.cancel),
            "abandon": (ABANDONS, partial(store.replays.cancel, abandon=True)),
        }
        takes, deed = deeds[what]
        found = await _found(store, replay)
        if dry_run:
            acceptable(found, found.id, takes)
            say(f"Would {what} replay {found.id}, which is {found.status.value}; nothing was done.")
            return ExitCode.OK
        entry = act(f"replay.{what}", found.id, kept(reason) or None)
        async with acting(store, entry):
            after = await deed(found.id, entry)
        await show_replay(Printer(output, settings.service.timezone), store, after)
    return ExitCode.OK


async def _found(store: "Store", start: str) -> "Replay":
    """Return the one plan or replay whose id begins so."""
    if not start.strip():
        raise Failure("Say which: the id of a plan or replay, or its beginning.", ExitCode.USAGE)
    ids = await store.replay_looks.beginning_with(start)
    found = await store.replay_looks.find(ids[0]) if len(ids) == 1 else None
    if found is not None:
        return found
    if ids:
        raise Failure(f"More than one id begins with {start}: {', '.join(ids)}.", ExitCode.USAGE)
    raise Failure(f"There is no plan or replay {start}. `relay replay list` shows the newest.")


def _duration(text: str) -> timedelta:
    from consumer.settings.values import duration

    try:
        return duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}; write 30s, 10m or 2h") from error
