"""`relay dlq`: dead letters by cause and one by one; noted, discarded, restored, purged."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ops.cli import dlq_editing, dlq_showing
from ops.cli.asking import books, settings_for
from ops.cli.confirming import DryRunOption, NotAskedOption, YesOption, confirm
from ops.cli.failing import ExitCode, Failure
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
    error_class,
    letter_beginning,
    letter_status,
    moment,
)
from ops.cli.printing import Column, Output, OutputOption, Printer, say
from ops.cli.reasons import kept, said

if TYPE_CHECKING:
    from consumer.domain.ledger import Acted, Group, Selection
    from consumer.domain.writes import Letter
    from consumer.settings import Settings

app = typer.Typer(help="Dead letters: what could not be carried through, and why.", no_args_is_help=True)

ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept with your name in the audit log.")]
IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids of letters, whole.")]
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
_ACTED: Final = [Column("done", "Done", right=True), Column("left", "Left", right=True)]


def _selection(  # every filter is an option of the command line
    settings: "Settings",
    *,
    ids: "list[str] | None" = None,
    lane: str | None,
    type_: str | None,
    class_: str | None,
    fingerprint: str | None,
    so_id: str | None,
    text: str | None,
    since: str | None,
    until: str | None,
    status: str,
) -> "Selection":
    from consumer.domain.ledger import Selection

    zone, now = settings.service.timezone, datetime.now(UTC)
    return Selection(
        ids=tuple(ids or ()),
        lane=lane,
        type=type_,
        error_class=error_class(class_),
        fingerprint=fingerprint,
        so_id=so_id,
        text=text,
        since=moment(since, "--since", zone, now),
        until=moment(until, "--until", zone, now),
        status=letter_status(status),
    )


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
    selection = _selection(
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
    selection = _selection(
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

    async def found() -> "list[Letter]":
        async with books(settings) as store:
            return await store.ledger.letters(selection, limit=limit)

    rows = [_letter(letter) for letter in asyncio.run(found())]
    Printer(output, settings.service.timezone).rows(rows, _LETTERS, empty="No letter is meant by that.")


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
    selection = _selection(
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


@app.command()
def note(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Id of a letter, or its beginning.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to remember.")],
    *,
    yes: NotAskedOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Note something on a letter, for whoever looks at it next."""
    del yes  # nobody is asked
    if not text.strip():
        raise Failure("The note is empty.", ExitCode.USAGE)
    text = kept(text)

    async def noted(settings: "Settings") -> None:
        from ops.acting import act

        async with books(settings) as store:
            letter = await letter_beginning(store, id_)
            if dry_run:
                say(f"Would note that on letter {letter.id}; nothing was done.")
                return
            await store.ledger_acts.note(letter.id, text, act("dlq.note", letter.id, None))

    asyncio.run(noted(settings_for("database")))


app.command("edit")(dlq_editing.edit)


