"""`relay supplier call`: ask a supplier directly, for an operator's look at the truth.

It goes past a pause, since a person looks, but within the account's quota. Calls that change something are not made
from here: the books would not know of them, and the service, which resends what it has no answer to, could double an
order or contradict what was done by hand. An event does the same and is written down (`REFUSED`).
"""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final, NoReturn, TypeVar

import typer

from ops.cli.asking import books, quiet_log, settings_for, traced_log
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import Column, Output, OutputOption, Printer, clean, talk

if TYPE_CHECKING:
    from consumer.domain.looks import Look
    from consumer.suppliers.haier.client import HaierClient
    from consumer.suppliers.ylh.client import YlhClient

T = TypeVar("T")

app = typer.Typer(help="Ask a supplier directly; nothing is changed there or in our books.", no_args_is_help=True)
_haier = typer.Typer(help="Haier: goods, prices, stock, logistics, balance.", no_args_is_help=True)
_ylh = typer.Typer(help="YLH: photos, logistics; create, cancel and reschedule go by events.", no_args_is_help=True)
app.add_typer(_haier, name="haier")
app.add_typer(_ylh, name="ylh")

ProductsOption = Annotated[list[str], typer.Option("--product", help="A product code; may be given again and again.")]
ProductOption = Annotated[str, typer.Option("--product", help="A product code.")]
OrderOption = Annotated[str, typer.Option("--order", help="An SO number, e.g. SO.20190106.000003.")]
OrdersOption = Annotated[list[str], typer.Option("--order", help="An SO number; may be given again and again.")]
TraceOption = Annotated[
    bool, typer.Option("--trace", help="Show each HTTP call on stderr, its bodies masked: what was really said.")
]

_PRODUCTS: Final = [
    Column("product_code", "Product"),
    Column("model", "Model"),
    Column("brand", "Brand"),
    Column("category", "Group"),
    Column("procurable", "Procurable"),
    Column("reason", "Why not"),
]
_PRICES: Final = [
    Column("product_code", "Product"),
    Column("supply_price", "Supply price", right=True),
    Column("invoice_price", "Invoice price", right=True),
    Column("direct_discount", "Discount", right=True),
    Column("rebate_type", "Rebate type"),
    Column("rebate", "Rebate", right=True),
    Column("procurable", "Procurable"),
    Column("reason", "Why not"),
]
_STOCK: Final = [
    Column("product_code", "Product"),
    Column("county_code", "County"),
    Column("quantity", "Quantity", right=True),
    Column("storage_location", "Storage location"),
    Column("level", "Level"),
    Column("order_cut_off", "Order by"),
    Column("delivery_estimate", "Delivery"),
    Column("hours", "Hours", right=True),
    Column("transferred", "Transferred"),
]
_SHIPMENTS: Final = [
    Column("order_no", "Order"),
    Column("source", "Told by"),
    Column("company", "Courier"),
    Column("number", "Number"),
    Column("delivery_record_code", "Delivery"),
    Column("sn_codes", "Serial numbers"),
]
_BALANCES: Final = [
    Column("payer_code", "Payer"),
    Column("payer_name", "Name"),
    Column("sales_group_code", "Sales group"),
    Column("sales_group_name", "Group name"),
    Column("balance", "Balance", right=True),
]
_PHOTOS: Final = [Column("kind", "Shows"), Column("taken_at", "Taken at"), Column("url", "URL")]

_PART: Final = 500
"""Entries of the whole list that are read at once."""

REFUSED: Final = {
    "create": "it could double an order: publish order.paid",
    "cancel": "the books would still hold the order as wanted: publish order.cancelled, which also works for an order "
    "that the books do not know",
    "reschedule": "the books would hold the old day: publish order.rescheduled",
}


