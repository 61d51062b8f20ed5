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

LATEST: Final = SECOND // 20
"""How late a slot may be used. Beyond that it is lost: a call in its place would be one too many for a later second."""
GRACE: Final = SECOND // 200
"""Lateness that needs no making up for: an event loop wakes a little late."""
LATEST_OF_STOCK: Final = SECOND
"""How late the slots of a stock may be used: they are too few to matter."""
EARLY: Final = SECOND // 2000
"""Timers of the event loop are only so exact."""
CATCHING_UP: Final = 0.01
"""Who is late may come closer to his time by so much of the time that passes."""


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
    """The slots of this process that are not used yet, in order.

    A slot that cannot be used at its time (the reservation came late, the event loop stood still) is used late, and the
    slots behind it keep their distance from it but for one hundredth: a burst would be several calls too many for the
    second that follows, whereas a stream that is late as a whole is as smooth as any.

    Args:
        stock: so many slots may be kept for later use.
    """

    def __init__(self, stock: int) -> None:
        self._stock = stock
        self._slots: deque[int] = deque()
        self._last_slot = 0
        self._last_use = -math.inf

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, first: int, count: int, interval: int) -> None:
        """Take in what was reserved; slots before those that we know mean that the shared clock was set back."""
        if first < self._last_slot or (self._slots and first < self._slots[-1]):
            self._slots.clear()
            self._last_use = -math.inf
        self._slots.extend(range(first, first + count * interval, interval))

    def give_back(self, slot: int) -> None:
        """Take back the slot that was taken last and not used."""
        self._slots.appendleft(slot)

    def take(self, now: float) -> int | None:
        """Take the next slot, which somebody waited for, if it may be used now."""
        slot = self.take_spare(now)
        if slot is not None:
            self._last_use = max(self._last_use, now - GRACE)
        return slot

    def take_spare(self, now: float) -> int | None:
        """Take the next slot if it may be used now and lay there for whoever comes: that it is late means nothing."""
        self.forget(now)
        if not self._slots:
            return None
        slot = self._slots[0]
        use = self._use(slot)
        if use > now + EARLY:
            return None
        self._slots.popleft()
        self._last_slot, self._last_use = slot, use
        return slot

    def forget(self, now: float) -> None:
        """Drop slots that nobody may use any more."""
        while self._slots and self._slots[0] + LATEST + GRACE < now:
            if len(self._slots) <= self._stock and self._slots[0] + LATEST_OF_STOCK >= now:
                return
            self._slots.popleft()

    def next_use(self) -> float:
        """Return when the next slot may be used, at the earliest; without one: never."""
        return self._use(self._slots[0]) if self._slots else math.inf

    def end(self) -> int | None:
        """Return the last slot."""
        return self._slots[-1] if self._slots else None

    def slot(self, place: int) -> int | None:
        """Return the slot of whoever stands at ``place`` in the queue, from 0."""
        return next(islice(self._slots, place, None), None)

    def _use(self, slot: int) -> float:
        return max(slot, self._last_use + (slot - self._last_slot) * (1 - CATCHING_UP))
