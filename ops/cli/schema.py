"""`relay schema`: the contract as JSON Schema, for those who do not write Python."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.failing import ExitCode
from ops.cli.printing import Column, Output, OutputOption, Printer, say

app = typer.Typer(help="The event contract as JSON Schema.", no_args_is_help=True)


@app.command()
def export(
    *,
    directory: Annotated[Path, typer.Option(help="Where the files are.")] = Path("schemas/json"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; 1 if a file is not current.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Write one JSON Schema for each event type, in and out; or compare them with what is there."""
    from schemas.export import differences, json_schema_documents, write

    printer = Printer(output)
    if not check:
        write(directory)
        names = sorted(json_schema_documents())
        rows = [{"file": str(directory / name)} for name in names]
        printer.rows(rows, [Column("file", "File")], empty="")
        say(f"{len(names)} schemas written to {directory}.")
        return
    found = differences(directory)
    printer.rows(
        [{"difference": sentence} for sentence in found],
        [Column("difference", "Difference")],
        empty=f"All schemas in {directory} are current.",
    )
    if found:
        raise typer.Exit(ExitCode.FAILED)