@_haier.command()
def products(
    *,
    product: Annotated[
        list[str] | None, typer.Option("--product", help="A product code, again and again; left out: all of them.")
    ] = None,
    trace: TraceOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show which products the account may order."""
    from consumer.domain.parts import parts
    from consumer.domain.ports import PRODUCTS_PER_CALL

    async def every(client: "HaierClient") -> Sequence[object]:
        async with client.listing() as listing:
            return _readable([look async for look in listing.parts(_PART)])

    async def named(client: "HaierClient") -> Sequence[object]:
        return _readable([await client.products(part) for part in parts(product or (), PRODUCTS_PER_CALL)])

    _ask_haier(named if product else every, _PRODUCTS, output, trace=trace)


@_haier.command()
def prices(product: ProductsOption, *, trace: TraceOption = False, output: OutputOption = Output.TABLE) -> None:
    """Show prices: of one unit, in yuan."""
    from consumer.domain.parts import parts
    from consumer.domain.ports import PRICES_PER_CALL

    async def named(client: "HaierClient") -> Sequence[object]:
        return _readable([await client.prices(part) for part in parts(product, PRICES_PER_CALL)])

    _ask_haier(named, _PRICES, output, trace=trace)


@_haier.command()
def stock(
    product: ProductOption,
    county: Annotated[str, typer.Option("--county", help="A county: six digits, GB/T 2260, e.g. 370212.")],
    *,
    trace: TraceOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what of a product can be delivered to a county, and when."""

    async def one(client: "HaierClient") -> Sequence[object]:
        return [await client.stock(product, county)]

    _ask_haier(one, _STOCK, output, trace=trace)


@_haier.command("logistics")
def haier_logistics(
    order: OrderOption,
    *,
    record: Annotated[str | None, typer.Option("--record", help="Only this delivery record.")] = None,
    member: Annotated[str | None, typer.Option("--member", help="Member number, where Haier asks for one.")] = None,
    trace: TraceOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show an order's shipments, from all three lists of Haier."""
    _ask_haier(
        lambda client: client.shipments(order, delivery_record_code=record, member_id=member),
        _SHIPMENTS,
        output,
        trace=trace,
    )


@_haier.command()
def balance(*, trace: TraceOption = False, output: OutputOption = Output.TABLE) -> None:
    """Show what is left on the payers' accounts, in yuan."""
    _ask_haier(lambda client: client.balances(), _BALANCES, output, trace=trace)


@_ylh.command()
def photos(order: OrderOption, *, trace: TraceOption = False, output: OutputOption = Output.TABLE) -> None:
    """Show the photos of an order's delivery and installation."""
    _ask_ylh(lambda client: client.photos(order), _PHOTOS, output, trace=trace)


@_ylh.command("logistics")
def ylh_logistics(order: OrdersOption, *, trace: TraceOption = False, output: OutputOption = Output.TABLE) -> None:
    """Show orders' shipments: courier, number, serial numbers."""
    _ask_ylh(lambda client: client.shipments(order), _SHIPMENTS, output, trace=trace)


@_ylh.command()
def create() -> None:
    """Not made by hand: publish order.paid, so that the books know of it."""
    _refuse("create")


@_ylh.command()
def cancel() -> None:
    """Not made by hand: publish order.cancelled, so that the books know of it."""
    _refuse("cancel")


@_ylh.command()
def reschedule() -> None:
    """Not made by hand: publish order.rescheduled, so that the books know of it."""
    _refuse("reschedule")


def _refuse(call: str) -> NoReturn:
    raise Failure(
        f"{call} is not made by hand, because {REFUSED[call]} with `relay event publish`. `relay order show SO_ID` "
        "says what came of it.",
        ExitCode.NOT_ALLOWED,
    )


def _ask_haier(
    ask: "Callable[[HaierClient], Awaitable[Sequence[object]]]",
    columns: Sequence[Column],
    output: Output,
    *,
    trace: bool,
) -> None:
    from consumer.bootstrap.by_hand import haier_by_hand
    from ops.accounts.using import required_account

    settings = settings_for("database")
    account = asyncio.run(required_account(settings))

    async def asked() -> Sequence[object]:
        async with books(settings) as store, haier_by_hand(settings, account, store) as client:
            return await ask(client)

    secrets = settings.secrets() | account.secrets()
    _run(asked, columns, Printer(output, settings.service.timezone), secrets, trace=trace)


def _ask_ylh(
    ask: "Callable[[YlhClient], Awaitable[Sequence[object]]]",
    columns: Sequence[Column],
    output: Output,
    *,
    trace: bool,
) -> None:
    from consumer.bootstrap.by_hand import ylh_by_hand

    settings = settings_for("ylh", "database")

    async def asked() -> Sequence[object]:
        async with books(settings) as store, ylh_by_hand(settings, settings.ylh, store) as client:
            return await ask(client)

    _run(asked, columns, Printer(output, settings.service.timezone), settings.secrets(), trace=trace)


def _readable(looks: "Sequence[Look[T]]") -> list[T]:
    """Return what was found; what could not be read of an entry is told on stderr."""
    for look in looks:
        for entry in look.unreadable:
            whose = clean(entry.product_code) or "an entry without a code"
            talk().print(f"Not shown: {whose} ({entry.reason}).", markup=False, soft_wrap=True)
    return [one for look in looks for one in look.found]


def _run(
    asked: Callable[[], Coroutine[object, object, Sequence[object]]],
    columns: Sequence[Column],
    printer: Printer,
    secrets: frozenset[str],
    *,
    trace: bool,
) -> None:
    from consumer.domain.errors import Rejected
    from consumer.observability.redaction import Redactor

    redactor = Redactor(secrets=secrets)
    with traced_log(secrets, printer.timezone) if trace else quiet_log():
        try:
            found = asyncio.run(asked())
        except Rejected as error:
            words = redactor.text(error.supplier_message or "no words")
            raise Failure(
                f"{error.supplier} refuses {error.operation} (code {error.supplier_code or 'none'}): {words}"
            ) from error
    printer.rows([_row(one, redactor.text) for one in found], columns, empty="The supplier has nothing to tell.")


def _row(one: object, mask: Callable[[str], str]) -> dict[str, object]:
    """Return a value of ours as a row; a courier's words may hold his telephone number or the customer's."""
    row: dict[str, object] = asdict(one)  # type: ignore[call-overload] # the clients give dataclasses, each another
    traces = row.get("traces")
    if isinstance(traces, tuple | list):
        row["traces"] = [{**trace, "text": mask(trace["text"])} for trace in traces]
    return row
