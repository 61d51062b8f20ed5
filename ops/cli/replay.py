"""`relay replay`: plan which dead letters go again, start, watch, pause, end it. A running service carries it out."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli import replay_acting
from ops.cli.asking import books, settings_for
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
    selection_of,
)
from ops.cli.printing import Output, OutputOption, Printer
from ops.cli.replay_options import DEFAULT_RATE, ReplayArgument, TimeoutOption, WaitOption, patience_of, terms_of

if TYPE_CHECKING:
    from datetime import timedelta

    from consumer.domain.ledger import Selection
    from consumer.domain.replay import Replay
    from consumer.settings import Settings

app = typer.Typer(help="Sending dead letters again: exactly those, at a pace, with a guard.", no_args_is_help=True)


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
    terms_of(rate)
    settings = settings_for("database")
    now = datetime.now(UTC)
    selection = selection_of(
        settings,
        ids=ids,
        lane=lane,
        type_=type_,
        class_=class_,
        fingerprint=fingerprint,
        so_id=so_id,
        text=text,
        since=since,
        until=until,
    )
    # What comes while the plan is made is not in it.
    selection = replace(selection, until=selection.until or now)
    if not set(selection.given()) - {"until", "status"} and until is None:
        raise Failure(
            "Say which letters: --fingerprint, --id, or another filter. `relay dlq groups` shows what there is.",
            ExitCode.USAGE,
        )
    raise typer.Exit(asyncio.run(_plan(settings, selection, rate, output)))


@app.command()
def status(
    replay: ReplayArgument,
    *,
    wait: WaitOption = False,
    timeout: TimeoutOption = "1d",
    output: OutputOption = Output.TABLE,
) -> None:
    """Show how a replay stands: counts, what failed again, what came meanwhile. Exit code 6 if its guard stopped it."""
    patience = patience_of(timeout) if wait else None
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


app.command("start")(replay_acting.start)
app.command("pause")(replay_acting.pause)
app.command("resume")(replay_acting.resume)
app.command("cancel")(replay_acting.cancel)


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


async def _status(settings: "Settings", replay: str, patience: "timedelta | None", output: Output) -> ExitCode:
    from ops.cli.replay_showing import code_of, replay_beginning, show_replay, to_its_end

    async with books(settings) as store:
        found = await replay_beginning(store, replay)
        if patience is not None:
            return await to_its_end(store, settings, found.id, patience, output)
        await show_replay(Printer(output, settings.service.timezone), store, found)
    return code_of(found)
