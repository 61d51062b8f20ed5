"""Carries replays out, in the service: whoever holds a replay's lease is its one coordinator (DESIGN section 8).

What is to be done is decided and written by `consumer.persistence.replay_steps`; here is the pace.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from consumer.domain.errors import BooksUnavailable
from consumer.domain.replay import ItemStatus, ReplayStatus
from consumer.observability.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.domain.replay import Replay
    from consumer.domain.writes import OutboxMessage

log = get_logger(__name__)

LEASE: Final = timedelta(seconds=10)
"""How long a replay stands still when the process that carries it out has died."""
_LOOK_EVERY: Final = 1.0
"""Seconds between two looks for replays while there is none."""
_STEP_EVERY: Final = 0.1
"""Seconds between two steps of a replay that runs."""
_LISTEN_EVERY: Final = 0.5
"""The same where it only waits for outcomes."""
_BURST: Final = 0.5
"""Seconds of its pace that a replay may make up for at once."""


class Stride(Protocol):
    """What a step has done (`consumer.persistence.replay_steps.Step`)."""

    @property
    def replay(self) -> Replay:
        """As it stands now."""
        ...

    @property
    def messages(self) -> Sequence[OutboxMessage]:
        """Committed, to be sent."""
        ...

    @property
    def gone(self) -> int:
        """How many letters are among them."""
        ...

    @property
    def succeeded(self) -> int:
        """Letters whose event is done."""
        ...

    @property
    def failed(self) -> int:
        """Letters that came back."""
        ...

    @property
    def awaits(self) -> bool:
        """No more may go before an outcome is known."""
        ...


class ReplayBooks(Protocol):
    """Where replays stand."""

    async def to_lead(self, owner: str) -> Sequence[str]:
        """Return replays under way that ``owner`` leads, or nobody."""
        ...

    async def step(self, replay_id: str, owner: str, lease: timedelta, room: int) -> Stride | None:
        """Take one step; None: another process leads it, or it is over."""
        ...


class ReplayObserver(Protocol):
    """Told how letters ended; metrics hang here."""

    def letters_replayed(self, outcome: str, count: int) -> None:
        """So many letters ended so."""
        ...


class Pace:
    """How many letters may go: so many a second, what was missed made up for only in part.

    Args:
        rate: letters a second.
        now: seconds, by a clock that never goes back.
    """

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate * _BURST)
        self._credit, self._at = 1.0, now
        self._rested = False

    def room(self, now: float) -> int:
        """Return how many may go now."""
        if self._rested:
            self._credit, self._at, self._rested = min(self._credit, 1.0), now, False
        self._credit = min(self._credit + (now - self._at) * self._rate, self._most)
        self._at = now
        return int(self._credit)

    def went(self, count: int) -> None:
        """Take off what has gone."""
        self._credit -= count

    def rest(self) -> None:
        """Nothing may go whatever the pace: the time until the next look is not made up for."""
        self._rested = True


class Replaying:
    """The replays that this process carries out; any number of processes may try.

    Args:
        books: where they stand.
        hand_over: takes messages that are committed, to send them.
        observer: told how letters ended.
        owner: name of this process, which no other has.
    """

    def __init__(
        self,
        books: ReplayBooks,
        hand_over: Callable[[Sequence[OutboxMessage]], None],
        observer: ReplayObserver,
        *,
        owner: str,
    ) -> None:
        self._books = books
        self._hand_over = hand_over
        self._observer = observer
        self._owner = owner
        self._paces: dict[str, Pace] = {}
        self._faulty: set[str] = set()
        self._pause = 0.0
        self._clock = asyncio.get_running_loop().time

    async def once(self) -> None:
        """Wait until a step is due; then take one of each replay that is to be led.

        Raises:
            BooksUnavailable: the database does not answer; the lease may pass to another process meanwhile.
        """
        await asyncio.sleep(self._pause)
        # Also where this look fails.
        self._pause = _LOOK_EVERY
        leading = await self._books.to_lead(self._owner)
        self._paces = {id_: pace for id_, pace in self._paces.items() if id_ in leading}
        self._pause = min([await self._told_step(replay_id) for replay_id in leading], default=_LOOK_EVERY)

    async def _told_step(self, replay_id: str) -> float:
        """Take a step; a fault of ours must keep neither other replays nor the service."""
        try:
            after = await self._step(replay_id)
        except BooksUnavailable:
            raise
        except Exception:
            if replay_id not in self._faulty:
                self._faulty.add(replay_id)
                log.exception("a replay cannot go on: a defect", replay_id=replay_id)
            return _LOOK_EVERY
        self._faulty.discard(replay_id)
        return after

    async def _step(self, replay_id: str) -> float:
        """Take a step; return after how many seconds the next is due."""
        pace = self._paces.get(replay_id)
        step = await self._books.step(replay_id, self._owner, LEASE, 0 if pace is None else pace.room(self._clock()))
        if step is None:
            self._paces.pop(replay_id, None)
            return _LOOK_EVERY
        self._hand_over(step.messages)
        self._tell(step)
        if pace is None:
            log.info("this process carries a replay out", replay_id=replay_id, process=self._owner)
            self._paces[replay_id] = Pace(step.replay.terms.rate, self._clock())
            return 0
        pace.went(step.gone)
        if step.awaits:
            pace.rest()
        # What has ended early opens its letters, a bite at a time; what is paused, or awaits outcomes, only listens.
        idle = step.awaits or step.replay.status is ReplayStatus.PAUSED
        return _STEP_EVERY if step.replay.counts.waiting and not idle else _LISTEN_EVERY

    def _tell(self, step: Stride) -> None:
        replay = step.replay
        self._observer.letters_replayed(ItemStatus.SUCCEEDED, step.succeeded)
        self._observer.letters_replayed(ItemStatus.FAILED, step.failed)
        if replay.ended_at is None:
            return
        self._observer.letters_replayed(ItemStatus.SKIPPED, replay.counts.skipped)
        say = log.info if replay.status is ReplayStatus.DONE else log.warning
        counts = replay.counts
        say(
            "replay over",
            replay_id=replay.id,
            status=replay.status.value,
            succeeded=counts.succeeded,
            failed=counts.failed,
            skipped=counts.skipped,
        )
