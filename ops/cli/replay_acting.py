"""`relay replay start`, `pause`, `resume` and `cancel`: what people do to plans and replays."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from ops.cli.asking import books, settings_for
from ops.cli.confirming import DryRunOption, NotAskedOption, YesOption, confirm
from ops.cli.failing import ExitCode
from ops.cli.printing import Output, OutputOption, Printer, say
from ops.cli.reasons import kept, said
from ops.cli.replay_options import (
    DEFAULT_RATE,
    PlanArgument,
    ReasonOption,
    ReplayArgument,
    TimeoutOption,
    WaitOption,
    patience_of,
    terms_of,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from consumer.domain.audit import AuditEntry
    from consumer.domain.replay import Replay, ReplayStatus, Terms
    from consumer.persistence.store import Store
    from consumer.settings import Settings


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
    terms = terms_of(rate, most, canary, stop_at)
    patience = patience_of(timeout) if wait else None
    settings = settings_for("database")
    raise typer.Exit(asyncio.run(_start(settings, plan, terms, reason, patience, output, yes=yes, dry_run=dry_run)))


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
    from ops.cli.replay_showing import show_replay, to_its_end

    async with books(settings) as store:
        async with acting(store, None if dry_run else act("replay.start", plan, reason)):
            replay = await _started(settings, store, plan, terms, reason, yes=yes, dry_run=dry_run)
        if replay is None:
            return ExitCode.OK
        if patience is not None:
            return await to_its_end(store, settings, replay.id, patience, output)
        await show_replay(Printer(output, settings.service.timezone), store, replay)
    if output is Output.TABLE:
        say(f"Started. `relay replay status {replay.id}` tells how it goes; `relay consume` has to run.")
    return ExitCode.OK


async def _started(
    settings: "Settings", store: "Store", plan: str, terms: "Terms", reason: str, *, yes: bool, dry_run: bool
) -> "Replay | None":
    from consumer.domain.replay import STARTS, acceptable
    from ops.acting import act
    from ops.cli.replay_showing import replay_beginning

    found = await replay_beginning(store, plan)
    count = found.counts.waiting if terms.most is None else min(found.counts.waiting, terms.most)
    if dry_run:
        acceptable(found, found.id, STARTS)
        say(f"Would replay {count} letters of plan {found.id} at {terms.rate:g} a second; nothing was done.")
        return None
    confirm(settings, f"Replay {count} letters at {terms.rate:g} a second?", count, yes=yes)
    steps = ",".join(map(str, terms.canary))
    detail: dict[str, str | int | None] = {"letters": count, "rate": str(terms.rate), "canary": steps}
    return await store.replays.start(found.id, terms, act("replay.start", found.id, reason, detail))


def _act(what: str, replay: str, reason: str, output: Output, *, dry_run: bool) -> NoReturn:
    settings = settings_for("database")
    raise typer.Exit(asyncio.run(_acted(settings, what, replay, reason, output, dry_run=dry_run)))


async def _acted(
    settings: "Settings", what: str, replay: str, reason: str, output: Output, *, dry_run: bool
) -> ExitCode:
    from consumer.domain.replay import ABANDONS, CANCELS, PAUSES, RESUMES, acceptable
    from ops.acting import act, acting
    from ops.cli.replay_showing import replay_beginning, show_replay

    tried = None if dry_run else act(f"replay.{what}", replay, kept(reason) or None)
    async with books(settings) as store, acting(store, tried):
        deeds: dict[str, tuple[Collection[ReplayStatus], Callable[[str, AuditEntry], Awaitable[Replay]]]] = {
            "pause": (PAUSES, store.replays.pause),
            "resume": (RESUMES, store.replays.resume),
            "cancel": (CANCELS, store.replays.cancel),
            "abandon": (ABANDONS, partial(store.replays.cancel, abandon=True)),
        }
        takes, deed = deeds[what]
        found = await replay_beginning(store, replay)
        if dry_run:
            acceptable(found, found.id, takes)
            say(f"Would {what} replay {found.id}, which is {found.status.value}; nothing was done.")
            return ExitCode.OK
        after = await deed(found.id, act(f"replay.{what}", found.id, kept(reason) or None))
        await show_replay(Printer(output, settings.service.timezone), store, after)
    return ExitCode.OK
