"""`relay audit`: what people did, and whether the record of it is as it was written."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ops.cli.asking import books, settings_for
from ops.cli.failing import ExitCode, Failure
from ops.cli.letter_filters import moment
from ops.cli.printing import Column, Output, OutputOption, Printer, say, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.audit import AuditRow
    from consumer.persistence.audit import AuditFilter
    from consumer.settings import Settings
    from ops.audit.verifying import Verdict

app = typer.Typer(help="What people did: looking it up, and proving that nobody changed it.", no_args_is_help=True)

_ACTS: Final = [
    Column("sequence", "Row", right=True),
    Column("at", "At"),
    Column("actor", "Who"),
    Column("action", "What"),
    Column("subject", "On"),
    Column("reason", "Why"),
    Column("refused", "Refused, because"),
]
_PROOF: Final = [
    Column("rows", "Rows"),
    Column("first_at", "From"),
    Column("last_at", "To"),
    Column("head_in_words", "Head"),
    Column("signed", "Signatures that hold"),
    Column("unsigned", "Rows without one"),
    Column("keys", "Keys"),
    Column("log_directories", "Compared with the log in"),
    Column("heads_compared", "Heads in it"),
]
_FINDINGS: Final = [Column("rows_in_words", "Row", right=True), Column("kind", "What"), Column("sentence", "")]


@app.command("list")
def list_(
    *,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Done since: 2h ago, or 2026-11-23 09:00.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Done before that, as --since.")] = None,
    action: Annotated[
        str | None, typer.Option("--action", help="Only this act, such as replay.start; replay: all of replays.")
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="Only who has this text in the name.")] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="Only on exactly this.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many.")] = 50,
    output: OutputOption = Output.TABLE,
) -> None:
    """List acts of people, the newest first; also those that a rule refused.

    JSON: [{sequence, at, actor, action, subject, reason, refused, detail, mac}].
    """
    from consumer.persistence.audit import AuditFilter

    settings = settings_for("database")
    zone, now = settings.service.timezone, datetime.now(UTC)
    wanted = AuditFilter(
        since=moment(since, "--since", zone, now),
        until=moment(until, "--until", zone, now),
        action=action,
        actor=actor,
        subject=subject,
    )
    rows = asyncio.run(_acts(settings, wanted, limit))
    Printer(output, zone).rows([_act(row) for row in rows], _ACTS, empty="No such act is in the audit log.")
    if len(rows) == limit:
        say(f"There may be more: --limit {limit}.")


@app.command()
def verify(
    *,
    log_dir: Annotated[
        list[Path] | None,
        typer.Option(
            "--log-dir",
            help="Log files of a service to compare with, in place of RELAY_LOG_DIR; may be given for each machine.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Prove that the audit log is as it was written: no row changed, missing, moved or put in, and its end not cut off.

    Signatures are checked with the keys in RELAY_SECRET_KEY, old ones too; the end with the heads in the log files.
    0: all is well, 1: something is wrong, 3: nothing is signed and there is no log, so nothing is proven,
    5: the database or a log file cannot be read.
    """
    from ops.audit.heads import log_directory

    settings = settings_for("database")
    own = log_directory(settings)
    directories = log_dir or ([own] if own is not None and own.is_dir() else [])
    try:
        verdict = asyncio.run(_verified(settings, directories))
    except OSError as error:
        raise Failure(
            f"The log cannot be read, so nothing is proven: {error.filename}: {error.strerror}. Run this as somebody "
            "who may read it.",
            ExitCode.OUT_OF_REACH,
        ) from None
    if not verdict.sound and own is not None:
        _alarm(own, verdict)
    _show(verdict, _proof(settings, verdict, directories), Printer(output, settings.service.timezone))
    if not verdict.sound:
        raise typer.Exit(ExitCode.FAILED)
    if verdict.proves_nothing:
        raise typer.Exit(ExitCode.PARTLY)


