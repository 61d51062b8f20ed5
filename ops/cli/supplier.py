"""`relay supplier`: how the suppliers are, and a person's word on whether they are called at all."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ops.cli import supplier_calls, supplier_trying
from ops.cli.asking import books, settings_for
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import Column, Output, OutputOption, Printer, console, say, write
from ops.cli.reasons import said
from ops.cli.supplier_showing import data, record, rows_of_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.settings import Settings
    from ops.suppliers.standing import Standing

app = typer.Typer(help="The suppliers: how they are, trying them, pausing them.", no_args_is_help=True)
app.command("test")(supplier_trying.try_out)
app.add_typer(supplier_calls.app, name="call")


SupplierArgument = Annotated[supplier_trying.Name, typer.Argument(help="Which supplier.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept with your name in the audit log.")]

_FIELDS: Final = [
    Column("supplier", "Supplier"),
    Column("state_in_words", "State"),
    Column("up", "Answers"),
    Column("processes", "Processes"),
    Column("accounts_in_words", "Account"),
    Column("token_age_in_words", "Token age"),
    Column("calls_per_minute", "Calls a minute"),
    Column("success_rate_in_words", "Successful"),
    Column("durations_in_words", "Took"),
    Column("quota_in_words", "Quota used"),
    Column("last_error_in_words", "Last error"),
    Column("last_error_at", "Last error at"),
]
_CALLS: Final = [
    Column("supplier", "Supplier"),
    Column("call", "Call"),
    Column("calls", "Calls", right=True),
    Column("calls_per_minute", "A minute", right=True),
    Column("success_rate_in_words", "Successful", right=True),
    Column("mean_in_words", "Mean", right=True),
    Column("p50_in_words", "p50", right=True),
    Column("p95_in_words", "p95", right=True),
    Column("p99_in_words", "p99", right=True),
    Column("outcomes_in_words", "Outcomes"),
]
_NOBODY: Final = (
    "No running service reports: start `relay consume`, or check that RELAY_DATABASE_URL is the service's database. "
    "What people have paused is known all the same."
)


@app.command()
def status(
    *,
    calls: Annotated[bool, typer.Option("--calls", help="Each kind of call by itself, too.")] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again and again, until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(min=1, help="Seconds between two looks; services report every 5.")] = 5.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show how the suppliers are: figures of the last five minutes over all running processes, pauses, last errors.

    A call that the supplier refused for business reasons is not a successful one; logins are counted apart (--calls).
    """
    settings = settings_for("database")
    if not watch:
        standings = asyncio.run(_look(settings))
        _show(standings, Printer(output, settings.service.timezone), calls=calls)
        return
    if output is Output.JSON:
        raise Failure("--watch never ends, so it cannot be one JSON document: use --output ndjson.", ExitCode.USAGE)
    asyncio.run(_watch(settings, interval, Printer(output, settings.service.timezone), calls=calls))


@app.command()
def pause(supplier: SupplierArgument, *, reason: ReasonOption) -> None:
    """Stop all calls to a supplier until somebody resumes it, also across restarts; its events wait unharmed."""
    why = said(reason)
    asyncio.run(_pause(settings_for("database"), supplier, why))
    say(
        f"{supplier} is paused. Running services stop calling it within some seconds; "
        f"`relay supplier resume {supplier} --reason …` ends it."
    )


@app.command()
def resume(supplier: SupplierArgument, *, reason: ReasonOption) -> None:
    """End a person's pause of a supplier; what rests for another cause goes on resting until its probe gets through."""
    why = said(reason)
    asyncio.run(_resume(settings_for("database"), supplier, why))
    say(f"{supplier} is resumed. Running services call it again within some seconds.")


async def _pause(settings: "Settings", supplier: str, reason: str) -> None:
    from ops.acting import act

    async with books(settings) as store:
        await store.pause_supplier(supplier, act("supplier.pause", supplier, reason))


async def _resume(settings: "Settings", supplier: str, reason: str) -> None:
    from ops.acting import act, acting

    entry = act("supplier.resume", supplier, reason)
    async with books(settings) as store, acting(store, entry):
        if await store.resume_supplier(supplier, entry) is None:
            raise Failure(f"Nobody has paused {supplier}. `relay supplier status` shows what it rests for, if it does.")


async def _look(settings: "Settings") -> "list[Standing]":
    from ops.suppliers.standing import standings

    async with books(settings) as store:
        return await standings(store)


def _show(standings: "list[Standing]", printer: Printer, *, calls: bool) -> None:
    records = [record(one, printer.shown) for one in standings]
    if not printer.for_people:
        printer.rows([data(one) for one in records], (), empty="")
    else:
        for number, one in enumerate(records):
            if number:
                write("")
            printer.record(one, _FIELDS)
        if calls:
            write("")
            printer.rows(
                [row for one in standings for row in rows_of_calls(one)], _CALLS, empty="No calls in the last minutes."
            )
    if not any(one.processes for one in standings):
        say(_NOBODY)


async def _watch(settings: "Settings", interval: float, printer: Printer, *, calls: bool) -> None:
    from ops.suppliers.standing import standings

    show = _screen(printer, calls=calls)
    async with books(settings) as store:
        while True:
            show(await standings(store))
            await asyncio.sleep(interval)


def _screen(printer: Printer, *, calls: bool) -> "Callable[[list[Standing]], None]":
    """Return what shows one look: on a terminal on a cleared page, elsewhere one below the other."""
    if printer.for_people:

        def page(standings: "list[Standing]") -> None:
            if sys.stdout.isatty():
                console().clear()
            write(printer.shown(datetime.now(UTC)))
            _show(standings, printer, calls=calls)

        return page

    def lines(standings: "list[Standing]") -> None:
        for one in standings:
            printer.line({"at": datetime.now(UTC), **data(record(one, printer.shown))})

    return lines
