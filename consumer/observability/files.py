"""Log files that several processes append to, that rotate, and that never take the service down with them.

Lines go out in one ``write`` to a file opened for appending, so that those of several processes do not mix and nothing
waits in a buffer that a full disk could not take.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LOOK_AGAIN_AFTER = 1.0
"""Seconds between two looks at whether another process has rotated the file."""


@dataclass(slots=True)
class AppendedFile:
    """One file of JSON lines, ``<directory>/<name>.jsonl``, rotated to ``<name>.<time>.jsonl``.

    Attributes:
        directory: made when it is missing.
        name: the stream.
        max_bytes: rotated beyond this size.
        keep: how many rotated files stay.
    """

    directory: Path
    name: str
    max_bytes: int
    keep: int
    _fd: int | None = field(default=None, init=False)
    _size: int = field(default=0, init=False)
    _looked_at: float = field(default=0.0, init=False)
    _torn: bool = field(default=False, init=False)

    @property
    def path(self) -> Path:
        """The file that is written to."""
        return self.directory / f"{self.name}.jsonl"

    def append(self, lines: bytes) -> None:
        """Append one or several ``lines``, each of which ends with a line feed.

        Raises:
            OSError: they were not written, or only in part; what comes next then starts on a fresh line.
        """
        fd = self._ready(len(lines))
        if self._torn:
            lines = b"\n" + lines
        written = os.write(fd, lines)
        self._size += written
        self._torn = written < len(lines)
        if self._torn:
            raise OSError(f"only {written} of {len(lines)} bytes were written")

    def close(self) -> None:
        """Close the file; appending opens it again."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _ready(self, coming: int) -> int:
        fd = self._fd
        now = time.monotonic()
        if fd is not None and now - self._looked_at >= _LOOK_AGAIN_AFTER:
            self._looked_at = now
            if self._is_not_ours(fd):
                self.close()
                fd = None
        if fd is None:
            fd = self._open()
        if self._size and self._size + coming > self.max_bytes:
            self._rotate(fd)
            fd = self._open()
        return fd

    def _open(self) -> int:
        self.close()
        self.directory.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._size = os.fstat(self._fd).st_size
        self._looked_at = time.monotonic()
        return self._fd

    def _is_not_ours(self, fd: int) -> bool:
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return True
        self._size = there.st_size  # others append too
        return there.st_ino != os.fstat(fd).st_ino

    def _rotate(self, fd: int) -> None:
        # Two processes that come here in the same instant both rotate: a small file more, and no line lost.
        if self._is_not_ours(fd):
            return  # another process was faster
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        self.path.rename(self.directory / f"{self.name}.{stamp}.jsonl")
        rotated = sorted(self.directory.glob(f"{self.name}.*Z.jsonl"))
        for old in rotated[: max(0, len(rotated) - self.keep)]:
            old.unlink(missing_ok=True)


@dataclass(slots=True)
class ToughFile:
    """An `AppendedFile` whose failures are told once on stderr and then borne: the service matters more."""

    file: AppendedFile
    lost: int = field(default=0, init=False)

    def append(self, lines: bytes) -> None:
        """Append ``lines``, or count them as lost."""
        try:
            self.file.append(lines)
        except OSError as error:
            first, self.lost = not self.lost, self.lost + lines.count(b"\n")
            if first:
                _tell(f"log file {self.file.path} cannot be written ({error.strerror or error}); going on without it")
            with contextlib.suppress(
                OSError
            ):  # the descriptor may be what is broken; it is opened afresh for the next line
                self.file.close()
            return
        if self.lost:
            _tell(f"log file {self.file.path} is written again; {self.lost} lines were lost")
            self.lost = 0

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(
            OSError
        ):  # closing is all that is left to do; every line has been written or told as lost
            self.file.close()


def _tell(sentence: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # stderr itself may be closed: then there is nobody left to tell
        sys.stderr.write(f"{sentence}\n")
