"""Who acts, for the audit log: the person as this machine knows them."""

from __future__ import annotations

import getpass
import os
import socket


def actor() -> str:
    """Return ``user@host``; behind sudo the person who called it, not root."""
    return f"{os.environ.get('SUDO_USER') or _user()}@{socket.gethostname()}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name (getpass, Python 3.13: OSError; before: KeyError).
        return f"uid{os.getuid()}"
