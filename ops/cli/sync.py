"""`relay sync`: ask for goods or shipments to be brought up to date, watch it happen, stop it, look back."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ops.cli import sync_asking
from ops.cli.asking import books, settings_for
from ops.cli.failing import Failure
from ops.cli.printing import Column, Output, OutputOption, Printer
from ops.cli.reasons import said

if TYPE_CHECKING:
    from consumer.domain.sync_writes import FailedPart
    from consumer.domain.writes import SyncLogRow
    from consumer.settings import Settings

app = typer.Typer(
    help="Bringing goods, prices, stock and shipments up to date with Haier and YLH.", no_args_is_help=True
)
app.command()(sync_asking.products)
app.command()(sync_asking.prices)
app.command()(sync_asking.stock)
app.command()(sync_asking.logistics)
app.command()(sync_asking.balance)

_COLUMNS: Final = [
    Column("id", "Id"),
    Column("sync_type", "Type"),
    Column("status", "Status"),
    Column("success_count", "Good", right=True),
    Column("failed_count", "Failed", right=True),
    Column("total_count", "Of", right=True),
    Column("started_at", "Started"),
    Column("completed_at", "Ended"),
    Column("message", "Message"),
]
_FAILED: Final = [Column("item", "Failed"), Column("reason", "Why")]
FIELDS: Final = [*_COLUMNS, Column("event_id", "Event")]


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Id of a row in haier_sync_log.")],
    *,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one sync: its counts, how it ended, and the first hundred items that failed, each with the reason."""
    settings = settings_for("database")
    row, failed = asyncio.run(_row(settings, id_))
    if row is None:
        raise Failure(
            f"The books at {settings.database.shown_url} have no sync {id_}. `relay sync list` shows the newest; a "
            "request that still waits in its lane has no row yet."
        )
    printer = Printer(output, settings.service.timezone)
    items = [asdict(part) for part in failed]
    if not printer.for_people:
        printer.record(asdict(row) | {"failed": items}, FIELDS)
        return
    printer.record(asdict(row), FIELDS)
    if items:
        printer.rows(items, _FAILED, empty="")


@app.command("list")
def list_(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 20,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the newest rows of the sync log, orders' too."""
    settings = settings_for("database")
    rows = asyncio.run(_rows(settings, limit))
    Printer(output, settings.service.timezone).rows(
        [asdict(row) for row in rows], _COLUMNS, empty="The sync log is empty."
    )


@app.command()
def cancel(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Id of a row in haier_sync_log that is under way.")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with your name in the audit log.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Stop a sync for good: what is not begun is not done any more, what is done stands.

    Its row ends as `failed`, and everybody who asked for it is told so. Batches in hand end within seconds.
    """
    why = said(reason)
    settings = settings_for("database")
    row = asyncio.run(_cancelled(settings, id_, why))
    Printer(output, settings.service.timezone).record(asdict(row), FIELDS)


async def _cancelled(settings: "Settings", id_: str, reason: str) -> "SyncLogRow":
    from ops.acting import act, acting

    entry = act("sync.cancel", id_, reason)
    async with books(settings) as store, acting(store, entry):
        row = await store.cancelling.cancel(id_, entry)
        if row is None:
            raise Failure(f"No sync {id_} is under way; nothing was done. `relay sync show {id_}` tells how it ended.")
        return row


async def _row(settings: "Settings", id_: str) -> "tuple[SyncLogRow | None, tuple[FailedPart, ...]]":
    async with books(settings) as store:
        return await store.sync_log(id_), await store.syncs.failures(id_)


async def _rows(settings: "Settings", limit: int) -> "list[SyncLogRow]":
    async with books(settings) as store:
        return await store.recent_sync_logs(limit)
