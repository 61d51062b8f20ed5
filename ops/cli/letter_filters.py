"""Which dead letters are meant: the options that `relay dlq` and `relay replay plan` share."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.failing import ExitCode, Failure

if TYPE_CHECKING:
    from consumer.domain.errors import ErrorClass
    from consumer.domain.writes import Letter, LetterStatus
    from consumer.persistence.store import Store

LaneOption = Annotated[str | None, typer.Option("--lane", help="Only letters from this lane, e.g. relay.orders.")]
TypeOption = Annotated[str | None, typer.Option("--type", help="Only events of this type.")]
ClassOption = Annotated[str | None, typer.Option("--class", help="Only this error class, e.g. rejected.")]
FingerprintOption = Annotated[str | None, typer.Option("--fingerprint", help="Only this group.")]
SoIdOption = Annotated[str | None, typer.Option("--so-id", help="Only this order.")]
TextOption = Annotated[str | None, typer.Option("--text", help="Only letters whose message holds this text.")]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Filed since: 2h ago, or 2026-11-23 09:00.")
]
StatusOption = Annotated[str, typer.Option("--status", help="open, replaying, replayed, discarded, closed, or any.")]
UntilOption = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Filed before that, as --since.")]


def moment(text: str | None, option: str, zone: tzinfo, now: datetime) -> datetime | None:
    """Return the moment that ``text`` means: so long ago, or a time, which without an offset is in ``zone``.

    Raises:
        Failure: it is neither.
    """
    from consumer.settings.values import duration  # noqa: PLC0415 - a command imports what it needs when it runs

    if text is None:
        return None
    try:
        ago: timedelta | None = duration(text)
    except ValueError:
        ago = None
    if ago is not None:
        return now - ago
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(
            f"{option} {text}: say how long ago (30m, 2h) or when (2026-11-23 09:00).", ExitCode.USAGE
        ) from None
    return told if told.tzinfo is not None else told.replace(tzinfo=zone)


def error_class(text: str | None) -> ErrorClass | None:
    """Return the error class of that name; raises `Failure` if there is none."""
    from consumer.domain.errors import ErrorClass  # noqa: PLC0415 - as above

    try:
        return None if text is None else ErrorClass(text)
    except ValueError:
        known = ", ".join(sorted(ErrorClass))
        raise Failure(f"--class {text}: there is none of that name, only {known}.", ExitCode.USAGE) from None


def letter_status(text: str) -> LetterStatus | None:
    """Return the status of that name, None for ``any``; raises `Failure` if there is none."""
    from consumer.domain.writes import LetterStatus  # noqa: PLC0415 - as above

    try:
        return None if text == "any" else LetterStatus(text)
    except ValueError:
        known = ", ".join(LetterStatus)
        raise Failure(f"--status {text}: there is none of that name, only {known} and any.", ExitCode.USAGE) from None


async def letter_beginning(store: Store, start: str) -> Letter:
    """Return the one letter whose id begins so; raises `Failure` if there is none, or more than one."""
    if not start.strip():
        raise Failure("Say which: the id of a dead letter, or its beginning.", ExitCode.USAGE)
    found = await store.ledger.beginning_with(start, limit=2)
    if not found:
        raise Failure(f"There is no dead letter {start}. `relay dlq list --status any` shows what there is.")
    if len(found) > 1:
        raise Failure(f"More than one id begins with {start}; give more of it.", ExitCode.USAGE)
    return found[0]