@app.command()
def discard(
    ids: IdsArgument = None,
    *,
    reason: ReasonOption,
    lane: LaneOption = None,
    type_: TypeOption = None,
    class_: ClassOption = None,
    fingerprint: FingerprintOption = None,
    so_id: SoIdOption = None,
    text: TextOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say that nothing is to be done about open letters. `restore` opens them again."""
    settings = settings_for("database")
    selection = _selection(
        settings,
        ids=ids,
        lane=lane,
        type_=type_,
        class_=class_,
        fingerprint=fingerprint,
        so_id=so_id,
        text=text,
        since=since,
        until=until,
        status="any" if ids else "open",
    )
    raise typer.Exit(asyncio.run(_turn(settings, "discard", selection, reason, output, yes=yes, dry_run=dry_run)))


@app.command()
def restore(
    ids: IdsArgument = None,
    *,
    reason: ReasonOption,
    fingerprint: FingerprintOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Open discarded letters again."""
    settings = settings_for("database")
    selection = _selection(
        settings,
        ids=ids,
        lane=None,
        type_=None,
        class_=None,
        fingerprint=fingerprint,
        so_id=None,
        text=None,
        since=since,
        until=until,
        status="any" if ids else "discarded",
    )
    raise typer.Exit(asyncio.run(_turn(settings, "restore", selection, reason, output, yes=yes, dry_run=dry_run)))


@app.command()
def purge(
    *,
    older_than: Annotated[str, typer.Option("--older-than", metavar="DURATION", help="Closed longer ago, e.g. 30d.")],
    reason: ReasonOption,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Delete letters that were closed longer ago than that, with their notes and their replays. Open ones stay."""
    from consumer.settings.values import duration

    try:
        age = duration(older_than)
    except ValueError as error:
        raise Failure(f"--older-than {older_than} {error}; write 30d or 12h.", ExitCode.USAGE) from None
    reason = said(reason)
    settings = settings_for("database")

    async def purged() -> None:
        from ops.acting import act, acting

        async with books(settings) as store:
            count, before = await store.ledger_acts.purgeable(age)
            if dry_run:
                say(f"Would delete {count} letters; nothing was done.")
                return
            entry = act("dlq.purge", None, reason, {"older_than": older_than, "letters": count})
            async with acting(store, entry):
                confirm(settings, f"Delete {count} closed letters for good?", count, yes=yes)
            say(f"{await store.ledger_acts.purge(before, entry)} letters deleted.")

    asyncio.run(purged())


async def _turn(
    settings: "Settings",
    what: str,
    selection: "Selection",
    reason: str,
    output: Output,
    *,
    yes: bool,
    dry_run: bool,
) -> ExitCode:
    from ops.acting import act, acting

    reason = said(reason)
    if not set(selection.given()) - {"status"}:
        raise Failure("Say which letters: ids, --fingerprint, or another filter.", ExitCode.USAGE)
    async with books(settings) as store:
        # Frozen here: what comes while a person thinks is not meant.
        ids = await store.ledger.ids(selection)
        missing = sorted(set(selection.ids) - set(ids))
        if dry_run:
            say(f"Would {what} {len(ids)} letters; nothing was done.")
            return ExitCode.OK
        on = selection.fingerprint or (ids[0] if len(ids) == 1 else None)
        entry = act(f"dlq.{what}", on, reason, {"selection": selection.to_text()[:1000]})
        async with acting(store, entry):
            if not ids:
                raise Failure("No letter is meant by that; nothing was done. `relay dlq list` shows what there is.")
            confirm(settings, f"{what.capitalize()} {len(ids)} letters?", len(ids), yes=yes)
            deed = store.ledger_acts.discard if what == "discard" else store.ledger_acts.restore
            acted = await deed(ids, entry)
            if not acted.done:
                raise Failure(f"Nothing was done: {_why(acted, missing)}. Somebody else may have been faster.")
    left = {**acted.left, **dict.fromkeys(missing, "there is none of that id")}
    printer = Printer(output, settings.service.timezone)
    if printer.for_people:
        say(f"{len(acted.done)} letters done." + (f" Left: {_why(acted, missing)}." if left else ""))
    else:
        printer.record(
            {"done": len(acted.done), "left": [{"id": id_, "reason": why} for id_, why in left.items()]}, _ACTED
        )
    return ExitCode.PARTLY if left else ExitCode.OK


def _why(acted: "Acted", missing: list[str]) -> str:
    reasons = Counter(acted.left.values())
    if missing:
        reasons["there is none of that id"] += len(missing)
    return ", ".join(f"{count} × {reason}" for reason, count in reasons.most_common())


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


def _letter(letter: "Letter") -> dict[str, object]:
    return {
        "id": letter.id,
        "created_at": letter.created_at,
        "first_seen_at": letter.first_seen_at,
        "lane": letter.lane,
        "type": letter.type,
        "subject": letter.subject,
        "event_id": letter.event_id,
        "error_class": letter.error_class.value,
        "code": letter.code,
        "message": letter.message,
        "supplier": letter.supplier,
        "supplier_code": letter.supplier_code,
        "supplier_message": letter.supplier_message,
        "fingerprint": letter.fingerprint,
        "attempts": letter.attempt_count,
        "status": letter.status.value,
        "replay_id": letter.replay_id,
    }
