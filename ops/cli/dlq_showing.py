"""`relay dlq show` and `explain`: one letter, all that it knows, and what to do about it."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ops.cli.asking import books, settings_for
from ops.cli.letter_filters import letter_beginning
from ops.cli.printing import Column, Output, OutputOption, Printer, document, write

if TYPE_CHECKING:
    from consumer.domain.ledger import Note
    from consumer.domain.writes import Letter
    from consumer.settings import Settings

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of a letter, or its beginning.")]
_FIELDS: Final = [
    Column("id", "Id"),
    Column("status", "Status"),
    Column("lane", "Lane"),
    Column("type", "Type"),
    Column("subject", "About"),
    Column("error_class", "Class"),
    Column("code", "Code"),
    Column("message", "Message"),
    Column("supplier", "Supplier"),
    Column("supplier_code", "Supplier's code"),
    Column("supplier_message", "Supplier's words"),
    Column("fingerprint", "Fingerprint"),
    Column("event_source", "Source"),
    Column("event_id", "Event"),
    Column("message_id", "Message id"),
    Column("first_seen_at", "First seen"),
    Column("created_at", "Filed"),
    Column("closed_at", "Closed"),
    Column("replay_id", "Replay"),
    Column("follows", "Came back from"),
    Column("followed_by", "Came back as"),
]
_ATTEMPTS: Final = [
    Column("attempt", "Attempt", right=True),
    Column("at", "At"),
    Column("seconds", "Seconds", right=True),
    Column("class", "Class"),
    Column("code", "Code"),
    Column("status", "HTTP", right=True),
    Column("supplier_code", "Supplier's code"),
    Column("supplier_message", "Supplier's words"),
    Column("message", "Message"),
]
_NOTES: Final = [Column("at", "Noted"), Column("actor", "By"), Column("note", "Note")]
_CHANGES: Final = [
    Column("field", "Edited before it was sent"),
    Column("before", "Before"),
    Column("after", "After"),
]
_EXPLAINED: Final = [
    Column("letter", "Letter"),
    Column("message", "Message"),
    Column("supplier_message", "Supplier's words"),
    Column("why", "Why"),
    Column("now", "Now"),
    Column("commands", "Type", show=lambda commands: "\n".join(commands) if isinstance(commands, list) else ""),
]


def show(
    id_: IdArgument,
    *,
    personal: Annotated[
        bool, typer.Option("--personal", help="Show the customer's data in the body too; audited.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show all that a letter knows: body, headers, attempts, notes, replays. The customer is masked."""
    settings = settings_for("database")
    letter, notes, followers, edited = asyncio.run(_known(settings, id_, revealed=personal))
    told = _told(letter, personal=personal) | {"followed_by": [one.id for one in followers]}
    changes = _changes(letter, edited)
    attempts: list[dict[str, Any]] = [_timed(entry) for entry in json.loads(letter.attempts)]
    noted = [{"at": note.at, "actor": note.actor, "note": note.note} for note in notes]
    printer = Printer(output, settings.service.timezone)
    if not printer.for_people:
        printer.record(told | {"attempts": attempts, "notes": noted, "edited": changes}, _FIELDS)
        return
    printer.record(told, _FIELDS)
    if attempts:
        used = {name for entry in attempts for name in entry}
        printer.rows(attempts, [column for column in _ATTEMPTS if column.key in used], empty="")
    if noted:
        printer.rows(noted, _NOTES, empty="")
    if changes:
        printer.rows(changes, _CHANGES, empty="")
    if letter.traceback:
        write(letter.traceback.rstrip())
    write(document({"headers": told["headers"], "body": told["body"]}))


def explain(id_: IdArgument, *, output: OutputOption = Output.TABLE) -> None:
    """Say in words why a letter failed, whether a replay can work now, and what to type."""
    settings = settings_for("database")
    told = asyncio.run(_explained(settings, id_))
    Printer(output, settings.service.timezone).record(told, _EXPLAINED)


async def _known(
    settings: "Settings", start: str, *, revealed: bool
) -> "tuple[Letter, list[Note], list[Letter], bytes | None]":
    from ops.acting import act

    async with books(settings) as store:
        letter = await letter_beginning(store, start)
        if revealed:
            # Before anything is shown: who looked is known, whatever becomes of the output.
            await store.audit(act("dlq.reveal", letter.id, None))
        edited = await store.replay_looks.edited(letter.replay_id, letter.id) if letter.replay_id else None
        return letter, await store.ledger.notes(letter.id), await store.ledger.following(letter.id), edited


async def _explained(settings: "Settings", start: str) -> dict[str, object]:
    from consumer.deadletters.planning import Planner
    from consumer.domain.ledger import Selection
    from ops.deadletters.explaining import explain as explained
    from ops.demo.texts import language_of

    async with books(settings) as store:
        letter = await letter_beginning(store, start)
        planner = Planner(store.ledger, store, max_event_bytes=settings.broker.max_event_bytes)
        plan = await planner.plan(Selection(ids=(letter.id,), status=None), by="", now=datetime.now(UTC))
        followers = await store.ledger.following(letter.id)
        pauses = await store.supplier_pauses()
    [item] = plan.items
    found = explained(letter, item, pauses, followers, language_of(os.environ))
    return {
        "letter": letter.id,
        "message": letter.message,
        "supplier_message": letter.supplier_message,
        "why": found.why,
        "can_replay": found.can_replay,
        "now": found.now,
        "commands": list(found.commands),
        "calls": dict(item.calls) if found.can_replay else {},
    }


def _told(letter: "Letter", *, personal: bool) -> dict[str, Any]:
    from consumer.deadletters.editing import parsed
    from ops.cli.dlq_exporting import whole
    from schemas.personal import mask_document

    told = whole(letter)
    try:
        body = parsed(letter.body)
    except ValueError:
        # It may hold anything, in whatever encoding, however deep.
        told.setdefault("body", told.get("body_base64"))
        if not personal:
            told.pop("body_base64", None)
            told["body"] = f"{len(letter.body)} bytes that are no event; --personal shows them"
        return told
    told.pop("body_base64", None)
    return told | {"body": body if personal else mask_document(body)}


def _changes(letter: "Letter", edited: bytes | None) -> list[dict[str, str | None]]:
    """Return what a person has changed in what was sent in place of the letter, personal values masked."""
    from consumer.deadletters.editing import differences, parsed

    if not edited:
        return []
    try:
        before = parsed(letter.body)
    except ValueError:
        return [{"field": "the whole body", "before": None, "after": None}]
    return [asdict(one) for one in differences(before, parsed(edited))]


def _timed(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an attempt with its time as one, where it is one."""
    try:
        return entry | {"at": datetime.fromisoformat(str(entry.get("at")))}
    except ValueError:
        return entry
