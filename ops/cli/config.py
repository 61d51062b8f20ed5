"""`relay config`: accounts at Haier, stored encrypted with their history; looking at them, and checking."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ops.cli import config_backup, config_changing
from ops.cli.asking import books, settings_for
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import Column, Output, OutputOption, Printer, console, say, write

if TYPE_CHECKING:
    from consumer.settings import Settings

app = typer.Typer(help="Accounts at Haier that are stored in the database, encrypted.", no_args_is_help=True)

_ACCOUNTS: Final = [
    Column("name", "Account"),
    Column("active", "Serves"),
    Column("revision", "Revision", right=True),
    Column("client_id", "Client"),
    Column("customer_code", "Customer"),
    Column("base_url", "URL"),
    Column("changed_at", "Changed at"),
    Column("changed_by", "By"),
]
_HEAD: Final = [
    Column("name", "Account"),
    Column("active", "Serves"),
    Column("revision", "Revision"),
    Column("action", "By way of"),
    Column("changed_at", "At"),
    Column("changed_by", "By"),
    Column("reason", "Reason"),
]
_REVISIONS: Final = [
    Column("revision", "Revision", right=True),
    Column("action", "By way of"),
    Column("changed_at", "At"),
    Column("changed_by", "By"),
    Column("reason", "Reason"),
]
_PROBLEMS: Final = [Column("key", "Key"), Column("problem", "Fault"), Column("expected", "Expected")]
_STYLES: Final = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@app.command("list")
def list_(*, output: OutputOption = Output.TABLE) -> None:
    """List the stored accounts, and which one serves."""
    settings = settings_for("database")
    rows = asyncio.run(_listed(settings))
    Printer(output, settings.service.timezone).rows(rows, _ACCOUNTS, empty="No account is stored.")
    if not any(row["active"] for row in rows):
        say("No stored account is active: the environment's serves (HAIER_*).")


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(help="Of the account. Default: the one that serves.")] = None,
    *,
    revision: Annotated[int | None, typer.Option(min=1, help="As it was at this revision.")] = None,
    against: Annotated[
        int | None, typer.Option(min=1, help="Only what changed from this revision to the one shown.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show an account with its history, secrets masked; or compare two revisions of it."""
    settings = settings_for("database")
    printer = Printer(output, settings.service.timezone)
    if against is not None:
        rows = asyncio.run(_compared(settings, name, against, revision))
        printer.rows(rows, config_changing.DIFFERENCES, empty="They do not differ.")
        return
    record = asyncio.run(_shown(settings, name, revision))
    if not printer.for_people:
        printer.record(record, ())
        return
    printer.record(record, _HEAD if record["name"] is not None else [Column("name", "The environment's account")])
    write("")
    printer.record(record["config"], [Column(key, key) for key in record["config"]])
    if record["revisions"]:
        write("")
        console().print(printer.table(record["revisions"], _REVISIONS))


@app.command()
def check(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE|-]", help="A JSON config, not yet set. Default: check the set-up.")
    ] = None,
    *,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check a JSON config by the rules of the service; or the whole set-up: key, environment, every stored account.

    0: all is well. 1: something is wrong. 5: the database is out of reach.
    """
    if file is None:
        _check_set_up(output)
    else:
        _check_file(file, output)


def _check_file(file: str, output: Output) -> None:
    from consumer.accounts import documents
    from consumer.accounts.choosing import rules_of
    from consumer.settings import AccountRefused
    from ops.accounts.files import read_config

    settings = settings_for()
    printer = Printer(output)
    whose = "The config"
    try:
        config = rules_of(settings)(documents.completed(read_config(file), None, whose=whose), whose=whose)
    except AccountRefused as error:
        printer.rows(
            [{"key": one.setting, "problem": one.problem, "expected": one.expected} for one in error.problems],
            _PROBLEMS,
            empty="",
        )
        count = len(error.problems)
        raise Failure(f"The config has {'one fault' if count == 1 else f'{count} faults'}.") from None
    if printer.for_people:
        write(f"The config is well: client {config.haier.client_id} at {config.haier.base_url}.")
    else:
        printer.rows([], (), empty="")


def _check_set_up(output: Output) -> None:
    from ops.accounts.examining import examined
    from ops.doctor.checks import Status

    settings = settings_for("database")
    found = asyncio.run(examined(settings))
    rows = [{"what": what, "status": one.status.value, "message": one.message, "cure": one.cure} for what, one in found]
    printer = Printer(output)
    if printer.for_people:
        _tell(rows)
    else:
        printer.rows(rows, (), empty="")
    failures = [one for _, one in found if one.status is Status.FAIL]
    if failures:
        away = all(failure.out_of_reach for failure in failures)
        raise typer.Exit(ExitCode.OUT_OF_REACH if away else ExitCode.FAILED)


def _tell(rows: list[dict[str, Any]]) -> None:
    from rich.text import Text

    from ops.cli.printing import clean

    width = max(len(row["what"]) for row in rows)
    page = console()
    for row in rows:
        line = Text.assemble(
            (f"{row['status']:<6}", _STYLES[row["status"]]), f"{row['what']:<{width}}  ", clean(row["message"])
        )
        if row["cure"] is not None:
            line.append(f"\n{'':<6}{'':<{width}}  → {clean(row['cure'])}")
        page.print(line)


async def _listed(settings: "Settings") -> list[dict[str, Any]]:
    from ops.accounts.viewing import listed

    async with books(settings) as store:
        return await listed(store.accounts)


async def _shown(settings: "Settings", name: str | None, revision: int | None) -> dict[str, Any]:
    from ops.accounts.using import environments_account
    from ops.accounts.viewing import found, shown, shown_environment

    async with books(settings) as store:
        seen = await found(store.accounts, name)
    if seen is not None:
        return shown(*seen, revision)
    if revision is not None:
        raise Failure("--revision needs a stored account: give its NAME.", ExitCode.USAGE)
    return shown_environment(environments_account(settings))


async def _compared(settings: "Settings", name: str | None, before: int, after: int | None) -> list[dict[str, Any]]:
    from ops.accounts.viewing import compared, found

    async with books(settings) as store:
        seen = await found(store.accounts, name)
    if seen is None:
        raise Failure("--against needs a stored account: give its NAME.", ExitCode.USAGE)
    return compared(settings, *seen, before, after)


config_changing.add_to(app)
config_backup.add_to(app)
