"""`relay order timeline`: how an order came about."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ops.cli.asking import books, settings_for
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import Column, Output, OutputOption, Printer, console, say, write
from ops.cli.reasons import kept

if TYPE_CHECKING:
    from consumer.settings import Settings

_HEAD: Final = [
    Column("so_id", "so_id"),
    Column("state", "State"),
    Column("online_no", "online_no"),
    Column("retail_order_no", "retail_order_no"),
    Column("ext_order_no", "ext_order_no"),
    Column("consignee_in_words", "Consignee"),
]
_MOMENTS: Final = [
    Column("at", "At"),
    Column("kind", "What"),
    Column("what", "Which"),
    Column("said", ""),
    Column("event_id", "Event"),
]


def timeline(
    so_id: Annotated[str, typer.Argument(metavar="SO_ID", help="The shop's sub-order number.")],
    *,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show the consignee; needs --reason, and is audited.")
    ] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; kept with your name in the audit log.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show all that is known of an order, in order of time: events, attempts, callbacks, results, acts of people.

    JSON: {so_id, state, online_no, retail_order_no, ext_order_no, applied_version, consignee: {name, mobile, address},
    timeline: [{at, kind, what, said, event_id, …}]}, where kind is received, attempt, call, callback, parked, state,
    done, sent, result, shipment or act; NDJSON: one object of the timeline a line. An order of which there are only
    letters has state null.
    """
    if reveal and not (reason and reason.strip()):
        raise Failure("--reveal shows a customer's name, telephone and address: say why with --reason.", ExitCode.USAGE)
    settings = settings_for("database")
    found = asyncio.run(_look(settings, so_id, kept(reason) if reveal and reason else None))
    printer = Printer(output, settings.service.timezone)
    if output is Output.NDJSON:
        for moment in found["timeline"]:
            printer.line(moment)
        return
    if not printer.for_people:
        printer.record(found, ())
        return
    who = found["consignee"]
    words = None if who is None else " ".join(str(part) for part in who.values())
    printer.record({**found, "consignee_in_words": words}, _HEAD)
    write("")
    console().print(printer.table(found["timeline"], _MOMENTS))
    if who is not None and not reveal:
        say("The consignee is masked; --reveal --reason … shows it.")


async def _look(settings: "Settings", so_id: str, reveal_because: str | None) -> dict[str, Any]:
    from consumer.domain.order import Order
    from ops.acting import act
    from ops.order_story import act_of, consignee, masked_consignee, story_of

    async with books(settings) as store:
        known = (await store.orders([so_id])).get(so_id)
        order = known or Order(so_id)
        moments = story_of(order, await store.stories.traces(order))
        if known is None and not moments:
            raise Failure(
                f"The books at {settings.database.shown_url} have no order {so_id}. `relay order find` looks for any "
                "of its numbers; an event of it may still wait (`relay queues`)."
            )
        if reveal_because is not None:
            # Written before it is shown: nobody sees a customer without a trace of it.
            moments.append(act_of(await store.audit(act("order.reveal", so_id, reveal_because))))
        return {
            "so_id": order.so_id,
            "state": None if known is None else order.state.value,
            "online_no": order.online_no,
            "retail_order_no": order.retail_order_no,
            "ext_order_no": order.ext_order_no,
            "applied_version": order.applied_version,
            "consignee": masked_consignee(order) if reveal_because is None else consignee(order),
            "timeline": [moment.record() for moment in moments],
        }