async def _acts(settings: "Settings", wanted: "AuditFilter", limit: int) -> "Sequence[AuditRow]":
    async with books(settings) as store:
        return await store.acts(wanted, limit)


async def _verified(settings: "Settings", directories: "Sequence[Path]") -> "Verdict":
    from itertools import chain

    from consumer.domain.audit import ChainKey
    from ops.audit.heads import heads_in
    from ops.audit.verifying import verify

    keys = [ChainKey.derived(key.get_secret_value()) for key in settings.service.secret_keys]
    heads = chain.from_iterable(heads_in(directory) for directory in directories)
    async with books(settings) as store:
        return await verify(store, keys, heads, directories)


def _act(row: "AuditRow") -> dict[str, Any]:
    from consumer.domain.audit import REFUSED

    try:
        detail = json.loads(row.detail)
    except ValueError:
        # Nobody but relay should write here; `relay audit verify` tells.
        detail = row.detail
    return {
        "sequence": row.sequence,
        "at": row.at,
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
        "reason": row.reason,
        "refused": detail.get(REFUSED) if isinstance(detail, dict) else None,
        "detail": detail,
        "mac": row.mac,
    }


def _proof(settings: "Settings", verdict: "Verdict", directories: "Sequence[Path]") -> dict[str, Any]:
    from consumer.domain.audit import ChainKey
    from ops.audit.meanings import MEANINGS

    check = verdict.check
    head = check.head
    return {
        "sound": verdict.sound,
        "rows": check.rows,
        "first_at": check.first_at,
        "last_at": None if head is None else head.at,
        "head": None if head is None else {"sequence": head.sequence, "mac": head.mac},
        "signed": check.signed,
        "unsigned": check.unsigned,
        "keys": [ChainKey.derived(key.get_secret_value()).name for key in settings.service.secret_keys],
        "log_directories": [str(directory.absolute()) for directory in directories],
        "heads_compared": verdict.heads,
        "newest_head": verdict.newest_head,
        "findings_count": verdict.findings.count,
        "findings": [
            {
                "kind": finding.kind.value,
                "sequence": finding.sequence,
                "last": finding.last,
                "sentence": finding.sentence,
                "meaning": MEANINGS[finding.kind],
            }
            for finding in verdict.findings.kept
        ],
        "not_proven": verdict.not_proven,
    }


def _show(verdict: "Verdict", proof: dict[str, Any], printer: Printer) -> None:
    from ops.audit.meanings import MEANINGS

    if not printer.for_people:
        printer.record(proof, ())
        return
    head = proof["head"]
    words = None if head is None else f"row {head['sequence']}, {head['mac'] or 'not signed'}"
    printer.record(proof | {"head_in_words": words}, _PROOF)
    write("")
    if verdict.sound:
        write("Nothing is wrong." if not verdict.not_proven else "Nothing wrong was found; not everything is proven:")
    else:
        count = verdict.findings.count
        rows = [
            {
                **finding,
                "rows_in_words": str(finding["sequence"])
                if finding["sequence"] == finding["last"]
                else f"{finding['sequence']}-{finding['last']}",
            }
            for finding in proof["findings"]
        ]
        printer.rows(rows, _FINDINGS, empty="")
        if count > len(rows):
            write(f"… and {count - len(rows)} more.")
        write("")
        for kind in dict.fromkeys(finding.kind for finding in verdict.findings.kept):
            write(f"{kind.value}: {MEANINGS[kind]}")
        if verdict.not_proven:
            write("\nNot proven:")
    for sentence in verdict.not_proven:
        write(f"- {sentence}")


def _alarm(directory: Path, verdict: "Verdict") -> None:
    from consumer.observability.single import write_line

    first = verdict.findings.kept[0]
    fields = {"failures": verdict.findings.count, "kind": first.kind.value, "sequence": first.sequence}
    write_line(
        directory, "the audit log is not as it was written", fields, logger=__name__, level="critical", stream="error"
    )
