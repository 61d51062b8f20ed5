"""Which suppliers (or our database) are at rest, since when and until when; lanes look here before they fetch.

A pause belongs to a resource, not to a lane: every lane that needs the resource rests. When a pause lapses the lane
is on trial: it fetches one message at a time. The first that gets through lifts the pause; one that fails the same
way renews it for twice as long, up to the cap. Nothing here waits for a person.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import timedelta

    from consumer.domain.errors import RelayError


class Fetching(StrEnum):
    """How a lane may fetch."""

    FULL = "full"
    TRIAL = "trial"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Pause:
    """One resource at rest.

    Attributes:
        resource: supplier name, or ``database``.
        cause: the error that began it.
        ends: monotonic time at which it lapses into a trial.
        length: seconds; what a renewal doubles.
        alert: a person has to mend something.
    """

    resource: str
    cause: RelayError
    ends: float
    length: float
    alert: bool


class PauseBoard:
    """The pauses of this process.

    Args:
        clock: monotonic seconds.
        on_change: told about each pause that begins, is renewed, or is lifted (None).
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[str, Pause | None], None] | None = None,
    ) -> None:
        self._clock = clock
        self._on_change = on_change
        self._pauses: dict[str, Pause] = {}
        self._changed = asyncio.Event()

    def fetching(self, resources: Collection[str]) -> Fetching:
        """Return how a lane that needs ``resources`` may fetch now."""
        standing = [self._pauses[resource] for resource in resources if resource in self._pauses]
        if not standing:
            return Fetching.FULL
        return Fetching.PAUSED if any(self._clock() < pause.ends for pause in standing) else Fetching.TRIAL

    def pauses(self) -> Collection[Pause]:
        """Return what is at rest or on trial."""
        return tuple(self._pauses.values())

    def pause(self, resource: str, *, rest: timedelta, longest: timedelta, cause: RelayError, alert: bool) -> None:
        """Put ``resource`` to rest for ``rest``, or for twice the last time, up to ``longest``, if its trial failed.

        While it rests already (others in flight fail the same way) only a longer rest changes anything.
        """
        now = self._clock()
        standing = self._pauses.get(resource)
        if standing is not None and now < standing.ends:
            if rest.total_seconds() > standing.length:
                # A later answer asks for more than the one that began the pause.
                self._pauses[resource] = replace(standing, ends=now + rest.total_seconds(), length=rest.total_seconds())
            return
        length = rest.total_seconds()
        if standing is not None:
            length = max(length, min(standing.length * 2, longest.total_seconds()))
        pause = Pause(resource, cause, now + length, length, alert)
        self._pauses[resource] = pause
        self._told(resource, pause)

    def lift(self, resource: str) -> None:
        """End the trial of ``resource``: something that needs it got through."""
        pause = self._pauses.get(resource)
        if pause is not None and self._clock() >= pause.ends:
            del self._pauses[resource]
            self._told(resource, None)

    async def until_other_than(self, seen: Fetching, resources: Collection[str]) -> Fetching:
        """Wait until a lane may fetch otherwise than ``seen``; return how."""
        while (now := self.fetching(resources)) is seen:
            changed = self._changed
            ends = [pause.ends for pause in self._pauses.values() if pause.resource in resources]
            left = min((end - self._clock() for end in ends if end > self._clock()), default=None)
            try:
                await asyncio.wait_for(changed.wait(), timeout=left)
            except TimeoutError:
                continue
        return now

    def _told(self, resource: str, pause: Pause | None) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        if self._on_change is not None:
            self._on_change(resource, pause)
