"""`relay db`: the schema of our own database."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio

import typer

from ops.cli.asking import settings_for, sqlite_file
from ops.cli.printing import Column, Output, OutputOption, Printer, say

app = typer.Typer(help="The service's own database.", no_args_is_help=True)


@app.command()
def upgrade(*, output: OutputOption = Output.TABLE) -> None:
    """Bring the schema to what this version needs; tells from where to where."""
    from consumer.persistence import migrations

    settings = settings_for("database")
    before, after = asyncio.run(migrations.upgrade(settings.database.url.get_secret_value()))
    printer = Printer(output, settings.service.timezone)
    record = {"database": settings.database.shown_url, "from": before, "to": after, "changed": before != after}
    printer.record(record, [Column("database", "Database"), Column("from", "From"), Column("to", "To")])
    if printer.for_people:
        say(f"Schema {before or 'none'} → {after}." if before != after else "Nothing to do: the schema is the newest.")


@app.command()
def current(*, output: OutputOption = Output.TABLE) -> None:
    """Show the schema that the database has, and the one that this version needs."""
    from consumer.persistence import migrations

    settings = settings_for("database")
    file = sqlite_file(settings)
    # Asking SQLite for a file that is not there would make it.
    missing = file is not None and not file.exists()
    found = None if missing else asyncio.run(migrations.current(settings.database.url.get_secret_value()))
    needed = migrations.head()
    record = {"database": settings.database.shown_url, "current": found, "needed": needed}
    columns = [Column("database", "Database"), Column("current", "Schema"), Column("needed", "Needed")]
    Printer(output, settings.service.timezone).record(record, columns)
    if found != needed:
        say("Run `relay db upgrade`.")
