"""Files that `relay config` reads and writes: configs, passphrases, backups. What it writes only its owner can read."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from consumer.accounts import documents
from ops.cli.failing import ExitCode, Failure

STDIN: Final = "-"
_LARGEST: Final = 64 * 1024**2
_OWNER_ONLY: Final = 0o600


def read_bytes(file: str) -> bytes:
    """Return the content of a file, or of standard input for ``-``.

    Raises:
        OSError: it cannot be read.
        Failure: it is too large to be what was meant.
    """
    if file == STDIN:
        content = sys.stdin.buffer.read(_LARGEST + 1)
    else:
        with Path(file).open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise Failure(f"{_named(file)} is larger than {_LARGEST // 1024**2} MB: is it the right file?")
    return content


def read_config(file: str) -> dict[str, Any]:
    """Return the JSON object in a file, or in standard input for ``-``.

    Raises:
        OSError: it cannot be read.
        Failure: it holds no JSON object; the text is not quoted.
    """
    try:
        return documents.read_document(read_bytes(file))
    except ValueError as error:
        raise Failure(f"{_named(file)} {error}.") from None


def read_passphrase(file: str) -> SecretStr:
    """Return the first line of a file, or of standard input for ``-``.

    Raises:
        OSError: it cannot be read.
        Failure: it is not text.
    """
    try:
        text = read_bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Failure(f"{_named(file)} is not in UTF-8: its first line has to be the passphrase.") from None
    return SecretStr(text.partition("\n")[0].rstrip("\r"))


def write_new(file: Path, content: bytes) -> None:
    """Write a file that must not be there yet, readable by its owner only; durable on return.

    Raises:
        FileExistsError: it is there.
        OSError: it cannot be written.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    try:
        _write(descriptor, content)
    except BaseException:
        # Half a backup looks like one.
        file.unlink(missing_ok=True)
        raise


def write_over(file: Path, content: bytes) -> None:
    """Put ``content`` in the place of a file, readable by its owner only; whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        _write(descriptor, content)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _write(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _named(file: str) -> str:
    return "Standard input" if file == STDIN else file


def pairs(given: list[str], secret_keys: frozenset[str]) -> dict[str, str]:
    """Read ``key=value`` from the command line.

    Raises:
        Failure: no ``=``, or a secret, which a command line would show to everybody on the machine.
    """
    found = {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if key.strip() in secret_keys:
            raise Failure(
                f"{key.strip()} is a secret, and a command line is seen in the shell's history and by everybody on the "
                f"machine. Give it with `--ask {key.strip()}`, or in a JSON document on standard input.",
                ExitCode.USAGE,
            )
        if not equals:
            raise Failure(f"--with takes KEY=VALUE, such as customer_code=8800000001, not {key!r}.", ExitCode.USAGE)
        found[key.strip()] = value
    return found
