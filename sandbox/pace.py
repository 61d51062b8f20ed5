"""How fast calls came: the most that arrived within any one second, by which a shared quota is judged."""

import time
from collections import deque
from collections.abc import Callable

WINDOW = 1.0


class Pace:
    """Arrivals in a sliding window of one second; holds the moments of one window and one number."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._moments: deque[float] = deque()
        self.worst = 0

    def note(self) -> None:
        """A call arrived now."""
        now = self._clock()
        moments = self._moments
        moments.append(now)
        # Half open: two calls exactly one second apart are in no window together.
        while now - moments[0] >= WINDOW:
            moments.popleft()
        self.worst = max(self.worst, len(moments))

    def reset(self) -> None:
        """Forget what came."""
        self._moments.clear()
        self.worst = 0
