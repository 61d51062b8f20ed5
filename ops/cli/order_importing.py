"""`relay order import`: orders that an older system pushed."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
import sys
from codecs import BOM_UTF8
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ops.cli.asking import books, settings_for
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import Column, Output, OutputOption, Printer, say
from ops.cli.reasons import said

if TYPE_CHECKING:
    from consumer.settings import Settings
    from ops.orders_import import ImportedOrder

_COLUMNS: Final = [
    Column("read", "Read", right=True),
    Column("imported", "Imported", right=True),
    Column("left", "In the books already", right=True),
    Column("faulty", "Faulty", right=True),
]
_SHOWN: Final = 20


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="Lines of JSON, one order each; - reads stdin.")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with your name in the audit log.")],
    partial: Annotated[
        bool, typer.Option("--partial", help="Import the good lines even if others are faulty.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take over orders that an older system pushed, so that cancels, new days and callbacks find them.

    A line: {"so_id", "online_no", "version", "state", "retail_order_no"?, "ext_order_no"?, "source_system"?,
    "items": [{"product_code", "quantity"}], "distribution_on"?, "install_on"?}. What is in the books already is left.
    """
    from ops.orders_import import read_lines

    why = said(reason)
    orders, faults = read_lines(_content(file).removeprefix(BOM_UTF8).splitlines())
    for fault in faults[:_SHOWN]:
        say(f"line {fault.line}: {fault.why}")
    if len(faults) > _SHOWN:
        say(f"… and {len(faults) - _SHOWN} more faulty lines.")
    if faults and not (partial and orders):
        raise Failure(
            f"{len(faults)} of {len(orders) + len(faults)} lines are faulty, nothing was imported: mend them, or "
            "import the others with --partial.",
            ExitCode.FAILED,
        )
    settings = settings_for("database")
    left = asyncio.run(_known(settings, orders))
    fresh = [order for order in orders if order.so_id not in left]
    if fresh and not dry_run:
        left |= set(asyncio.run(_imported(settings, fresh, why, yes=yes)))
    done = len([order for order in orders if order.so_id not in left])
    row = {
        "read": len(orders) + len(faults),
        "imported": 0 if dry_run else done,
        "would_import": done if dry_run else 0,
        "left": len(left),
        "faulty": len(faults),
    }
    Printer(output, settings.service.timezone).rows([row], _COLUMNS, empty="")
    if dry_run:
        say(f"{done} orders would be imported; nothing was written.")
    if faults:
        raise typer.Exit(ExitCode.PARTLY)


def _content(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}.", ExitCode.USAGE) from None


def _agreed(count: int, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure(f"{count} orders would be imported; without a terminal that needs --yes.", ExitCode.NOT_ALLOWED)
    if not typer.confirm(f"Import {count} orders?", err=True):
        raise typer.Abort


async def _known(settings: "Settings", orders: "list[ImportedOrder]") -> set[str]:
    from ops.orders_import import known

    async with books(settings) as store:
        return await known(store, orders)


async def _imported(settings: "Settings", orders: "list[ImportedOrder]", reason: str, *, yes: bool) -> list[str]:
    from ops.acting import act, acting
    from ops.orders_import import write

    entry = act("order.import", None, reason, {"orders": len(orders), "first": orders[0].so_id})
    async with books(settings) as store, acting(store, entry):
        _agreed(len(orders), yes=yes)
        await store.audit(entry)
        return await write(store, orders)
