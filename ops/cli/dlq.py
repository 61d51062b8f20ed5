"""`relay dlq`: dead letters by cause and one by one. What is done to them is in modules of its own."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ops.cli import dlq_acting, dlq_editing, dlq_showing
from ops.cli.asking import books, settings_for
from ops.cli.letter_filters import (
    ClassOption,
    FingerprintOption,
    LaneOption,
    SinceOption,
    SoIdOption,
    StatusOption,
    TextOption,
    TypeOption,
    UntilOption,
    selection_of,
)
from ops.cli.printing import Column, Output, OutputOption, Printer, say

if TYPE_CHECKING:
    from consumer.domain.ledger import Group

app = typer.Typer(help="Dead letters: what could not be carried through, and why.", no_args_is_help=True)

_GROUPS: Final = [
    Column("fingerprint", "Fingerprint"),
    Column("count", "Letters", right=True),
    Column("orders", "Orders", right=True),
    Column("error_class", "Class"),
    Column("code", "Code"),
    Column("supplier", "Supplier"),
    Column("lanes", "Lanes"),
    Column("first", "First"),
    Column("last", "Last"),
    Column("trend_in_words", "Last hour (before)"),
    Column("message", "Message"),
]
_LETTERS: Final = [
    Column("id", "Id"),
    Column("created_at", "Filed"),
    Column("lane", "Lane"),
    Column("type", "Type"),
    Column("subject", "About"),
    Column("error_class", "Class"),
    Column("code", "Code"),
    Column("attempts", "Attempts", right=True),
    Column("status", "Status"),
    Column("message", "Message"),
]


@app.command()
def groups(
    *,
    lane: LaneOption = None,
    type_: TypeOption = None,
    class_: ClassOption = None,
    so_id: SoIdOption = None,
    text: TextOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show open letters by cause, the largest group first, with how many came lately."""
    settings = settings_for("database")
    selection = selection_of(
        settings,
        lane=lane,
        type_=type_,
        class_=class_,
        fingerprint=None,
        so_id=so_id,
        text=text,
        since=since,
        until=until,
        status="open",
    )

    async def found() -> "list[Group]":
        async with books(settings) as store:
            return await store.ledger.groups(selection)

    printer = Printer(output, settings.service.timezone)
    printer.rows([_group(group) for group in asyncio.run(found())], _GROUPS, empty="There is no open dead letter.")


@app.command("list")
def list_(
    *,
    lane: LaneOption = None,
    type_: TypeOption = None,
    class_: ClassOption = None,
    fingerprint: FingerprintOption = None,
    so_id: SoIdOption = None,
    text: TextOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    status: StatusOption = "open",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, the newest first.")] = 50,
    output: OutputOption = Output.TABLE,
) -> None:
    """List letters, the newest first."""
    settings = settings_for("database")
    selection = selection_of(
        settings,
        lane=lane,
        type_=type_,
        class_=class_,
        fingerprint=fingerprint,
        so_id=so_id,
        text=text,
        since=since,
        until=until,
        status=status,
    )

    async def found() -> "list[dict[str, Any]]":
        async with books(settings) as store:
            return await store.ledger.listed(selection, limit=limit)

    Printer(output, settings.service.timezone).rows(asyncio.run(found()), _LETTERS, empty="No letter is meant by that.")


app.command("show")(dlq_showing.show)
app.command("explain")(dlq_showing.explain)


@app.command()
def export(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="Where to; - is stdout.")] = "-",
    *,
    lane: LaneOption = None,
    type_: TypeOption = None,
    class_: ClassOption = None,
    fingerprint: FingerprintOption = None,
    so_id: SoIdOption = None,
    text: TextOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    status: StatusOption = "open",
) -> None:
    """Write letters as NDJSON, the oldest first, with bodies and headers as they are: customers' data too. Audited."""
    from ops.cli.dlq_exporting import export_to

    settings = settings_for("database")
    selection = selection_of(
        settings,
        lane=lane,
        type_=type_,
        class_=class_,
        fingerprint=fingerprint,
        so_id=so_id,
        text=text,
        since=since,
        until=until,
        status=status,
    )
    count = asyncio.run(export_to(settings, selection, file))
    say(f"{count} letters written.")


app.command("note")(dlq_acting.note)
app.command("edit")(dlq_editing.edit)
app.command("discard")(dlq_acting.discard)
app.command("restore")(dlq_acting.restore)
app.command("purge")(dlq_acting.purge)


def _group(group: "Group") -> dict[str, object]:
    return {
        "fingerprint": group.fingerprint,
        "count": group.count,
        "error_class": group.error_class.value,
        "code": group.code,
        "supplier": group.supplier,
        "message": group.message,
        "lanes": list(group.lanes),
        "types": list(group.types),
        "orders": group.subjects,
        "first": group.first_at,
        "last": group.last_at,
        "trend": {"last_hour": group.last_hour, "hour_before": group.hour_before},
        "trend_in_words": f"{group.last_hour} ({group.hour_before})",
        "sample": group.sample,
    }
