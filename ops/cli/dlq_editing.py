"""`relay dlq edit`: change a dead letter's event, see the difference, have it replayed as a new event."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import uuid4

import typer

from ops.cli.asking import books, settings_for
from ops.cli.confirming import DryRunOption, YesOption, confirm
from ops.cli.failing import ExitCode, Failure
from ops.cli.letter_filters import letter_beginning
from ops.cli.printing import Column, Output, OutputOption, Printer, say
from ops.cli.reasons import said

if TYPE_CHECKING:
    from consumer.deadletters.editing import Difference, Edited
    from consumer.domain.replay import Plan
    from consumer.domain.writes import Letter
    from consumer.persistence.store import Store
    from consumer.settings import Settings

DIFFERENCES: Final = [Column("field", "Field"), Column("before", "Before"), Column("after", "After")]
_REPLAY: Final = [Column("replay", "Replay"), Column("event_id", "New event"), Column("letter", "Letter")]


def edit(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Id of an open letter, or its beginning.")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with your name in the audit log.")],
    patch: Annotated[
        str | None, typer.Option(metavar="JSON|@FILE", help="A JSON merge patch (RFC 7396) for the event.")
    ] = None,
    file: Annotated[str | None, typer.Option(metavar="FILE|-", help="The whole event as it shall be.")] = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Change a letter's event and have it replayed as a new one; the original is kept.

    Without --patch or --file $VISUAL or $EDITOR opens it. What breaks the contract is told field by field, not sent.
    """
    reason = said(reason)
    if patch is not None and file is not None:
        raise Failure("Give --patch or --file, not both.", ExitCode.USAGE)
    settings = settings_for("database")
    asyncio.run(_edit(settings, id_, reason, patch, file, output, yes=yes, dry_run=dry_run))


async def _edit(
    settings: "Settings",
    id_: str,
    reason: str,
    patch: str | None,
    file: str | None,
    output: Output,
    *,
    yes: bool,
    dry_run: bool,
) -> None:
    from consumer.deadletters.editing import edited
    from ops.acting import act, acting

    printer = Printer(output, settings.service.timezone)
    async with books(settings) as store, acting(store, None if dry_run else act("dlq.edit", id_, reason)):
        letter = await _open_letter(store, id_)
        before = _document(letter.body)
        with _written(letter, before, patch, file, dry_run=dry_run) as document:
            made = edited(letter, document, event_id=str(uuid4()), max_bytes=settings.broker.max_event_bytes)
            changed = _changed(before, made)
            if printer.for_people and changed:
                printer.rows([asdict(one) for one in changed], DIFFERENCES, empty="")
            if dry_run:
                say("The event fits the contract; nothing was sent.")
                return
            confirm(settings, f"Replay it as the new event {made.event.id}?", 1, yes=yes)
            plan = await _replayed(settings, store, letter, made, changed, reason)
    printer.record({"replay": plan.id, "event_id": made.event.id, "letter": letter.id}, _REPLAY)
    if printer.for_people:
        say(f"`relay replay status {plan.id}` tells what comes of it; `relay consume` has to run.")


def _changed(before: Any, made: "Edited") -> "list[Difference]":
    """Return what is another in the new event; nothing where there was no document before."""
    from consumer.deadletters.editing import differences

    if before is None:
        return []
    changed = differences(before, json.loads(made.body))
    if not changed:
        raise Failure("Nothing was changed, so nothing is sent. `relay replay plan` sends a letter as it is.")
    return changed


async def _replayed(
    settings: "Settings", store: "Store", letter: "Letter", made: "Edited", changed: "list[Difference]", reason: str
) -> "Plan":
    from consumer.deadletters.planning import Planner
    from consumer.domain.replay import Terms
    from ops.acting import act

    fields = ", ".join(one.field for one in changed) or "the whole body"
    entry = act("dlq.edit", letter.id, reason, {"changed": fields[:1000], "event_id": made.event.id})
    planner = Planner(store.ledger, store, max_event_bytes=settings.broker.max_event_bytes)
    plan = await planner.edited(letter, made.event, made.body, by=entry.actor, now=datetime.now(UTC))
    [item] = plan.items
    if item.reason is not None:
        raise Failure(f"Nothing would come of it: {item.reason}.", ExitCode.NOT_ALLOWED)
    await store.replays.keep(plan)
    await store.replays.start(plan.id, Terms(canary=()), replace(entry, detail={**entry.detail, "replay": plan.id}))
    return plan


async def _open_letter(store: "Store", start: str) -> "Letter":
    from consumer.domain.writes import LetterStatus

    letter = await letter_beginning(store, start)
    if letter.status is not LetterStatus.OPEN:
        raise Failure(
            f"Letter {letter.id} is {letter.status.value}; only an open one can be edited. `relay dlq show` tells "
            "more.",
            ExitCode.NOT_ALLOWED,
        )
    return letter


@contextmanager
def _written(letter: "Letter", before: Any, patch: str | None, file: str | None, *, dry_run: bool) -> Iterator[Any]:
    """Give what the person wants the event to be, as JSON; what an editor was used for is lost to no refusal."""
    from consumer.deadletters.editing import merged

    if patch is not None:
        if not isinstance(before, dict):
            raise Failure("The letter's body is no JSON object: a patch has nothing to change. Give --file.")
        text = Path(patch[1:]).read_bytes() if patch.startswith("@") else patch
        yield merged(before, _json(text, "--patch"))
        return
    if file is not None:
        yield _json(sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes(), file)
        return
    kept = _in_editor(letter.body if before is None else _pretty(before))
    try:
        yield _json(kept.read_bytes(), str(kept))
    except BaseException:
        say(f"Nothing was sent. What you wrote is kept in {kept}: mend it and give it with --file.")
        raise
    if dry_run:
        say(f"What you wrote is kept in {kept}: give it with --file.")
    else:
        kept.unlink()


def _in_editor(text: bytes) -> Path:
    """Have the person change ``text`` in a file that only they can read; return it."""
    if not sys.stdin.isatty():
        raise Failure("There is no terminal for an editor. Give --patch or --file.", ExitCode.USAGE)
    handle, name = tempfile.mkstemp(prefix="relay-letter-", suffix=".json")
    with os.fdopen(handle, "wb") as opened:
        opened.write(text)
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        ended = subprocess.run([*shlex.split(editor), name], check=False)  # noqa: S603 - the person's own editor
    except (OSError, ValueError) as error:
        Path(name).unlink()
        why = getattr(error, "strerror", None) or "its quotes do not match"
        raise Failure(f"The editor {editor!r} does not start ({why}). Set EDITOR.") from error
    if ended.returncode:
        Path(name).unlink()
        raise Failure(f"The editor {editor!r} ended with {ended.returncode}; nothing was done.")
    return Path(name)


def _document(body: bytes) -> Any:
    """Return a letter's body as JSON; None where it is none."""
    from consumer.deadletters.editing import parsed

    try:
        return parsed(body)
    except ValueError:
        return None


def _pretty(document: Any) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode("utf-8", "backslashreplace")


def _json(text: str | bytes, where: str) -> Any:
    from consumer.deadletters.editing import parsed

    try:
        return parsed(text)
    except ValueError as error:
        raise Failure(f"{where} is no JSON that can be an event: {error}.", ExitCode.USAGE) from None
