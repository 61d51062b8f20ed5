"""Which suppliers (or our database) are at rest, since when, why, and what ends it; lanes look here before they fetch.

A pause belongs to a resource, not to a lane: every lane that needs the resource rests.

    FULL ──pause──→ PAUSED ──rest over──→ probe ──passed──→ TRIAL ──first that gets through──→ FULL
                      ↑                     │                 │
                      └── twice as long ────┴─────failed──────┘

Pauses of `Lapse.TRIAL` need no probe. On trial a lane fetches one message at a time. A person's pause (`hold`) stands
beside all this: while it does nothing is fetched and nothing probes, and only a person ends it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from consumer.domain.recoverability import Lapse
from consumer.runtime.pauses import Change, Fetching, Pause

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from consumer.domain.errors import RelayError
    from consumer.domain.interventions import SupplierPause


class PauseBoard:
    """The pauses of this process.

    Args:
        clock: monotonic seconds.
        on_change: told which resource something has happened to; the board says what stands then.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[str, Change], None] | None = None,
    ) -> None:
        self._clock = clock
        self._on_change = on_change
        self._pauses: dict[str, Pause] = {}
        self._holds: dict[str, SupplierPause] = {}
        self._changed = asyncio.Event()

    # ---- what stands ----

    def fetching(self, resources: Collection[str]) -> Fetching:
        """Return how a lane that needs ``resources`` may fetch now."""
        if not self._pauses and not self._holds:
            return Fetching.FULL
        now = self._clock()
        if any(resource in self._holds for resource in resources):
            return Fetching.PAUSED
        standing = [self._pauses[resource] for resource in resources if resource in self._pauses]
        if not standing:
            return Fetching.FULL
        return Fetching.TRIAL if all(pause.on_trial(now) is not None for pause in standing) else Fetching.PAUSED

    def pauses(self) -> Collection[Pause]:
        """Return what is at rest by itself, or on trial."""
        return tuple(self._pauses.values())

    def holds(self) -> Collection[SupplierPause]:
        """Return what people have paused."""
        return tuple(self._holds.values())

    def pause_of(self, resource: str) -> Pause | None:
        """Return the pause of ``resource`` that is none of a person's."""
        return self._pauses.get(resource)

    def why_paused(self, resource: str) -> str | None:
        """Return in words why no call to ``resource`` may begin; None: it may."""
        if not self._pauses and not self._holds:
            return None
        hold = self._holds.get(resource)
        if hold is not None:
            return f"{resource} is paused by {hold.paused_by} until somebody resumes it"
        pause = self._pauses.get(resource)
        if pause is None or pause.on_trial(self._clock()) is not None:
            return None
        return f"{resource} is at rest: {pause.cause.message}"

    # ---- pauses that end by themselves ----

    def pause(
        self,
        resource: str,
        *,
        rest: timedelta,
        longest: timedelta,
        cause: RelayError,
        alert: bool,
        lapse: Lapse = Lapse.TRIAL,
    ) -> None:
        """Put ``resource`` to rest for ``rest``, or for twice the last time, up to ``longest``, if its trial failed.

        While it rests already (others in flight fail the same way) only what asks for more changes anything: a longer
        rest, a probe, a person.
        """
        standing = self._pauses.get(resource)
        if standing is not None and standing.on_trial(self._clock()) is None:
            self._add_to(standing, rest, cause, lapse, alert=alert)
            return
        length = rest.total_seconds()
        if standing is not None:
            length = max(length, min(standing.length * 2, longest.total_seconds()))
        self._put(self._new(resource, cause, length, lapse, alert=alert))

    def renew(self, resource: str, *, longest: timedelta, cause: RelayError, took: float) -> None:
        """End the trial of ``resource``: what was tried failed too. It rests twice as long, then probes.

        Args:
            resource: which.
            longest: a rest takes no longer than this.
            cause: what came of the trial.
            took: seconds. What began before the trial says nothing about it, and changes nothing.
        """
        if self._tried(resource, took):
            length = min(self._pauses[resource].length * 2, longest.total_seconds())
            self._put(self._new(resource, cause, length, Lapse.PROBE, alert=False))

    def lift(self, resource: str, *, took: float = 0.0) -> None:
        """End the trial of ``resource``: something that needs it got through, and took so many seconds."""
        if self._tried(resource, took):
            del self._pauses[resource]
            self._tell(resource, Change.LIFTED)

    def _tried(self, resource: str, took: float) -> bool:
        """Whether what has just ended was begun on trial."""
        pause = self._pauses.get(resource)
        if pause is None:
            return False
        now = self._clock()
        since = pause.on_trial(now)
        return since is not None and now - took >= since

    # ---- probing ----

    async def until_due(self, resource: str) -> Pause:
        """Wait until ``resource`` has to be probed; returns its pause, to be given back to `passed` or `failed`."""
        while True:
            pause = self._pauses.get(resource)
            waits = pause is not None and pause.lapse is Lapse.PROBE and pause.trial_since is None
            if pause is None or not waits or resource in self._holds:
                await self._change(within=None)
            elif (left := pause.ends - self._clock()) > 0:
                await self._change(within=left)
            else:
                return pause

    def passed(self, probed: Pause) -> None:
        """Put what was probed on trial, unless its pause has become another one meanwhile.

        Nobody has to mend anything any more: with empty queues the trial may last for long.
        """
        if self._pauses.get(probed.resource) is probed:
            self._put(replace(probed, alert=False, trial_since=self._clock()))

    def failed(self, probed: Pause, *, rest: timedelta, longest: timedelta, cause: RelayError, alert: bool) -> None:
        """Let what was probed rest for ``rest``, or for twice as long as before, up to ``longest``."""
        if self._pauses.get(probed.resource) is probed:
            length = max(rest.total_seconds(), min(probed.length * 2, longest.total_seconds()))
            self._put(self._new(probed.resource, cause, length, Lapse.PROBE, alert=alert))

    def try_now(self, resource: str) -> None:
        """Put ``resource`` on trial without a probe: what it rests for is no longer what it was."""
        pause = self._pauses.get(resource)
        if pause is not None:
            self.passed(pause)

    # ---- pauses of people ----

    def hold(self, pause: SupplierPause) -> None:
        """Pause a supplier until `release`; who pauses what is paused takes it over."""
        if self._holds.get(pause.supplier) != pause:
            self._holds[pause.supplier] = pause
            self._tell(pause.supplier, Change.HELD)

    def release(self, supplier: str) -> None:
        """End a person's pause. What rests by itself goes on resting, and probes when it is time."""
        if self._holds.pop(supplier, None) is not None:
            self._tell(supplier, Change.RELEASED)

    # ---- waiting ----

    async def until_other_than(self, seen: Fetching, resources: Collection[str]) -> Fetching:
        """Wait until a lane may fetch otherwise than ``seen``; return how."""
        while True:
            # Read before the look: an end that passes between the two has to be noticed, or nobody waits for it.
            looked_at = self._clock()
            now = self.fetching(resources)
            if now is not seen:
                return now
            ends = [
                pause.ends
                for pause in self._pauses.values()
                if pause.resource in resources and pause.lapse is Lapse.TRIAL and pause.ends > looked_at
            ]
            await self._change(within=min(ends) - self._clock() if ends else None)

    async def _change(self, *, within: float | None) -> None:
        """Return after the next change, or ``within`` so many seconds."""
        try:
            await asyncio.wait_for(self._changed.wait(), timeout=within)
        except TimeoutError:
            return

    # ---- changing ----

    def _new(self, resource: str, cause: RelayError, length: float, lapse: Lapse, *, alert: bool) -> Pause:
        before = self._pauses.get(resource)
        now = datetime.now(UTC)
        return Pause(
            resource,
            cause,
            since=now if before is None else before.since,
            ends=self._clock() + length,
            ends_at=now + timedelta(seconds=length),
            length=length,
            alert=alert,
            lapse=lapse,
        )

    def _add_to(self, standing: Pause, rest: timedelta, cause: RelayError, lapse: Lapse, *, alert: bool) -> None:
        """Let a pause that stands take over what another cause asks for beyond it."""
        asked = self._new(standing.resource, cause, rest.total_seconds(), lapse, alert=alert)
        longer = asked if asked.length > standing.length and asked.ends > standing.ends else standing
        louder = alert and not standing.alert
        merged = replace(
            longer,
            cause=cause if louder else standing.cause,
            alert=alert or standing.alert,
            lapse=Lapse.PROBE if Lapse.PROBE in {lapse, standing.lapse} else Lapse.TRIAL,
        )
        if merged != standing:
            self._put(merged)

    def _put(self, pause: Pause) -> None:
        self._pauses[pause.resource] = pause
        self._tell(pause.resource, Change.RESTS if pause.trial_since is None else Change.TRIAL)

    def _tell(self, resource: str, change: Change) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        if self._on_change is not None:
            self._on_change(resource, change)
