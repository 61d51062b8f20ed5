"""`relay order list|find`: which orders wait, and which one a number means."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ops.cli.asking import books, settings_for
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import Column, Output, OutputOption, Printer, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.order import Order
    from consumer.settings import Settings

_COLUMNS: Final = [
    Column("so_id", "so_id"),
    Column("state", "State"),
    Column("since", "Since"),
    Column("online_no", "online_no"),
    Column("retail_order_no", "retail_order_no"),
    Column("ext_order_no", "ext_order_no"),
    Column("unknown_call", "Outcome unknown"),
]
_SHORTEST_END: Final = 4
_BETWEEN_DIGITS: Final = " -+()"
"""As a telephone number is printed."""
_MOST: Final = 1_000

LimitOption = Annotated[int, typer.Option("--limit", min=1, max=_MOST, help="At most so many.")]


def list_(
    *,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", help="Only in this state; may be given several times. Default: all that wait."),
    ] = None,
    older_than: Annotated[
        str, typer.Option("--older-than", help="Only what has been in its state for longer, such as 30m, 2h, 1d.")
    ] = "1s",
    limit: LimitOption = 100,
    output: OutputOption = Output.TABLE,
) -> None:
    """List orders by state, who has waited longest first.

    An order that waits for an answer of YLH is a fault that nobody reports: look at `pushed` and `cancelling`.
    """
    from consumer.domain.order import OrderState
    from consumer.persistence.stories import WAITING
    from consumer.settings.values import duration

    known = [one.value for one in OrderState]
    unknown = [one for one in state or () if one not in known]
    if unknown:
        raise Failure(f"--state: {', '.join(unknown)} is no state; there are {', '.join(known)}.", ExitCode.USAGE)
    try:
        age = duration(older_than)
    except ValueError as error:
        raise Failure(f"--older-than: {error}", ExitCode.USAGE) from None
    settings = settings_for("database")
    states = [OrderState(one) for one in dict.fromkeys(state or ())] or list(WAITING)
    orders = asyncio.run(_waiting(settings, states, age, limit))
    _show(settings, orders, output, empty="No order has been in such a state for so long.")
    if len(orders) == limit:
        say(f"There may be more: --limit {limit}.")


def find(
    number: Annotated[
        str,
        typer.Argument(metavar="NUMBER", help="Any number of an order, or the end of its customer's telephone number."),
    ],
    *,
    limit: LimitOption = 100,
    output: OutputOption = Output.TABLE,
) -> None:
    """Find orders by any of their numbers, or by the last four or more digits of the customer's telephone."""
    settings = settings_for("database")
    orders = asyncio.run(_found(settings, number.strip(), limit))
    _show(settings, orders, output, empty=f"No order bears {number}, and no customer's number ends so.")
    if not orders:
        raise typer.Exit(ExitCode.FAILED)
    if len(orders) == limit:
        say(f"There may be more: --limit {limit}.")


async def _waiting(settings: "Settings", states: "Sequence[Any]", age: timedelta, limit: int) -> "list[Order]":
    async with books(settings) as store:
        return await store.stories.waiting(states, older_than=age, limit=limit)


async def _found(settings: "Settings", number: str, limit: int) -> "list[Order]":
    digits = "".join(one for one in number if one not in _BETWEEN_DIGITS)
    async with books(settings) as store:
        found = {order.so_id: order for order in await store.stories.found(number, limit=limit)}
        if digits.isdecimal() and len(digits) >= _SHORTEST_END:
            found |= {order.so_id: order for order in await store.stories.of_mobile(digits, limit=limit)}
    return sorted(found.values(), key=lambda order: order.so_id)[:limit]


def _show(settings: "Settings", orders: "list[Order]", output: Output, *, empty: str) -> None:
    printer = Printer(output, settings.service.timezone)
    printer.rows([_row(order) for order in orders], _COLUMNS, empty=empty)


def _row(order: "Order") -> dict[str, object]:
    call = order.intent
    since = order.state_at
    return {
        "so_id": order.so_id,
        "state": order.state.value,
        "since": since,
        "age_seconds": None if since is None else round((datetime.now(UTC) - since).total_seconds()),
        "online_no": order.online_no,
        "retail_order_no": order.retail_order_no,
        "ext_order_no": order.ext_order_no,
        "unknown_call": call.kind.value if call is not None and call.unanswered else None,
    }
