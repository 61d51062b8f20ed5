"""`relay sync products|prices|stock|logistics|balance`: what is asked for; `sync_request` sends it and follows it."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from ops.cli.asking import settings_for
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import Output, OutputOption

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from publishers.orders import RelayPublisher
    from schemas.envelope import Event

CodesOption = Annotated[
    str | None, typer.Option(metavar="CODES", help="Product codes, parted by commas. Default: all that can be ordered.")
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Show progress to the end; 3 if some of it failed.")]
TimeoutOption = Annotated[str, typer.Option(metavar="DURATION", help="How long --wait waits.")]


def products(
    *,
    codes: CodesOption = None,
    category: Annotated[str | None, typer.Option(help="Only goods of this product group.")] = None,
    brand: Annotated[str | None, typer.Option(help="Only goods of this brand.")] = None,
    prices: Annotated[
        bool | None, typer.Option("--prices/--no-prices", help="Their prices too. Default: as the account says.")
    ] = None,
    stock: Annotated[
        bool | None, typer.Option("--stock/--no-stock", help="Their stock too. Default: as the account says.")
    ] = None,
    counties: Annotated[
        str | None,
        typer.Option(metavar="CODES", help="Counties for the stock, parted by commas. Default: the account's."),
    ] = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = "1h",
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask the service to bring goods, brands and categories up to date; prices and stock too, if asked for."""
    wanted, where = _listed(codes, "--codes"), _listed(counties, "--counties")

    def ask(relay: "RelayPublisher") -> "Awaitable[Event]":
        return relay.sync_products(
            product_codes=wanted,
            category=category,
            brand=brand,
            with_prices=prices,
            with_stock=stock,
            county_codes=where,
        )

    _request(ask, wait, timeout, output, items="goods, prices, stock")


def prices(
    *,
    codes: CodesOption = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = "1h",
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask the service to bring prices up to date."""
    wanted = _listed(codes, "--codes")
    _request(lambda relay: relay.sync_prices(product_codes=wanted), wait, timeout, output, items="prices")


def stock(
    *,
    counties: Annotated[str, typer.Option(metavar="CODES", help="Counties to deliver to, parted by commas.")],
    codes: CodesOption = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = "1h",
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask the service to bring stock up to date: a call for each product and county."""
    wanted, where = _listed(codes, "--codes"), _listed(counties, "--counties") or ()
    _request(
        lambda relay: relay.sync_stock(product_codes=wanted, county_codes=where), wait, timeout, output, items="stock"
    )


def logistics(
    *,
    so_ids: Annotated[list[str] | None, typer.Argument(metavar="SO_ID", help="Orders to ask about.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="All orders at YLH that are not yet delivered.")] = False,
    detail: Annotated[bool, typer.Option("--detail", help="The couriers' steps too, a call for each order.")] = False,
    photos: Annotated[bool, typer.Option("--photos", help="The photos too, a call for each order.")] = False,
    wait: WaitOption = False,
    timeout: TimeoutOption = "10m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask the service to bring the shipments of orders up to date."""
    if bool(so_ids) == open_:
        raise Failure("Name the orders, or give --open for all that are not yet delivered; not both.", ExitCode.USAGE)

    def ask(relay: "RelayPublisher") -> "Awaitable[Event]":
        if open_:
            return relay.sync_logistics(scope="open", detail=detail, with_photos=photos)
        return relay.sync_logistics(so_ids=so_ids, detail=detail, with_photos=photos)

    _request(ask, wait, timeout, output, items="orders")


def balance(*, wait: WaitOption = False, timeout: TimeoutOption = "5m", output: OutputOption = Output.TABLE) -> None:
    """Ask the service for the payers' balances; --wait shows them."""
    from ops.cli.sync_balance import request

    patience = _duration(timeout) if wait else None
    settings = settings_for("broker", "database") if wait else settings_for("broker")
    raise typer.Exit(asyncio.run(request(settings, patience, output)))


def _request(
    ask: "Callable[[RelayPublisher], Awaitable[Event]]",
    wait: bool,  # noqa: FBT001 - the option as it was given
    timeout: str,
    output: Output,
    *,
    items: str,
) -> NoReturn:
    from ops.cli.sync_request import request

    patience = _duration(timeout) if wait else None
    settings = settings_for("broker", "database") if wait else settings_for("broker")
    raise typer.Exit(asyncio.run(request(settings, ask, patience, output, items=items)))


def _listed(text: str | None, option: str) -> tuple[str, ...] | None:
    listed = None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())
    if listed == ():
        raise Failure(f"{option} names nothing; leave it out to have its default.", ExitCode.USAGE)
    return listed


def _duration(text: str) -> timedelta:
    from consumer.settings.values import duration

    try:
        return duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}; write 30s, 10m or 2h") from error
