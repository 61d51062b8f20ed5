"""Whether a form is YLH's: its AppKey, its signature, and whether its time lies within the window. Pure."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from consumer.callbacks.signature import is_signed
from consumer.suppliers.fields import SHANGHAI

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.settings import CallbackWindow

_STAMP: Final = re.compile(r"(2[0-9]{3})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Admission:
    """Who is let in.

    Attributes:
        app_key: ``YLH_CALLBACK_APP_KEY``.
        secret: ``YLH_CALLBACK_SECRET``.
        window: how far a callback's time may lie from our clock.
    """

    app_key: str
    secret: str = field(repr=False)
    window: CallbackWindow

    def admits(self, parameters: Mapping[str, str]) -> bool:
        """Tell whether AppKey and signature are right; which of the two is not cannot be told from outside.

        Both are always compared, each in constant time.
        """
        known = hmac.compare_digest(parameters.get("AppKey", "").encode(), self.app_key.encode())
        signed = is_signed(parameters, self.secret)
        return known & signed

    def in_time(self, at: datetime, now: datetime) -> bool:
        """Tell whether a callback of ``at`` may come at ``now``."""
        return now - self.window.back <= at <= now + self.window.ahead


def time_of(stamp: str) -> datetime | None:
    """Read a ``TimeStamp`` (``yyyyMMddHHmmss``, Asia/Shanghai); None: it is none."""
    match = _STAMP.fullmatch(stamp.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=SHANGHAI)
    except ValueError:
        return None
