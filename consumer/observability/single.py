"""One line into the log files from a process that keeps no log of its own: a command that a person runs."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from consumer.observability.files import AppendedFile, ToughFile
from consumer.observability.lines import Line, as_json
from consumer.observability.logging import KEEP, MAX_BYTES
from consumer.observability.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_line(
    directory: Path, message: str, fields: Mapping[str, object], *, logger: str, level: str, stream: str
) -> None:
    """Append a line; where that cannot be done, stderr has a sentence of it.

    Args:
        directory: ``RELAY_LOG_DIR``; made when it is missing.
        message: fixed words.
        fields: redacted like those of every line.
        logger: name of the module that speaks.
        level: ``debug`` … ``critical``.
        stream: one of `consumer.observability.lines.STREAMS`.
    """
    file = AppendedFile(directory, stream, MAX_BYTES, KEEP)
    tough = ToughFile(file)
    tough.append(as_json(Line(time.time(), level, stream, logger, message, Redactor().fields(fields))))
    tough.close()
    if os.geteuid() == 0 and file.path.exists():
        # Made by root, the file would shut out the service, which runs as somebody else.
        owner = directory.stat()
        os.chown(file.path, owner.st_uid, owner.st_gid)
