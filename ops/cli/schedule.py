"""`relay schedule`: request syncs by the clock, until it is told to stop; look at what is due and what came of it."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import typer

from ops.cli.asking import books, run_fast, settings_for
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import NOTHING, Column, Output, OutputOption, Printer, say
from ops.cli.starting import refuse_old_schema, stop_on_signals

if TYPE_CHECKING:
    from consumer.domain.schedule_books import Holder
    from consumer.runtime.scheduler import Leading
    from consumer.settings import Settings
    from ops.scheduling import EntryNow

app = typer.Typer(invoke_without_command=True)

_OUTCOMES: Final = {
    "waiting": "waits for `relay consume`",
    "sent": "waits in its lane",
    "dead_lettered": "in the dead letters",
}


def _outcome(value: object) -> str:
    return _OUTCOMES.get(str(value), str(value)) if value else NOTHING


_COLUMNS: Final = [
    Column("name", "Entry"),
    Column("cron", "Cron"),
    Column("type", "Requests"),
    Column("next_at", "Next"),
    Column("last_due_at", "Last due"),
    Column("last", "Was"),
    Column("outcome", "Outcome", show=_outcome),
    Column("passed_over", "Passed over", right=True),
    Column("message", "Message"),
]


@app.callback()
def schedule(context: typer.Context) -> None:
    """Request syncs by cron expression, as RELAY_SCHEDULE says, in RELAY_TIMEZONE.

    Run as many as you like: one requests, the others stand by and take over. Needs the database alone: `relay consume`
    sends the requests. Ends on Ctrl-C or SIGTERM; a second signal ends it at once.
    """
    if context.invoked_subcommand is None:
        run_fast(_schedule(settings_for("database")))


@app.command("list")
def list_(*, output: OutputOption = Output.TABLE) -> None:
    """List the entries of RELAY_SCHEDULE: when each is due next, and what came of it last."""
    settings = settings_for("database")
    rows, holder = asyncio.run(_entries(settings))
    printer = Printer(output, settings.service.timezone)
    printer.rows([asdict(row) for row in rows], _COLUMNS, empty="RELAY_SCHEDULE has no entry.")
    if printer.for_people and rows:
        running = "No scheduler runs: start `relay schedule`."
        say(running if holder is None else f"{holder.owner} runs the schedule since {printer.shown(holder.since)}.")


async def _schedule(settings: "Settings") -> None:
    from consumer.bootstrap.scheduling import keep_schedule

    if not settings.schedule.entries:
        example = '{"nightly goods": {"cron": "0 3 * * *", "type": "sync.products.requested"}}'
        raise Failure(
            f"RELAY_SCHEDULE is empty: there is nothing to request. Set it, for example to {example}.", ExitCode.USAGE
        )
    await refuse_old_schema(settings)
    stop = asyncio.Event()
    stop_on_signals(stop)
    await keep_schedule(settings, stop=stop, tell=lambda standing: _tell(settings, standing))


def _tell(settings: "Settings", standing: "Leading | Holder") -> None:
    from consumer.domain.schedule_books import Holder

    show = Printer(Output.TABLE, settings.service.timezone).shown
    if isinstance(standing, Holder):
        since = show(standing.since)
        say(f"Standing by: {standing.owner} runs the schedule since {since}; this process takes over when it is gone.")
        return
    count = len(settings.schedule.entries)
    upcoming = f'; next "{standing.next_name}" at {show(standing.next_at)}' if standing.next_at is not None else ""
    say(f"Ready: running the schedule, {count} {'entry' if count == 1 else 'entries'}{upcoming}.")


async def _entries(settings: "Settings") -> "tuple[list[EntryNow], Holder | None]":
    from ops.scheduling import entries_now

    async with books(settings) as store:
        rows = await entries_now(
            settings.schedule.entries, settings.service.timezone, store.schedule, store, datetime.now(UTC)
        )
        return rows, await store.schedule.holder()
