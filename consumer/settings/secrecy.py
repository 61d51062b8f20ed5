"""Which values may be shown, and how a URL looks once its password is gone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

# Greedy up to the last "@" before the path's end: a password with an unescaped "@" or "/" must not show its tail.
_USERINFO = re.compile(r"(?<=//)\S*@")
_QUERY = re.compile(r"\?\S*")
_SHOWN_CHARACTERS = 80


def shown_url(url: str) -> str:
    """Return ``url`` for messages and logs: the user's name stays; password and query (it may hold a token) go."""
    return _QUERY.sub("?***", _USERINFO.sub(_keep_user, url))


def _keep_user(match: re.Match[str]) -> str:
    user, colon, _ = match.group()[:-1].partition(":")
    return f"{user}:***@" if colon else "***@"


def shown_value(value: str) -> str:
    """Return a value that is no secret as a message quotes it: not too long, and URLs as `shown_url` shows them."""
    shown = shown_url(value)
    return shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}…"


def is_secret(field: FieldInfo) -> bool:
    """Tell whether a setting's value must not be shown."""
    return "SecretStr" in repr(field.annotation)


def secrets_of(section: BaseModel) -> Iterator[str]:
    """Return every secret in ``section``, also of those that hold several."""
    for _, value in section:
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, SecretStr):
                yield one.get_secret_value()
