"""`relay event`: check events against the contract, and put them on the broker."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import sys
from typing import Annotated

import typer

from ops.cli.printing import Output, OutputOption, say

app = typer.Typer(help="Events of the order system.", no_args_is_help=True)

FileArgument = Annotated[
    str, typer.Argument(metavar="[FILE|-]", help="One JSON event, or one on each line (NDJSON); - is standard input.")
]


@app.command()
def validate(file: FileArgument = "-", *, output: OutputOption = Output.TABLE) -> None:
    """Hold events against the contract; needs no broker and no settings. 1 if any is invalid."""
    from ops.cli import event_validate

    _tell_who_waits(file)
    raise typer.Exit(event_validate.validate(file, output))


@app.command()
def publish(file: FileArgument = "-", *, output: OutputOption = Output.TABLE) -> None:
    """Publish events, each checked first and confirmed by the broker.

    3 if only some went out, 5 if RabbitMQ is out of reach. Sent again, the same events count once: they keep their ids.
    """
    from ops.cli import event_publish

    _tell_who_waits(file)
    raise typer.Exit(event_publish.publish(file, output))


def _tell_who_waits(file: str) -> None:
    if file == "-" and sys.stdin.isatty():
        say("Reading events from the terminal; Ctrl-D ends the input.")
