"""Callbacks as YLH posts them, signed here by the papers' words: receiver and tests must not share a mistake."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

APP_KEY = "sandbox-app-key"
SECRET = "sandbox-callback-secret"
ACCOUNT = {"YLH_CALLBACK_APP_KEY": APP_KEY, "YLH_CALLBACK_SECRET": SECRET}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SHANGHAI = timezone(timedelta(hours=8))


def sign(form: dict[str, str], secret: str = SECRET) -> str:
    """Upper-case hex MD5 of the lower-cased string: secret, sorted names and values, secret."""
    text = secret
    for name in sorted(form):
        if name != "Sign" and form[name].strip() != "":
            text += name + form[name]
    return hashlib.md5((text + secret).lower().encode(), usedforsecurity=False).hexdigest().upper()


def stamp(at: datetime | None = None) -> str:
    """``yyyyMMddHHmmss`` in Asia/Shanghai; None: now."""
    return (at or datetime.now(UTC)).astimezone(SHANGHAI).strftime("%Y%m%d%H%M%S")


def callback(number: str, method: str = "confirm", *, at: datetime | None = None, **data: Any) -> dict[str, str]:
    """The parameters of a callback about ``number``, signed."""
    told = {"PlatformOrderNo": number, "State": 1, "ExtOrderNo": f"EXT.{number}"} | data
    form = {
        "AppKey": APP_KEY,
        "TimeStamp": stamp(at),
        "Method": f"hmm.scm_heorder.{method}",
        "Data": json.dumps(told, ensure_ascii=False),
    }
    return signed(form)


def signed(form: dict[str, str]) -> dict[str, str]:
    """The same parameters with a right signature."""
    return {**form, "Sign": sign(form)}


def body(form: dict[str, str]) -> bytes:
    """The body of the POST."""
    return urlencode(form).encode()
