"""Why a person does something, in words that the audit log can keep."""

from __future__ import annotations

from ops.cli.failing import ExitCode, Failure


def kept(reason: str) -> str:
    """Return ``reason`` as it is kept: what a terminal of another encoding sent cannot be stored as it is."""
    return reason.strip().encode("utf-8", "replace").decode()


def said(reason: str) -> str:
    """Return ``reason`` as it is kept.

    Raises:
        Failure: it is blank.
    """
    if not reason.strip():
        raise Failure("--reason is empty: say why, for whoever wonders later.", ExitCode.USAGE)
    return kept(reason)
