"""From an exception to one sentence with a cure and an exit code: the only place where commands end badly.

Exceptions are known by name, so that a command which never touches the database need not import its driver to fail.
"""

from __future__ import annotations

import os
import sys
import traceback
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class ExitCode(IntEnum):
    """What the shell is told (DESIGN section 9)."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PARTLY = 3
    NOT_ALLOWED = 4
    OUT_OF_REACH = 5
    STOPPED_BY_GUARD = 6
    INTERRUPTED = 130


class Failure(Exception):
    """A command's own bad end.

    Args:
        sentence: what, where, and what to do about it; for the person at the terminal.
        code: the exit code.
    """

    def __init__(self, sentence: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


CODES: Final[Mapping[str, ExitCode]] = {
    "consumer.domain.errors.BooksUnavailable": ExitCode.OUT_OF_REACH,
    "consumer.domain.replay.ReplayRefused": ExitCode.NOT_ALLOWED,
    "consumer.domain.errors.Misconfigured": ExitCode.FAILED,
    "consumer.domain.errors.Rejected": ExitCode.FAILED,
    "consumer.domain.errors.Unauthorised": ExitCode.FAILED,
    "consumer.domain.errors.SupplierError": ExitCode.OUT_OF_REACH,
    "consumer.domain.errors.RelayError": ExitCode.FAILED,
    "consumer.observability.http.CannotListen": ExitCode.FAILED,
    "consumer.settings.faults.AccountRefused": ExitCode.FAILED,
    "consumer.settings.faults.SettingsError": ExitCode.USAGE,
    "publishers.outgoing.BrokerAway": ExitCode.OUT_OF_REACH,
    "publishers.outgoing.Unconfirmed": ExitCode.OUT_OF_REACH,
    "publishers.outgoing.PublishError": ExitCode.FAILED,
    "rabbitmq.connection.BrokerUnreachable": ExitCode.OUT_OF_REACH,
    "rabbitmq.declaring.TopologyConflict": ExitCode.FAILED,
    "rabbitmq.declaring.TopologyRefused": ExitCode.NOT_ALLOWED,
    "rabbitmq.finding.BrokerNotAvailable": ExitCode.OUT_OF_REACH,
    "rabbitmq.management.ManagementUnreachable": ExitCode.OUT_OF_REACH,
    "sandbox.config.ConfigError": ExitCode.USAGE,
    "sandbox.server.PortInUseError": ExitCode.FAILED,
    "schemas.faults.InvalidEvent": ExitCode.FAILED,
}
"""Exceptions whose own text is a sentence for people; the first one in an error's line of ancestors counts."""

_OURS: Final = frozenset({"schemas", "rabbitmq", "publishers", "consumer", "ops"})


def explained(error: BaseException) -> tuple[str, ExitCode]:
    """Return the sentence and the exit code for ``error``, whatever it is."""
    if isinstance(error, Failure):
        return error.sentence, error.code
    for ancestor in type(error).__mro__:
        code = CODES.get(f"{ancestor.__module__}.{ancestor.__qualname__}")
        if code is not None:
            # A database that answers and only lacks a migration is no matter of reach.
            outdated = getattr(error, "code", None) == "schema_outdated"
            told = str(error)
            return told[:1].upper() + told[1:], ExitCode.FAILED if outdated else code
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] not in _OURS:
        return (
            f"The package {error.name} is missing; run pip install 'haier-relay[service]', which brings it.",
            ExitCode.FAILED,
        )
    if _is_no_text(error):
        return (
            "Something that was given is not UTF-8. Type it again, or set the terminal to UTF-8.",
            ExitCode.USAGE,
        )
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}. Check the path and your rights to it.", ExitCode.FAILED
    return (
        f"A fault in relay itself: {_where(error)}. Please report it; RELAY_DEBUG=1 shows the whole traceback.",
        ExitCode.FAILED,
    )


def _is_no_text(error: BaseException | None) -> bool:
    """Tell whether the fault is a text that cannot be written down: bytes in another encoding, from the shell."""
    while error is not None:
        if isinstance(error, UnicodeEncodeError) and "surrogates" in error.reason:
            return True
        error = error.__cause__ or error.__context__
    return False


def report(error: BaseException) -> ExitCode:
    """Tell ``error`` on stderr and return the exit code; with RELAY_DEBUG set, the traceback too."""
    if debugging():
        traceback.print_exception(error)
    sentence, code = explained(error)
    say_error(sentence)
    return code


def say_error(sentence: str) -> None:
    """Write a sentence on stderr, marked as an error."""
    sys.stderr.write(f"Error: {sentence}\n")


def debugging() -> bool:
    """Tell whether somebody wants tracebacks."""
    return os.environ.get("RELAY_DEBUG", "") not in {"", "0"}


def _where(error: BaseException) -> str:
    """Type and place only: the text of a stranger's exception may hold anything, a password or an address too."""
    name = type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    return f"{name} at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else name
