"""Getting ``rabbitmq-server`` onto this machine: by apt where we may, else the command that a person has to type."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_OS_RELEASE = Path("/etc/os-release")
_COMMANDS = {
    "debian": "sudo apt-get update && sudo apt-get install -y rabbitmq-server",
    "ubuntu": "sudo apt-get update && sudo apt-get install -y rabbitmq-server",
    "fedora": "sudo dnf install -y rabbitmq-server",
    "rhel": "sudo dnf install -y rabbitmq-server",
    "alpine": "sudo apk add rabbitmq-server",
    "arch": "sudo pacman -S --needed rabbitmq",
    "suse": "sudo zypper install -y rabbitmq-server",
    "darwin": "brew install rabbitmq",
}
# A package that is installed on Debian starts its service; a demo must not leave a broker on port 5672 behind. The file
# is Debian's own way to say so, and is taken away again.
_APT = """
set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\\nexit 101\\n' >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
install='apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 rabbitmq-server'
$install || { apt-get update && $install; }
"""


class InstallFailed(RuntimeError):
    """apt ended with an error; the text holds its last lines."""


async def apt_prefix() -> tuple[str, ...] | None:
    """What has to stand before a command so that apt may run: nothing for root, ``sudo -n``; None where we may not."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ()
    if shutil.which("sudo") is None:
        return None
    code, _ = await _run("sudo", "-n", "true")
    return ("sudo", "-n") if code == 0 else None


async def install_by_apt(prefix: tuple[str, ...]) -> None:
    """Install the package without starting its service; raises :class:`InstallFailed`."""
    code, said = await _run(*prefix, "sh", "-c", _APT)
    if code != 0:
        raise InstallFailed("apt could not install rabbitmq-server:\n" + "\n".join(said.splitlines()[-5:]))


def install_command(os_release: str | None = None, platform: str = sys.platform) -> str | None:
    """The command for this system, if we know it; ``os_release`` is the text of ``/etc/os-release``."""
    if platform == "darwin":
        return _COMMANDS["darwin"]
    if os_release is None:
        os_release = _OS_RELEASE.read_text(encoding="utf-8") if _OS_RELEASE.exists() else ""
    facts = _facts(os_release)
    for system in (facts.get("ID", ""), *facts.get("ID_LIKE", "").split()):
        # openSUSE calls itself opensuse-leap or opensuse-tumbleweed, like "suse opensuse".
        if system in _COMMANDS:
            return _COMMANDS[system]
    return None


def _facts(os_release: str) -> Mapping[str, str]:
    pairs = (line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    return {name.strip(): value.strip().strip("\"'") for name, value in pairs}


async def _run(*command: str) -> tuple[int, str]:
    """Run to the end, also when we are interrupted: a package manager that is cut off leaves a broken system behind."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    running = asyncio.ensure_future(process.communicate())
    try:
        said, _ = await asyncio.shield(running)
    except asyncio.CancelledError:
        await running
        raise
    return process.returncode or 0, said.decode(errors="replace")
