"""`relay order`: what our books say about an order. Never shows the consignee."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from dataclasses import asdict
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ops.cli import order_importing, order_searching, order_timeline
from ops.cli.asking import books, settings_for
from ops.cli.failing import Failure
from ops.cli.printing import Column, Output, OutputOption, Printer, console, write

if TYPE_CHECKING:
    from consumer.domain.order_parts import Stamp
    from consumer.settings import Settings
    from ops.orders import OrderView

app = typer.Typer(help="Orders in the service's books.", no_args_is_help=True)
app.command("timeline")(order_timeline.timeline)
app.command("list")(order_searching.list_)
app.command("find")(order_searching.find)
app.command("import")(order_importing.import_)

_FIELDS: Final = [
    Column("so_id", "so_id"),
    Column("state", "State"),
    Column("last_call_in_words", "Last call"),
    Column("last_call_at", "Last call at"),
    Column("online_no", "online_no"),
    Column("retail_order_no", "retail_order_no"),
    Column("ext_order_no", "ext_order_no"),
    Column("source_system", "Source system"),
    Column("applied_version", "Applied version"),
    Column("sequence", "Sequence"),
    Column("distribution_on", "Delivery on"),
    Column("install_on", "Installation on"),
    Column("goods_in_words", "Goods"),
    Column("held_in_words", "Waits for the order"),
    Column("answer_in_words", "YLH on the order"),
    Column("ending_in_words", "YLH on a cancel"),
    Column("fail_msg", "YLH's reason"),
    Column("error_in_words", "Last failure"),
    Column("created_at", "In the books since"),
    Column("state_since", "In this state since"),
    Column("updated_at", "Last written"),
    Column("lease_in_words", "Being worked on"),
    Column("paid_event_id", "order.paid id"),
]
_RESULTS: Final = [Column("type", "Result"), Column("at", "At"), Column("id", "Id")]
_LETTERS: Final = [
    Column("class", "Class"),
    Column("code", "Code"),
    Column("message", "Message"),
    Column("attempts", "Attempts", right=True),
    Column("at", "At"),
    Column("id", "Letter"),
]


@app.command()
def show(
    so_id: Annotated[str, typer.Argument(metavar="SO_ID", help="The shop's sub-order number.")],
    *,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show where an order stands, its last call, what was told about it, and what of it is parked."""
    settings = settings_for("database")
    view = asyncio.run(_read(settings, so_id))
    if view is None:
        raise Failure(
            f"The books at {settings.database.shown_url} have no order {so_id}. Check the number; an event of it may "
            "still wait (`relay queues`) or have been refused."
        )
    record = _record(view)
    printer = Printer(output, settings.service.timezone)
    if not printer.for_people:
        printer.record(record, ())
        return
    call = view.order.intent
    printer.record({**record, "last_call_at": call.occurred_at if call is not None else None}, _FIELDS)
    for rows, columns in ((_results(view), _RESULTS), (_letters(view), _LETTERS)):
        if rows:
            write("")
            console().print(printer.table(rows, columns))


async def _read(settings: "Settings", so_id: str) -> "OrderView | None":
    from ops.orders import view_of

    async with books(settings) as store:
        return await view_of(store, so_id)


def _record(view: "OrderView") -> dict[str, object]:
    from ops.orders import call_in_words, goods_in_words, held_in_words

    order, call = view.order, view.order.intent
    return {
        "so_id": order.so_id,
        "state": order.state.value,
        "applied_version": order.applied_version,
        "sequence": order.sequence,
        "online_no": order.online_no,
        "retail_order_no": order.retail_order_no,
        "ext_order_no": order.ext_order_no,
        "source_system": order.source_system,
        "distribution_on": order.days.distribution_on,
        "install_on": order.days.install_on,
        "paid_event_id": order.paid_event_id,
        "at_supplier": order.at_supplier,
        "refundable": order.refundable,
        **_stamp("answer", order.answer),
        **_stamp("ending", order.ending),
        "fail_msg": order.fail_msg,
        "error": None if order.error is None else {"code": order.error.code, "message": order.error.message},
        "error_in_words": None if order.error is None else f"{order.error.code}: {order.error.message}",
        "goods": [asdict(item) for item in order.goods],
        "goods_in_words": [goods_in_words(item) for item in order.goods],
        "held": [{"event_id": held.key.event_id, "version": held.version, **asdict(held.days)} for held in order.held],
        "held_in_words": [held_in_words(held) for held in order.held],
        "created_at": order.created_at,
        "state_since": order.state_at,
        "updated_at": order.updated_at,
        "lease": None if view.lease is None else {"owner": view.lease.owner, "until": view.lease.until},
        "lease_in_words": None
        if view.lease is None
        else f"by {view.lease.owner}, until {view.lease.until:%H:%M:%S} UTC at the latest",
        "last_call": None
        if call is None
        else {
            "kind": call.kind.value,
            "outcome": call.outcome.value,
            "version": call.version,
            "at": call.occurred_at,
            "event_source": call.event_source,
            "event_id": call.event_id,
        },
        "last_call_in_words": None if call is None else call_in_words(call),
        "results": _results(view),
        "letters": _letters(view),
    }


def _stamp(track: str, stamp: "Stamp | None") -> dict[str, object]:
    """Return the newest callback of a track; its time is by YLH's clock."""
    from ops.orders import word_in_words

    if stamp is None:
        return {track: None, f"{track}_in_words": None}
    said = f"{word_in_words(stamp.word)} (TimeStamp {stamp.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)"
    return {track: {"word": stamp.word.value, "at": stamp.at}, f"{track}_in_words": said}


def _results(view: "OrderView") -> list[dict[str, object]]:
    return [{"type": one.routing_key, "id": one.id, "at": one.created_at} for one in view.results]


def _letters(view: "OrderView") -> list[dict[str, object]]:
    return [
        {
            "id": letter.id,
            "lane": letter.lane,
            "type": letter.type,
            "class": letter.error_class.value,
            "code": letter.code,
            "message": letter.message,
            "attempts": letter.attempt_count,
            "at": letter.created_at,
        }
        for letter in view.letters
    ]
