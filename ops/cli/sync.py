"""`relay sync`: ask for goods or shipments to be brought up to date, watch it happen, look back."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ops.cli.asking import books, settings_for
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import Column, Output, OutputOption, Printer

if TYPE_CHECKING:
    from consumer.domain.writes import SyncLogRow
    from consumer.settings import Settings

app = typer.Typer(help="Bringing goods and shipments up to date with Haier and YLH.", no_args_is_help=True)

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
FIELDS: Final = [*_COLUMNS, Column("event_id", "Event")]


def _duration(text: str) -> timedelta:
    from consumer.settings.values import duration

    try:
        return duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}; write 30s, 10m or 2h") from error


@app.command()
def products(
    *,
    codes: Annotated[
        str | None, typer.Option(help="Product codes, parted by commas. Default: all that the account may order.")
    ] = None,
    category: Annotated[str | None, typer.Option(help="Only goods of this product group.")] = None,
    brand: Annotated[str | None, typer.Option(help="Only goods of this brand.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress to the end; 3 if some goods failed.")] = False,
    timeout: Annotated[str, typer.Option(metavar="DURATION", help="How long --wait waits.")] = "10m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask the service to bring goods, brands and categories up to date."""
    from ops.cli.sync_products import Wish, request

    listed = None if codes is None else tuple(code.strip() for code in codes.split(",") if code.strip())
    if listed == ():
        raise Failure("--codes names no product code; leave it out to sync all goods.", ExitCode.USAGE)
    patience = _duration(timeout) if wait else None
    settings = settings_for("broker", "database") if wait else settings_for("broker")
    raise typer.Exit(asyncio.run(request(settings, Wish(listed, category, brand), patience, output)))


@app.command()
def logistics(
    *,
    so_ids: Annotated[list[str] | None, typer.Argument(metavar="SO_ID", help="Orders to ask about.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="All orders at YLH that are not yet delivered.")] = False,
    detail: Annotated[bool, typer.Option("--detail", help="The couriers' steps too, a call for each order.")] = False,
    photos: Annotated[bool, typer.Option("--photos", help="The photos too, a call for each order.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress to the end; 3 if some orders failed.")] = False,
    timeout: Annotated[str, typer.Option(metavar="DURATION", help="How long --wait waits.")] = "10m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask the service to bring the shipments of orders up to date."""
    from ops.cli.sync_logistics import Wish, request

    if bool(so_ids) == open_:
        raise Failure("Name the orders, or give --open for all that are not yet delivered; not both.", ExitCode.USAGE)
    patience = _duration(timeout) if wait else None
    settings = settings_for("broker", "database") if wait else settings_for("broker")
    wish = Wish(tuple(so_ids) if so_ids else None, detail, photos)
    raise typer.Exit(asyncio.run(request(settings, wish, patience, output)))


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Id of a row in haier_sync_log.")],
    *,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one sync: its counts, and how it ended."""
    settings = settings_for("database")
    row = asyncio.run(_row(settings, id_))
    if row is None:
        raise Failure(
            f"The books at {settings.database.shown_url} have no sync {id_}. `relay sync list` shows the newest; a "
            "request that still waits in its lane has no row yet."
        )
    Printer(output, settings.service.timezone).record(asdict(row), FIELDS)


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


async def _row(settings: "Settings", id_: str) -> "SyncLogRow | None":
    async with books(settings) as store:
        return await store.sync_log(id_)


async def _rows(settings: "Settings", limit: int) -> "list[SyncLogRow]":
    async with books(settings) as store:
        return await store.recent_sync_logs(limit)
