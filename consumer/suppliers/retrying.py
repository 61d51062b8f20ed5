"""Repeating a call at once, as `consumer.domain.recoverability` decides; what is slower is the pipeline's part."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, TypeVar

import tenacity

from consumer.domain.errors import Resting, SupplierError, UnknownOutcome
from consumer.domain.recoverability import Attempt, Policy, RetryNow, decide

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

T = TypeVar("T")


class Tries:
    """The tries of one business call, under one deadline.

    Args:
        policy: which pauses, how often.
        deadline: for all tries and pauses together, from now.
        clock: seconds, never going back.
        jitter: gives a number between its two arguments.

    Attributes:
        expiries: how often a token expired under it so far.
        unanswered: the first try of this call whose outcome is unknown, or None.
        sending: whether a try is on its way now, and the supplier may have read it already.
    """

    def __init__(
        self,
        policy: Policy,
        deadline: timedelta,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._jitter = jitter
        self._until = clock() + deadline.total_seconds()
        self.expiries = 0
        self.unanswered: UnknownOutcome | None = None
        self.sending = False

    @property
    def nothing_open(self) -> bool:
        """Whether no try can have done anything that is not known: none is on its way, none is unanswered."""
        return not self.sending and self.unanswered is None

    @property
    def remaining(self) -> float:
        """Seconds until the deadline, never negative."""
        return max(0.0, self._until - self._clock())

    async def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make ``call``, and again while the policy says `RetryNow` and the deadline allows it, with full jitter.

        Raises:
            SupplierError: of the last try that was made: where a repeat finds the supplier at rest, of the try before.
                That one was in flight when the rest began, and spends its message's attempt like any that failed.
        """
        try:
            return await call()
        except SupplierError as error:
            self._note(error)
            if self._repeat(error, 0) is None:
                raise
            # Only now tenacity is set up: asking it costs more than all else that we do for a call that simply works.
            return await self._again(call, error)

    async def _again(self, call: Callable[[], Awaitable[T]], first: SupplierError) -> T:
        failed: SupplierError | None = first
        made = first

        async def resumed() -> T:
            nonlocal failed, made
            if failed is not None:
                error, failed = failed, None
                raise error
            try:
                return await call()
            except SupplierError as error:
                self._note(error)
                if not isinstance(error, Resting):
                    made = error
                raise

        repeating = tenacity.AsyncRetrying(retry=self._wanted, wait=self._pause, stop=self._too_late, reraise=True)
        try:
            return await repeating(resumed)
        except Resting as rest:
            raise made from rest

    def _note(self, error: SupplierError) -> None:
        if isinstance(error, UnknownOutcome) and self.unanswered is None:
            self.unanswered = error

    def _repeat(self, error: BaseException, tries: int) -> RetryNow | None:
        action = decide(error, Attempt(immediate=tries), self._policy)
        return action if isinstance(action, RetryNow) else None

    def _after(self, state: tenacity.RetryCallState) -> RetryNow | None:
        error = state.outcome.exception() if state.outcome is not None else None
        return None if error is None else self._repeat(error, state.attempt_number - 1)

    def _wanted(self, state: tenacity.RetryCallState) -> bool:
        return self._after(state) is not None

    def _too_late(self, state: tenacity.RetryCallState) -> bool:
        return state.upcoming_sleep >= self.remaining

    def _pause(self, state: tenacity.RetryCallState) -> float:
        action = self._after(state)
        return self._jitter(0.0, action.after.total_seconds()) if action else 0.0
