"""When the slots that a process holds may be used: by the clock that all share, evenly, and never all at once.

Pure computing, apart from waiting. Slots are microseconds by the database's clock; `SharedClock` knows what that clock
says now, `HeldSlots` which slot may be used.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import islice
from typing import Final

from consumer.domain.slots import SECOND

DRIFT: Final = 500e-6
"""By how much two clocks may differ in pace; computers' are ten times as good."""

LATEST: Final = SECOND // 100
"""How late a slot may be used. Meanwhile other processes may have gone on, so each late one may be a call too many for
the second that follows, and slots 2 % apart (`quota.MARGIN`) leave room for two. Longer, less is lost where processes
stand still now and then; but the calls that follow on a standstill come close together, and each 429 costs more than a
hundred slots."""
LATEST_OF_STOCK: Final = SECOND
"""How late the slots of a stock may be used: they are too few to matter."""
EARLY: Final = SECOND // 2000
"""Timers of the event loop are only so exact."""
GRACE: Final = SECOND // 200
"""Lateness that is made up for at once."""


class SharedClock:
    """What the database's clock says, learnt from reservations.

    An answer says what that clock said at some moment between our question and the answer, so each one bounds the
    difference between the two clocks. The bounds of all answers so far are held, a little wider with time for the
    clocks may drift apart, until they contradict each other: then one of the clocks was set.
    """

    def __init__(self) -> None:
        # Microseconds from our clock to the shared one.
        self._least, self._most = -math.inf, math.inf
        self._ahead = -math.inf
        self._learnt_at = 0.0

    def learn(self, shared: int, *, asked: float, answered: float) -> None:
        """Take note that the clock said ``shared`` between two moments of ours, in seconds."""
        least, most = shared - answered * SECOND, shared - asked * SECOND
        drift = DRIFT * (answered - self._learnt_at) * SECOND
        self._least, self._most = max(least, self._least - drift), min(most, self._most + drift)
        if self._least > self._most:
            self._least, self._most = least, most
        self._ahead = (self._least + self._most) / 2
        self._learnt_at = answered

    def at(self, ours: float) -> float:
        """Return what it says at a moment of our clock, in microseconds; before the first answer: long ago."""
        return ours * SECOND + self._ahead

    def ours(self, shared: float) -> float:
        """Return our moment for one of its, in seconds."""
        return (shared - self._ahead) / SECOND


class HeldSlots:
    """The slots of this process, in order.

    A slot that cannot be used at its time (the reservation came late, the event loop stood still) is used as soon as
    possible, but

    - not beyond `LATEST`; then it is lost;
    - half an interval after the one before, so that what is made up for is no burst;
    - only while no more slots were used in the last second than came due in it: what is late now may not meet what is
      on time a second later. Since this holds for each process, and each slot belongs to one, it holds for all together
      but for what `LATEST` allows.

    Moments (``now``, and what is returned) are seconds of our clock.

    Args:
        clock: for which the slots are.
        interval: from one slot to the next.
        stock: so many slots may be kept for later use.
    """

    def __init__(self, clock: SharedClock, interval: int, stock: int) -> None:
        self._clock = clock
        self._interval = interval
        self._stock = stock
        self._unused: deque[int] = deque()
        # Of the last second and to come, used or not.
        self._ours: deque[int] = deque()
        # When slots were used, within the last second.
        self._uses: deque[float] = deque()
        self._last_use = -math.inf

    def __len__(self) -> int:
        return len(self._unused)

    def add(self, first: int, count: int) -> None:
        """Take in what was reserved; slots before those that we know mean that the shared clock was set back."""
        if self._ours and first < self._ours[-1]:
            for known in (self._unused, self._ours, self._uses):
                known.clear()
            self._last_use = -math.inf
        new = range(first, first + count * self._interval, self._interval)
        self._unused.extend(new)
        self._ours.extend(new)

    def take(self, now: float) -> int | None:
        """Take the next slot if it may be used now."""
        self.forget(now)
        if self.next_use(now) > now + EARLY / SECOND:
            return None
        slot = self._unused.popleft()
        self._last_use = max(self._in_step(slot), now - GRACE / SECOND)
        self._uses.append(now)
        return slot

    def give_back(self, slot: int) -> None:
        """Take back the slot that was taken last and not used."""
        self._unused.appendleft(slot)
        self._last_use -= self._interval / 2 / SECOND
        if self._uses:
            self._uses.pop()

    def forget(self, now: float) -> None:
        """Drop slots that nobody may use any more."""
        shared = self._clock.at(now)
        while self._unused and self._unused[0] + LATEST < shared:
            if len(self._unused) <= self._stock and self._unused[0] + LATEST_OF_STOCK >= shared:
                break
            self._unused.popleft()
        while self._ours and self._ours[0] <= shared - SECOND:
            self._ours.popleft()
        while self._uses and self._uses[0] <= now - 1:
            self._uses.popleft()

    def next_use(self, now: float) -> float:
        """Return when the next slot may be used, at the earliest; without one: never."""
        if not self._unused:
            return math.inf
        use = self._in_step(self._unused[0])
        return use if self._due(now) > len(self._uses) else max(use, self._next_change(now))

    def slot(self, place: int) -> float | None:
        """Return when the slot is of whoever stands at ``place`` in the queue, from 0."""
        slot = next(islice(self._unused, place, None), None)
        return None if slot is None else self._clock.ours(slot)

    def end(self) -> float | None:
        """Return when the last slot is that is not used yet."""
        return self._clock.ours(self._unused[-1]) if self._unused else None

    def _in_step(self, slot: int) -> float:
        return max(self._clock.ours(slot), self._last_use + self._interval / 2 / SECOND)

    def _due(self, now: float) -> int:
        """Return how many of our slots came due in the last second, with the next one, or enough for it to be used."""
        by = self._clock.at(now) + EARLY
        used = len(self._ours) - len(self._unused)
        if self._unused[-1] <= by:
            return used + len(self._unused)
        wanted = max(0, len(self._uses) + 1 - used)
        return used + max(1, sum(slot <= by for slot in islice(self._unused, wanted)))

    def _next_change(self, now: float) -> float:
        """Return when another slot comes due or the oldest use is a second old."""
        by = self._clock.at(now) + EARLY
        coming = next((slot for slot in self._unused if slot > by), math.inf)
        return min(self._clock.ours(coming), self._uses[0] + 1)
