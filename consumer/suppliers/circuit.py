"""When a supplier is to be left alone: a rate of failures over the last seconds, judged from the calls that were made.

Only the judgement. What follows is a pause like any other (`consumer.runtime.pause_board`): it stops the lanes, probes,
and ends with a trial, which is what other circuit breakers call half-open (ADR 0007).

    ok, rejected, malformed       the supplier answered: a call that went well
    transient, unknown_outcome    it did not: a call that failed
    throttled, auth, misconfigured, …    said by whoever stands in front of it, not by it: no call at all
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from consumer.domain.errors import ErrorClass
from consumer.domain.supplier_report import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.domain.errors import RelayError

ANSWERED: Final = frozenset({"ok", ErrorClass.REJECTED.value, ErrorClass.MALFORMED.value})
"""Outcomes of a call that the supplier answered, whatever it said."""
FAILED: Final = frozenset({ErrorClass.TRANSIENT.value, ErrorClass.UNKNOWN_OUTCOME.value})
"""Outcomes that speak of a supplier that is down."""


def is_open(cause: RelayError) -> bool:
    """Return whether a pause for ``cause`` is that of an open circuit: the supplier is down.

    Also one that began otherwise, if that is what its probes find.
    """
    return cause.error_class.value in FAILED


@dataclass(frozen=True, slots=True)
class Trip:
    """Why a circuit opened, in words for a person."""

    why: str


class Circuit:
    """The last calls to one supplier. The defaults are those of DESIGN section 6.

    Args:
        clock: monotonic seconds.
        window: seconds that a call counts for.
        minimum: calls within the window, below which no rate is believed.
        rate: share of failures that opens it.
        logins: failed logins in a row that open it. A login stands for all the calls that wait for it, and without one
            none can be made: they would fail by the hundred while the window saw a single call.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        window: float = 10.0,
        minimum: int = 20,
        rate: float = 0.5,
        logins: int = 2,
    ) -> None:
        self._clock = clock
        self._window = window
        self._minimum = minimum
        self._rate = rate
        self._logins = logins
        self._calls: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._failed_logins = 0
        self._since = -float("inf")

    def heard(self, operation: str, outcome: str, *, seconds: float) -> Trip | None:
        """Take note of a call that has ended; returns why the circuit opens, if it does. It then begins anew.

        Args:
            operation: e.g. ``create``; `TOKEN` for a login.
            outcome: ``ok`` or the error class.
            seconds: how long the call took. One that began before the circuit opened last says nothing new.
        """
        now = self._clock()
        if now - seconds < self._since:
            return None
        if operation == TOKEN:
            self._failed_logins = self._failed_logins + 1 if outcome in FAILED else 0
        elif outcome in ANSWERED:
            # Also with logins failing: the token that there is does.
            self._failed_logins = 0
        if outcome in FAILED or (outcome in ANSWERED and operation != TOKEN):
            self._count(now, failed=outcome in FAILED)
        trip = self._judged(now)
        if trip is not None:
            self._begin_anew(now)
        return trip

    def _count(self, now: float, *, failed: bool) -> None:
        self._calls.append((now, failed))
        self._failures += failed

    def _judged(self, now: float) -> Trip | None:
        while self._calls and self._calls[0][0] <= now - self._window:
            self._failures -= self._calls.popleft()[1]
        if self._failed_logins >= self._logins:
            return Trip(f"{self._failed_logins} logins in a row failed")
        calls = len(self._calls)
        if calls >= self._minimum and self._failures >= self._rate * calls:
            return Trip(f"{self._failures} of the {calls} calls of the last {self._window:g} s failed")
        return None

    def _begin_anew(self, now: float) -> None:
        self._calls.clear()
        self._failures = self._failed_logins = 0
        self._since = now
