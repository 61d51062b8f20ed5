"""What went wrong with an account's logins of late: when the next one may begin, and whether a 401 is an expiry.

Pure arithmetic over a clock; `consumer.suppliers.oauth2` acts on it.

    a login failed                        the next one waits: 0.5 s, doubled by each further failure up to 5 s, jittered
    a token was refused before any call was let in with it    the same, whatever the logins themselves said
    a login worked                        no failed logins any more
    a call was let in                     nothing is wrong any more, and the account is known to be good

**Why a 401 on a token never accepted is not always a refusal of the account.** With a hundred calls under way, a
supplier that takes back every token each sixty calls takes back some before anybody was let in with them. To pause for
that, with an alert, would stop a healthy lane for half a minute. So an account that was let in during the life of this
process gets `SPARE` such tokens in a row for expiries; the next one is believed, and the lane pauses (DESIGN section 6,
``auth``). An account that was never let in gets none: its first refused token pauses the lane at once.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from consumer.domain.errors import SupplierError, Throttled, Transient

if TYPE_CHECKING:
    from collections.abc import Callable

SPARE: Final = 2
"""Tokens in a row that may be refused before any call was let in with them, of an account known to be good."""
FIRST_PAUSE: Final = 0.5
"""Seconds at most before the login after a first setback."""
LONGEST_PAUSE: Final = 5.0
"""Seconds at most between two logins that bring nothing; short, since a call that waits has its own deadline."""
LEAST_SHARE: Final = 0.5
"""Share of a pause that is kept under any jitter: with full jitter two logins could follow each other at once."""


class Setbacks:
    """The setbacks of one account since the last good news.

    Args:
        clock: seconds, never going back.
        jitter: gives a number between its two arguments.
    """

    def __init__(self, clock: Callable[[], float], jitter: Callable[[float, float], float] = random.uniform) -> None:
        self._clock = clock
        self._jitter = jitter
        self._known_good = False
        self._in_vain = 0
        self._failed = 0
        self._until = -float("inf")
        self._last: SupplierError | None = None

    @property
    def account_in_doubt(self) -> bool:
        """Whether a token that nobody was let in with, once refused, means that the account itself is refused."""
        return not self._known_good or self._in_vain > SPARE

    def login_failed(self, error: SupplierError | None) -> None:
        """Take note of a login that brought no token; ``error`` None: by a fault of ours."""
        self._failed += 1
        self._rest(error)

    def login_worked(self) -> None:
        """Take note of a token; whether it is worth anything, only a call can tell."""
        self._failed = 0

    def token_in_vain(self, error: SupplierError) -> None:
        """Take note of a token that was refused before anybody was let in with it, and of what its user was told."""
        self._in_vain += 1
        self._rest(error if self.account_in_doubt else None)

    def forbidden(self, error: SupplierError) -> None:
        """Take note of a token that lets nobody in where it should (403)."""
        self._in_vain += 1
        self._rest(error)

    def let_in(self) -> None:
        """Take note of a call that was let in with a new token."""
        self._known_good = True
        self._in_vain = self._failed = 0
        self._until = -float("inf")
        self._last = None

    def pause(self) -> float:
        """Return how many seconds to wait before the next login."""
        return max(0.0, self._until - self._clock())

    def standing(self) -> SupplierError | None:
        """Return what to tell a call that wants a token during the pause; None: it may wait for the next login.

        A transient failure is worth the wait. What pauses the lane is told again at once: who waits for it in vain
        would only come to rest later.
        """
        pause, last = self.pause(), self._last
        if not pause or isinstance(last, Transient):
            return None
        if isinstance(last, Throttled):
            # Part of the rest is over already.
            return Throttled(
                last.message,
                supplier=last.supplier,
                operation=last.operation,
                retry_after=timedelta(seconds=pause),
                supplier_message=last.supplier_message,
            )
        return last

    def _rest(self, error: SupplierError | None) -> None:
        setbacks = self._failed + self._in_vain
        bound = min(FIRST_PAUSE * 2.0 ** min(setbacks - 1, 10), LONGEST_PAUSE)
        pause = self._jitter(bound * LEAST_SHARE, bound)
        if isinstance(error, Throttled) and error.retry_after is not None:
            pause = max(pause, error.retry_after.total_seconds())
        self._until = self._clock() + pause
        self._last = error
