"""Which dead letters are meant: the options that `relay dlq` and `relay replay plan` share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ops.cli.failing import ExitCode, Failure

if TYPE_CHECKING:
    from consumer.domain.errors import ErrorClass
    from consumer.domain.ledger import Selection
    from consumer.domain.writes import Letter, LetterStatus
    from consumer.persistence.store import Store
    from consumer.settings import Settings

MOST_IDS: Final = 10_000

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


def selection_of(  # every filter is an option of the command line
    settings: Settings,
    *,
    ids: list[str] | None = None,
    lane: str | None = None,
    type_: str | None = None,
    class_: str | None = None,
    fingerprint: str | None = None,
    so_id: str | None = None,
    text: str | None = None,
    since: str | None = None,
    until: str | None = None,
    status: str = "open",
) -> Selection:
    """Return which letters the options mean.

    Raises:
        Failure: one of them cannot be read.
    """
    from consumer.domain.ledger import Selection  # noqa: PLC0415 - a command imports what it needs when it runs

    zone, now = settings.service.timezone, datetime.now(UTC)
    return Selection(
        ids=ids_of(ids),
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


def ids_of(ids: list[str] | None) -> tuple[str, ...]:
    """Return the ids that a person named one by one; raises `Failure` if they are more than a statement takes."""
    if ids is not None and len(ids) > MOST_IDS:
        raise Failure(
            f"{len(ids)} ids are more than the {MOST_IDS} that can be named one by one: use a filter, or several "
            "commands.",
            ExitCode.USAGE,
        )
    return tuple(ids or ())


def moment(text: str | None, option: str, zone: tzinfo, now: datetime) -> datetime | None:
    """Return the moment that ``text`` means: so long ago, or a time, which without an offset is in ``zone``.

    Raises:
        Failure: it is neither.
    """
    from consumer.settings.values import duration  # noqa: PLC0415 - a command imports what it needs when it runs

    if text is None:
        return None
    try:
        ago: timedelta | None = duration(text.strip().removesuffix(" ago"))
    except ValueError:
        ago = None
    if ago is not None:
        return now - ago
    try:
        told = datetime.fromisoformat(text)
        # Also so that it is a moment everywhere: at both ends of the calendar some zones have none.
        return (told if told.tzinfo is not None else told.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Failure(
            f"{option} {text}: say how long ago (30m, 2h) or when (2026-11-23 09:00).", ExitCode.USAGE
        ) from None


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
