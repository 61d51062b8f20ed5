"""`relay demo`: the whole system on this machine."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

from enum import StrEnum
from typing import Annotated

import typer


class Format(StrEnum):
    """How the summary can be written."""

    TABLE = "table"
    JSON = "json"


def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running afterwards, until Ctrl-C.")] = False,
    output: Annotated[
        Format, typer.Option("--output", "-o", help="The summary: tables for people, or one JSON document.")
    ] = Format.TABLE,
) -> None:
    """Run broker, suppliers and service on this machine, send 200 events, and hold the books against each other."""
    from ops.demo import main

    raise typer.Exit(main(output="json" if output is Format.JSON else "table", keep=keep))
