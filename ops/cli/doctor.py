"""`relay doctor`: looks at everything the service stands on, and says what to do about what is wrong."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final

import typer

from ops.cli.asking import quiet_log
from ops.cli.printing import Output, OutputOption, Printer, clean, console, talk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.doctor.examining import Examined

_STYLES: Final = {"ok": "green", "warn": "yellow", "fail": "bold red", "skipped": "dim"}


def doctor(*, output: OutputOption = Output.TABLE) -> None:
    """Look for what is wrong on this machine and in this set-up; each line with its cure.

    0: nothing is wrong. 5: broker, database or a supplier is out of reach. 1: something else is wrong.
    """
    from ops.doctor.examining import exit_code

    waiting = talk().status("looking at broker, database and suppliers …") if sys.stderr.isatty() else nullcontext()
    with waiting:
        examined = asyncio.run(_visit())
    if output is Output.TABLE:
        _tell(examined)
    else:
        Printer(output).rows(
            [
                {"check": one.name, "status": found.status.value, "message": found.message, "cure": found.cure}
                for one in examined
                for found in one.findings
            ],
            (),
            empty="",
        )
    raise typer.Exit(exit_code(examined))


async def _visit() -> "list[Examined]":
    from ops.doctor.visit import visit

    with quiet_log():
        # What would be logged is told here as findings.
        return await visit()


def _tell(examined: "Sequence[Examined]") -> None:
    from rich.text import Text

    width = max(len(one.name) for one in examined)
    page = console()
    for one in examined:
        for found in one.findings:
            line = Text.assemble(
                (f"{found.status.value:<8}", _STYLES[found.status.value]),
                f"{one.name:<{width}}  ",
                clean(found.message),
            )
            if found.cure is not None:
                line.append(f"\n{'':<8}{'':<{width}}  → {clean(found.cure)}")
            page.print(line)
