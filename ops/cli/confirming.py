"""Asking before an act: a person at a terminal, the word ``--yes`` where nobody is there to be asked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.failing import ExitCode, Failure

if TYPE_CHECKING:
    from consumer.settings import Settings

YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask. Needed where there is no terminal.")]
NotAskedOption = Annotated[bool, typer.Option("--yes", help="Taken as with other acts; this one never asks.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


def confirm(settings: Settings, question: str, count: int, *, yes: bool) -> None:
    """Return if a person wants it; in production a person at a terminal types the number, whatever else was said.

    Args:
        settings: of the service, for ``RELAY_ENV``.
        question: what would be done, e.g. ``Replay 12 letters?``.
        count: how many things it would be done to.
        yes: ``--yes`` was given.

    Raises:
        Failure: not confirmed, or nobody is there to be asked; nothing was done.
    """
    terminal = sys.stdin.isatty()
    production = settings.service.environment == "prod"
    if yes and not (production and terminal):
        return
    if not terminal:
        raise Failure(f"{question} Nobody is at a terminal to be asked: give --yes.", ExitCode.NOT_ALLOWED)
    if production:
        typed = typer.prompt(f"{question} This is production: type the number, {count}, to go on", err=True)
        confirmed = typed.strip() == str(count)
    else:
        confirmed = typer.confirm(question, err=True)
    if not confirmed:
        raise Failure("Not confirmed; nothing was done.", ExitCode.NOT_ALLOWED)
