"""Heads of the audit chain in the log files: written by commands that act, read to compare them with the table."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Final

from consumer.domain.audit import HEAD_LINE, HEAD_STREAM, told
from consumer.domain.audit_check import Head
from consumer.observability.single import write_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from consumer.domain.audit import AuditRow
    from consumer.settings import Settings

_MAC: Final = re.compile(r"[0-9a-f]{8}:[0-9a-f]{64}")
_MARK: Final = f'"message":"{HEAD_LINE}"'.encode()


def log_directory(settings: Settings) -> Path | None:
    """Return ``RELAY_LOG_DIR`` as far as a command has anything to do with it.

    Its default is where the service runs: a command that runs elsewhere leaves no such directory behind.
    """
    directory = settings.logging.directory
    given = "directory" in settings.logging.model_fields_set
    return directory if directory is not None and (given or directory.is_dir()) else None


def announcing(settings: Settings) -> Callable[[AuditRow], None] | None:
    """Return what tells the log of each act of this command; None where there is no log."""
    directory = log_directory(settings)
    return None if directory is None else partial(_announce, directory)


def heads_in(directory: Path) -> Iterator[Head]:
    """Yield the heads that the log files in ``directory`` tell, rotated ones too, in no order.

    A line that cannot be read tells nothing: a full disk or a lost machine can tear one.

    Raises:
        OSError: a file cannot be read.
    """
    # A file that is rotated meanwhile is read twice and never left out.
    for file in (directory / f"{HEAD_STREAM}.jsonl", *sorted(directory.glob(f"{HEAD_STREAM}.*Z.jsonl"))):
        try:
            lines = file.open("rb")
        except FileNotFoundError:
            continue
        with lines:
            for line in lines:
                head = _head(line) if _MARK in line else None
                if head is not None:
                    yield head


def _head(line: bytes) -> Head | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or record.get("message") != HEAD_LINE:
        return None
    sequence, mac = record.get("sequence"), record.get("mac")
    whole = mac is None or (isinstance(mac, str) and _MAC.fullmatch(mac))
    return Head(sequence, mac) if type(sequence) is int and sequence > 0 and whole else None


def _announce(directory: Path, row: AuditRow) -> None:
    write_line(directory, HEAD_LINE, told(row), logger=__name__, level="info", stream=HEAD_STREAM)
