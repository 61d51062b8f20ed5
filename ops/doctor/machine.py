"""This machine: Python, disk, the port of health and metrics."""

from __future__ import annotations

import asyncio
import errno
import os
import platform
import shutil
import socket
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from consumer.settings import SettingsError
from ops.cli.asking import sqlite_file
from ops.doctor.checks import Finding, Status, fail, ok, warn
from ops.health import says_yes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from consumer.settings import Settings

_OLDEST: Final = (3, 11)
_LITTLE: Final = 1024**3
_TOO_LITTLE: Final = 100 * 1024**2


def python() -> Sequence[Finding]:
    """The interpreter, and what makes it fast."""
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < _OLDEST:
        return fail(found, f"Use Python {'.'.join(map(str, _OLDEST))} or newer.")
    if find_spec("uvloop") is None:
        return warn(f"{found}, without uvloop: slower", "pip install 'haier-relay[service]' on Linux or macOS.")
    return ok(found)


async def disk(settings: Settings) -> Sequence[Finding]:
    """Room where we write, and the right to."""
    findings: list[Finding] = []
    for what, directory in _directories(settings):
        findings += _room(what, directory)
    return findings or ok("nothing is written on this machine's disk")


def _directories(settings: Settings) -> list[tuple[str, Path]]:
    found = []
    if settings.logging.directory is not None:
        found.append(("logs (RELAY_LOG_DIR)", settings.logging.directory))
    try:
        file = sqlite_file(settings)
    except SettingsError:
        # Another check's matter.
        file = None
    if file is not None:
        found.append(("database (RELAY_DATABASE_URL)", file.parent))
    return found


def _room(what: str, directory: Path) -> list[Finding]:
    existing = directory.absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return fail(
            f"{what}: {existing} may not be written", "Give the service's user the right to, or choose another."
        )
    free = shutil.disk_usage(existing).free
    told = f"{what}: {free / 1024**3:.1f} GB free at {existing}"
    if free < _TOO_LITTLE:
        return fail(told, "Free some space: without it nothing can be acked.")
    if free < _LITTLE:
        return warn(told, "Free some space before it runs out.")
    return ok(told)


async def port(settings: Settings) -> Sequence[Finding]:
    """The port of health and metrics: free, or a service of ours stands there already."""
    host, number = settings.http.host, settings.http.port
    if number == 0:
        return ok("RELAY_HTTP_PORT=0: any free port")
    try:
        await asyncio.to_thread(bind, host, number)
    except OSError as error:
        return await _taken(host, number, error)
    return ok(f"port {number} on {host} is free")


async def _taken(host: str, number: int, error: OSError) -> Sequence[Finding]:
    if error.errno != errno.EADDRINUSE:
        return fail(
            f"{host}:{number} cannot be listened on ({error.strerror})", "Check RELAY_HTTP_HOST and RELAY_HTTP_PORT."
        )
    if await says_yes(host, number, "/health/ready"):
        return ok(f"a service is ready on {host}:{number}")
    if await says_yes(host, number, "/health/live"):
        return [
            Finding(
                Status.WARN, f"a service runs on {host}:{number} and is not ready", "Its log says what it waits for."
            )
        ]
    return fail(f"port {number} on {host} is in use by another program", "Stop that one, or set RELAY_HTTP_PORT.")


def bind(host: str, number: int) -> None:
    """Listen on an address for a moment; raises `OSError` where that is not possible."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
