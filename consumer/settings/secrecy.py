"""Which values may be shown, and how a URL looks once its password is gone."""

from __future__ import annotations

import re

# Greedy up to the last "@" before the path's end: a password with an unescaped "@" or "/" must not show its tail.
_USERINFO = re.compile(r"(?<=//)\S*@")
_QUERY = re.compile(r"\?\S*")


def shown_url(url: str) -> str:
    """Return ``url`` for messages and logs: the user's name stays; password and query (it may hold a token) go."""
    return _QUERY.sub("?***", _USERINFO.sub(_keep_user, url))


def _keep_user(match: re.Match[str]) -> str:
    user, colon, _ = match.group()[:-1].partition(":")
    return f"{user}:***@" if colon else "***@"
