"""`relay supplier test`: a login, and one harmless call to each endpoint."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from ops.cli.asking import quiet_log, settings_for
from ops.cli.failing import ExitCode
from ops.cli.printing import NOTHING, Column, Output, OutputOption, Printer, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.settings import Settings
    from ops.suppliers.trying import Subjects, Tried

Name = Literal["haier", "ylh"]


def _took(value: object) -> str:
    return f"{value * 1000:.0f} ms" if isinstance(value, float) else NOTHING


_COLUMNS: Final = [
    Column("supplier", "Supplier"),
    Column("call", "Call"),
    Column("verdict", "Came to", show=lambda value: str(value).replace("_", " ")),
    Column("seconds", "Took", right=True, show=_took),
    Column("told", "What came"),
]


def try_out(
    supplier: Annotated[Name | None, typer.Argument(help="Which supplier; both if left out.")] = None,
    *,
    product: Annotated[str | None, typer.Option(help="A product code to ask about; else one that is made up.")] = None,
    county: Annotated[str | None, typer.Option(help="A county (six digits) to ask stock for.")] = None,
    order: Annotated[str | None, typer.Option(help="An SO number to ask about; else one that is made up.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Log in at the suppliers and call each endpoint once, without changing anything there.

    A refusal of a made-up number counts as an answer. Create, cancel and reschedule are not tried: they would change
    something. 0: all is well. 1: something was refused or is not as documented. 5: a supplier is out of reach.
    """
    from ops.suppliers.trying import Subjects, Verdict

    names: tuple[Name, ...] = ("haier", "ylh") if supplier is None else (supplier,)
    settings = settings_for("database", *(name for name in names if name == "ylh"))
    chosen = {"product": product, "county": county, "order": order}
    subjects = Subjects(**{name: value for name, value in chosen.items() if value is not None})
    with quiet_log():
        tries = asyncio.run(_tried(settings, names, subjects))
    Printer(output, settings.service.timezone).rows([asdict(one) for one in tries], _COLUMNS, empty="")
    bad = [one for one in tries if one.verdict in {Verdict.REFUSED, Verdict.OUT_OF_REACH}]
    if any(one.verdict is Verdict.REFUSED for one in bad):
        raise typer.Exit(ExitCode.FAILED)
    if bad:
        raise typer.Exit(ExitCode.OUT_OF_REACH)


async def _tried(settings: "Settings", names: "Sequence[Name]", subjects: "Subjects") -> "list[Tried]":
    from consumer.bootstrap.by_hand import haier_by_hand, ylh_by_hand
    from consumer.suppliers.quota import LocalSlots
    from ops.accounts.using import account_for_a_try
    from ops.suppliers.trying import haier_trials, tried, ylh_trials

    # A handful of calls one after the other: they need no database, which may not be set up yet.
    slots = LocalSlots()
    found = []
    for name in names:
        if name == "haier":
            account = await account_for_a_try(settings)
            say(f"haier: {account.told}")
            async with haier_by_hand(settings, account, slots) as haier:
                found += [one async for one in tried(haier_trials(haier, subjects))]
        else:
            async with ylh_by_hand(settings, settings.ylh, slots) as ylh:
                found += [one async for one in tried(ylh_trials(ylh, subjects))]
    return found
