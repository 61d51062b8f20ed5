"""An account's calls a second, kept together by all processes that use the account (ADR 0006).

Slots come from one place (`Slots`: a row in the database), some at a time, and each lets one call go. A process asks
for as many as there are callers waiting, at most for some twentieth of a second, and while the ones it holds last for
another fifth: so the next ones are there in time, a process that dies takes only a few along, and one that is idle
holds none.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from consumer.domain.slots import SECOND, Reservation, SlotRequest
from consumer.suppliers.pacing import LATEST, HeldSlots, SharedClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.domain.slots import Slots

MARGIN: Final = 0.02
"""How much further apart slots are than the quota allows: calls that travel unequally long arrive closer together."""

_PORTION: Final = 0.05
"""Seconds that the slots of one reservation last, if nobody else has any."""
_AHEAD: Final = 0.2
"""Seconds before the last slot at which more are reserved."""
_LONGEST: Final = 0.5
"""What both grow to at most where the database is slow."""
_FORGETTING: Final = 0.97
"""How fast the slowest answer is forgotten, with each quicker one."""
_NEWEST: Final = 0.2
"""What the newest answer counts in how long they usually take."""
_STOCK: Final = 0.001
"""Part of a second's calls that a process may keep in stock; nothing up to a thousand calls a second. At such rates the
quota is hardly ever what one waits for, and then it should cost nothing."""
_HORIZON: Final = 10 * SECOND
_HORIZON_SLOTS: Final = 200
_MINUTE: Final = 60


@dataclass(slots=True, eq=False)
class _Caller:
    """Somebody who waits: until when, for an answer, and the slot that it came with."""

    deadline: float
    answer: asyncio.Future[bool]
    slot: int = 0


class SharedQuota:
    """The quota of one account; implements `consumer.suppliers.limits.Quota`, first come, first served.

    Args:
        account: ``<supplier>:<client id>``: who uses the same name shares the quota.
        rate: calls a second.
        slots: where slots come from.
        clock: seconds, never going back.
    """

    def __init__(self, account: str, rate: float, slots: Slots, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._account = account
        self._rate = rate
        self._slots = slots
        self._clock = clock
        self._interval = math.ceil(SECOND / rate * (1 + MARGIN))
        self._shared = SharedClock()
        self._stock = int(rate * _STOCK)
        self._held = HeldSlots(self._shared, self._interval, self._stock)
        self._callers: deque[_Caller] = deque()
        # Nobody's deadline is sooner; that of somebody who left may linger here until it has passed.
        self._soonest = math.inf
        self._used = LastMinute()
        self._flight: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf
        self._slowest = 0.0
        self._usual = 0.0
        self._lead = 0.0

    async def take(self, within: float) -> bool:
        """Wait for the next slot and take it; False, at once, if it lies further away than ``within`` seconds.

        Raises:
            BooksUnavailable: no slots can be reserved.
        """
        now = self._clock()
        if not self._callers and self._held.take(now) is not None:
            self._used.add(now)
            if 2 * len(self._held) < self._stock:
                self._reserve(now)
            return True
        if self._turn_of(len(self._callers), now) > now + within:
            return False
        loop = asyncio.get_running_loop()
        caller = _Caller(now + within, loop.create_future())
        self._callers.append(caller)
        self._soonest = min(self._soonest, caller.deadline)
        self._reserve(now)
        self._set_alarm(now)
        try:
            taken = await caller.answer
        except asyncio.CancelledError:
            self._withdraw(caller)
            raise
        if taken:
            self._used.add(self._clock())
        return taken

    def used_ratio(self) -> float:
        """Return what this process used of the quota during the last minute; all processes' ratios add up."""
        return self._used.count(self._clock()) / (self._rate * _MINUTE)

    async def aclose(self) -> None:
        """End a reservation that is under way."""
        if self._alarm is not None:
            self._alarm.cancel()
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    def _turn_of(self, place: int, now: float) -> float:
        """Return when whoever stands at ``place`` has his turn, at the earliest."""
        slot, end = self._held.slot(place), self._held.end()
        if slot is not None:
            return max(now, slot)
        if end is not None:
            return max(now, end + (place - len(self._held) + 1) * self._interval / SECOND)
        return now + place * self._interval / SECOND

    def _serve(self) -> None:
        """Let go whose turn it is, send away who cannot have one in time, and see to what comes next."""
        now = self._clock()
        while self._callers:
            if self._callers[0].answer.done():
                self._callers.popleft()
                continue
            slot = self._held.take(now)
            if slot is None:
                break
            caller = self._callers.popleft()
            caller.slot = slot
            caller.answer.set_result(True)
        self._send_away(now)
        self._reserve(now)
        self._set_alarm(now)

    def _send_away(self, now: float) -> None:
        if self._soonest > now and self._turn_of(len(self._callers), now) <= self._soonest:
            return
        staying: deque[_Caller] = deque()
        for caller in self._callers:
            if caller.answer.done():
                continue
            if caller.deadline <= now or self._turn_of(len(staying), now) > caller.deadline:
                caller.answer.set_result(False)
            else:
                staying.append(caller)
        self._callers = staying
        self._soonest = min((caller.deadline for caller in staying), default=math.inf)

    def _set_alarm(self, now: float) -> None:
        """Have `_serve` called when the next slot may be used, or somebody has waited long enough."""
        if not self._callers:
            return
        at = min(self._held.next_use(now), self._soonest)
        if self._alarm is not None:
            if self._alarm_at <= at:
                return
            self._alarm.cancel()
        self._alarm_at = at
        self._alarm = asyncio.get_running_loop().call_later(max(0.0, at - now), self._alarmed)

    def _alarmed(self) -> None:
        self._alarm = None
        self._serve()

    def _withdraw(self, caller: _Caller) -> None:
        """Give what a caller who was cancelled had to the next one: his place, or the slot he did not use."""
        if not caller.answer.done() or caller.answer.cancelled():
            if caller in self._callers:
                self._callers.remove(caller)
        elif caller.answer.exception() is None and caller.answer.result():
            self._held.give_back(caller.slot)
            self._serve()

    def _reserve(self, now: float) -> None:
        """Reserve slots if more callers wait than there are slots, and the slots will not last much longer.

        What is missing in the stock comes along; it alone is no reason while nobody calls.
        """
        if self._flight is not None:
            return
        self._held.forget(now)
        missing = len(self._callers) + self._stock - len(self._held)
        end = self._held.end()
        ahead = min(max(_AHEAD, 1.5 * self._slowest), _LONGEST)
        if missing <= 0 or 2 * missing <= self._stock or (end is not None and end - now >= ahead):
            return
        portion = min(max(_PORTION, 2 * self._usual), _LONGEST)
        count = min(missing, math.ceil(portion * SECOND / self._interval))
        self._flight = asyncio.create_task(self._fetch(count), name=f"slots of {self._account}")

    async def _fetch(self, count: int) -> None:
        horizon = max(_HORIZON, _HORIZON_SLOTS * self._interval)
        request = SlotRequest(self._account, count, self._interval, int(self._lead * SECOND), horizon)
        asked = self._clock()
        try:
            reservation = await self._slots.reserve_slots(request)
        except Exception as error:  # noqa: BLE001 - handed to each caller, who decides on it
            self._flight = None
            self._fail(error)
            return
        except asyncio.CancelledError:
            self._flight = None
            for caller in self._callers:
                caller.answer.cancel()
            raise
        self._flight = None
        self._note(reservation, asked, self._clock())
        self._held.add(reservation.first, count)
        self._serve()

    def _note(self, reservation: Reservation, asked: float, answered: float) -> None:
        self._shared.learn(reservation.now, asked=asked, answered=answered)
        took = answered - asked
        self._slowest = max(took, self._slowest * _FORGETTING)
        self._usual += _NEWEST * (took - self._usual)
        # Where the answers' way takes much longer than it did, slots that begin at once are over when they get here:
        # the next ones are to begin that much later.
        late = (self._shared.at(answered) - reservation.first) / SECOND
        self._lead = min(self._lead + late, _LONGEST) if late > LATEST / 2 / SECOND else self._lead * _FORGETTING

    def _fail(self, error: Exception) -> None:
        """Tell those who wait for more slots than we hold."""
        while len(self._callers) > len(self._held):
            caller = self._callers.pop()
            if not caller.answer.done():
                caller.answer.set_exception(error)
        self._serve()


class LastMinute:
    """Counts what happened in the last sixty seconds, to the second."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, int]] = deque()

    def add(self, now: float) -> None:
        """Count one."""
        second = int(now)
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1] = (second, self._seconds[-1][1] + 1)
            return
        self._seconds.append((second, 1))
        self._forget(second)

    def count(self, now: float) -> int:
        """Return how many there were."""
        self._forget(int(now))
        return sum(count for _, count in self._seconds)

    def _forget(self, second: int) -> None:
        while self._seconds and self._seconds[0][0] <= second - _MINUTE:
            self._seconds.popleft()


class LocalSlots:
    """Slots for one process alone, where there is no database to share them in.

    Args:
        clock: seconds, never going back.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next: dict[str, int] = {}

    async def reserve_slots(self, request: SlotRequest) -> Reservation:
        """Give out the next slots."""
        now = int(self._clock() * SECOND)
        first = request.first(self._next.get(request.account, 0), now)
        self._next[request.account] = first + request.span
        return Reservation(first, now)
