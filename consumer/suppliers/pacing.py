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

LATEST: Final = SECOND * 7 // 100
"""How late a slot may be used. Meanwhile other processes may have gone on, so each late one may be a call too many for
the second that follows: with slots 2 % apart (`quota.MARGIN`), never more than 5 % too many. A shorter time would
waste more of the quota where processes stand still now and then."""
LATEST_OF_STOCK: Final = SECOND
"""How late the slots of a stock may be used: they are too few to matter."""
EARLY: Final = SECOND // 2000
"""Timers of the event loop are only so exact."""
GRACE: Final = SECOND // 200
"""Lateness that is made up for at once."""


class SharedClock:
    """What the database's clock says, learnt from reservations.

    An answer says what that clock said at some moment between our question and the answer. The best answer is the one
    that took least on its way back; it holds until the clocks may have drifted apart, or a later answer shows that
    one of them was set.
    """

    def __init__(self) -> None:
        # Microseconds from our clock to the shared one.
        self._ahead = -math.inf
        self._learnt_at = 0.0

    def learn(self, shared: int, *, asked: float, answered: float) -> None:
        """Take note that the clock said ``shared`` between two moments of ours, in seconds."""
        least, most = shared - answered * SECOND, shared - asked * SECOND
        known = self._ahead - DRIFT * (answered - self._learnt_at) * SECOND
        self._ahead = least if known > most else max(known, least)
        self._learnt_at = answered

    def at(self, ours: float) -> float:
        """Return what it says at a moment of our clock; without an answer so far: long ago."""
        return ours * SECOND + self._ahead

    def ours(self, shared: float) -> float:
        """Return our moment for one of its."""
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

    Args:
        interval: from one slot to the next.
        stock: so many slots may be kept for later use.
    """

    def __init__(self, interval: int, stock: int) -> None:
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
        if self.next_use(now) > now + EARLY:
            return None
        slot = self._unused.popleft()
        self._last_use = max(self._in_step(slot), now - GRACE)
        self._uses.append(now)
        return slot

    def give_back(self, slot: int) -> None:
        """Take back the slot that was taken last and not used."""
        self._unused.appendleft(slot)
        self._last_use -= self._interval / 2
        if self._uses:
            self._uses.pop()

    def forget(self, now: float) -> None:
        """Drop slots that nobody may use any more."""
        while self._unused and self._unused[0] + LATEST < now:
            if len(self._unused) <= self._stock and self._unused[0] + LATEST_OF_STOCK >= now:
                break
            self._unused.popleft()
        for past in (self._ours, self._uses):
            while past and past[0] <= now - SECOND:
                past.popleft()

    def next_use(self, now: float) -> float:
        """Return when the next slot may be used, at the earliest; without one: never."""
        if not self._unused:
            return math.inf
        use = self._in_step(self._unused[0])
        return use if self._due(now) > len(self._uses) else max(use, self._next_change(now))

    def end(self) -> int | None:
        """Return the last slot that is not used yet."""
        return self._unused[-1] if self._unused else None

    def slot(self, place: int) -> int | None:
        """Return the slot of whoever stands at ``place`` in the queue, from 0."""
        return next(islice(self._unused, place, None), None)

    def _in_step(self, slot: int) -> float:
        return max(slot, self._last_use + self._interval / 2)

    def _due(self, now: float) -> int:
        """Return how many of our slots came due in the last second, with the next one, or enough for it to be used."""
        used = len(self._ours) - len(self._unused)
        if self._unused[-1] <= now + EARLY:
            return used + len(self._unused)
        wanted = max(0, len(self._uses) + 1 - used)
        return used + max(1, sum(slot <= now + EARLY for slot in islice(self._unused, wanted)))

    def _next_change(self, now: float) -> float:
        """Return when another slot comes due or the oldest use is a second old."""
        coming = next((slot for slot in self._unused if slot > now + EARLY), math.inf)
        return min(coming, self._uses[0] + SECOND)
