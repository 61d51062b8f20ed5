"""What a check is: data. A name, what it stands on, what it does, and what it found, each fault with its cure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.settings import Settings
    from consumer.settings.loading import Need


class Status(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found.

    Attributes:
        status: ``ok``, or how bad it is.
        message: what was seen, and where.
        cure: what to do about it; None where nothing has to be done.
        out_of_reach: it is a broker, a database or a supplier that does not answer.
    """

    status: Status
    message: str
    cure: str | None = None
    out_of_reach: bool = False


Examine = Callable[["Settings"], Awaitable[Sequence[Finding]]]


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: short, for people and in data.
        run: looks, and returns what it found; given the settings, of which ``sections`` are complete.
        needs: names of checks without which this one makes no sense; when one has failed it is skipped.
        sections: sections of the settings that it reads.
        seconds: how long it may take.
        reach: what to do where the thing is out of reach and the failure itself does not say.
    """

    name: str
    run: Examine
    needs: tuple[str, ...] = ()
    sections: tuple[Need, ...] = ()
    seconds: float = 20
    reach: str | None = None


def ok(message: str) -> list[Finding]:
    """All is well."""
    return [Finding(Status.OK, message)]


def warn(message: str, cure: str) -> list[Finding]:
    """It works, but somebody should look."""
    return [Finding(Status.WARN, message, cure)]


def fail(message: str, cure: str | None = None, *, out_of_reach: bool = False) -> list[Finding]:
    """It does not work; without ``cure`` the message has it."""
    return [Finding(Status.FAIL, message, cure, out_of_reach)]
