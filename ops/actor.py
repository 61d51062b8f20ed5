"""Who acts, for the audit log: the person as this machine knows them."""

from __future__ import annotations

import getpass
import os
import socket
import sys


def actor() -> str:
    """Return ``user@host``; behind sudo the person who called it, not root.

    Environment variables anybody can set; they are believed of root alone, whose word sudo has made them.
    """
    return f"{_user()}@{socket.gethostname()}"


def _user() -> str:
    if sys.platform == "win32":
        return getpass.getuser()
    behind_sudo = os.environ.get("SUDO_UID", "") if os.geteuid() == 0 else ""
    return _name(int(behind_sudo) if behind_sudo.isdecimal() else os.getuid())


def _name(uid: int) -> str:
    import pwd  # noqa: PLC0415 - not there on every system

    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        # A container may run under a number that has no name.
        return f"uid{uid}"
