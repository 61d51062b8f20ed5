"""Options that the commands of `relay replay` share, and what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from ops.cli.failing import ExitCode, Failure

if TYPE_CHECKING:
    from datetime import timedelta

    from consumer.domain.replay import Terms

PlanArgument = Annotated[str, typer.Argument(metavar="PLAN", help="Id of a plan, or its beginning.")]
ReplayArgument = Annotated[str, typer.Argument(metavar="REPLAY", help="Id of a replay, or its beginning.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept with your name in the audit log.")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Show progress to the end.")]
TimeoutOption = Annotated[str, typer.Option(metavar="DURATION", help="How long --wait waits.")]
DEFAULT_RATE: Final = 10.0


def terms_of(rate: float, most: int | None = None, canary: str = "0", stop_at: float = 1.0) -> Terms:
    """Return how a replay is to go; what makes no sense is told as a fault of the command line."""
    from consumer.domain.replay import Terms  # noqa: PLC0415 - a command imports what it needs when it runs

    steps = [] if canary.strip() == "0" else canary.split(",")
    if not all(step.strip().isdecimal() for step in steps):
        raise Failure("Canary steps are ascending numbers of letters, e.g. 1,10, or 0 for none.", ExitCode.USAGE)
    try:
        return Terms(rate, most, tuple(map(int, steps)), stop_at)
    except ValueError as error:
        raise Failure(f"{str(error)[:1].upper()}{str(error)[1:]}.", ExitCode.USAGE) from None


def patience_of(text: str) -> timedelta:
    """Return how long somebody waits; what is no duration is told as a fault of the command line."""
    from consumer.settings.values import duration  # noqa: PLC0415 - as above

    try:
        return duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}; write 30s, 10m or 2h") from error
