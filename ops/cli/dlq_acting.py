"""`relay dlq note`, `discard`, `restore` and `purge`: what people do to letters, apart from sending them again."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ops.cli.asking import books, settings_for
from ops.cli.confirming import DryRunOption, NotAskedOption, YesOption, confirm
from ops.cli.failing import ExitCode, Failure
from ops.cli.letter_filters import (
    ClassOption,
    FingerprintOption,
    LaneOption,
    SinceOption,
    SoIdOption,
    TextOption,
    TypeOption,
    UntilOption,
    letter_beginning,
    selection_of,
)
from ops.cli.printing import Column, Output, OutputOption, Printer, say
from ops.cli.reasons import kept, said

if TYPE_CHECKING:
    from consumer.domain.ledger import Acted, Selection
    from consumer.settings import Settings

ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept with your name in the audit log.")]
IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids of letters, whole.")]
_ACTED: Final = [Column("done", "Done", right=True), Column("left", "Left", right=True)]


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
        from ops.acting import act, acting

        async with books(settings) as store, acting(store, None if dry_run else act("dlq.note", id_, None)):
            letter = await letter_beginning(store, id_)
            if dry_run:
                say(f"Would note that on letter {letter.id}; nothing was done.")
                return
            await store.ledger_acts.note(letter.id, text, act("dlq.note", letter.id, None))

    asyncio.run(noted(settings_for("database")))


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
    selection = selection_of(
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
    selection = selection_of(
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
                code = ExitCode.NOT_ALLOWED if acted.left else ExitCode.FAILED
                raise Failure(f"Nothing was done: {_why(acted, missing)}. Somebody else may have been faster.", code)
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
