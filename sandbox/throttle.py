"""The suppliers' limit: so many calls a second for an account, above it 429 (SUPPLIERS, common facts)."""

import time
from collections import deque
from collections.abc import Callable


class Throttle:
    """A sliding window of one second; calls that were turned away do not count."""

    def __init__(self, calls_per_second: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = calls_per_second
        self._clock = clock
        self._taken: deque[float] = deque(maxlen=calls_per_second)

    def admits(self) -> bool:
        """Whether a call now stays within the limit; if so it is counted."""
        if self._limit is None:
            return True
        now = self._clock()
        if len(self._taken) == self._limit and now - self._taken[0] < 1.0:
            return False
        self._taken.append(now)
        return True
