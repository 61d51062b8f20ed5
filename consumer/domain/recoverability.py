"""What to do about a failure: one pure function of (error, attempt, policy) into a closed set of actions.

The same function serves both levels. A supplier call asks it with the number of immediate tries already made and acts
on `RetryNow` only; the pipeline asks it once the call has given up and acts on the rest. The model is NServiceBus'
``DefaultRecoverabilityPolicy``: the policy is data, the decision has no side effect, and no branch is left to a
caller.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from consumer.domain.errors import (
    BooksUnavailable,
    Malformed,
    Misconfigured,
    Rejected,
    RelayError,
    Resting,
    Snoozed,
    StateError,
    Throttled,
    Transient,
    Unauthorised,
    UnknownOutcome,
)

DATABASE = "database"
"""Name of our own database among the resources that a lane needs."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient we are. The defaults are those of DESIGN section 6.

    Attributes:
        delays: the delay ladder; one rung for each retry through the broker.
        immediate_retries: how often a call is repeated at once before the ladder.
        immediate_delay: pause before the first immediate retry; grows by ``immediate_factor`` up to ``immediate_cap``.
        database_rest: how long lanes rest first when our database does not answer; grows up to ``probe_first``.
        throttle_rest: how long a supplier's lanes rest on a 429 without ``Retry-After``, and at least with one.
        probe_first: after how long a pause probes itself first; doubles up to ``probe_cap``.
        snooze_limit: an event snoozed for longer, while its lane runs, is dead-lettered.
    """

    delays: tuple[timedelta, ...] = (
        timedelta(seconds=5),
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=10),
        timedelta(hours=1),
    )
    immediate_retries: int = 1
    immediate_delay: timedelta = timedelta(seconds=0.5)
    immediate_factor: float = 2.0
    immediate_cap: timedelta = timedelta(seconds=30)
    database_rest: timedelta = timedelta(seconds=2)
    throttle_rest: timedelta = timedelta(seconds=1)
    probe_first: timedelta = timedelta(seconds=30)
    probe_cap: timedelta = timedelta(minutes=5)
    snooze_limit: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Where a message stands.

    Attributes:
        number: this delivery's attempt, 1 for the first (header ``x-relay-attempt``).
        immediate: immediate tries already repeated within this attempt.
        snoozed: how long the event has been snoozed in all, rests of its lane not counted.
    """

    number: int = 1
    immediate: int = 0
    snoozed: timedelta = field(default=timedelta(0))


@dataclass(frozen=True, slots=True)
class RetryNow:
    """Repeat the call in this process; ``after`` is the upper bound of a jittered pause."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Send the message round through the retry queue of ``delay`` as attempt ``attempt``."""

    delay: timedelta
    attempt: int


@dataclass(frozen=True, slots=True)
class Snooze:
    """Send the message round without spending an attempt."""

    delay: timedelta


class Lapse(StrEnum):
    """What follows when a pause has lasted as long as it was to last."""

    PROBE = "probe"
    """A harmless call asks whether the resource is back; nothing is fetched until it says yes."""
    TRIAL = "trial"
    """One message at a time: whoever asked for the rest said how long, or there is nothing to ask."""


@dataclass(frozen=True, slots=True)
class PauseLane:
    """Stop fetching from the lanes that need ``resource`` (a supplier, or ``database``); the message itself is snoozed.

    ``rest`` is when the pause tries to lift itself first, and ``lapse`` how; each renewal doubles it, up to
    ``longest``. ``alert`` says that a person has to mend something.
    """

    resource: str
    rest: timedelta
    longest: timedelta
    alert: bool
    lapse: Lapse = Lapse.TRIAL


@dataclass(frozen=True, slots=True)
class SitOut:
    """Send the message round by the shortest retry queue, nothing counted: what it needs is at rest already."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Park the message in ``<lane>.dlq``, where an operator sees it."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Final: the publisher gets ``…failed`` with the supplier's words."""


Action = RetryNow | RetryIn | Snooze | PauseLane | SitOut | DeadLetter | Reject


def decide(  # noqa: PLR0911 - one return for each class of error
    error: BaseException, attempt: Attempt, policy: Policy
) -> Action:
    """Return what has to happen after ``error``.

    Anything that is not one of our own errors is a bug: it is dead-lettered and never loops.
    """
    match error:
        case Transient() | UnknownOutcome() | Malformed() if attempt.immediate < policy.immediate_retries:
            return RetryNow(_immediate_delay(attempt.immediate, policy))
        case Transient() | UnknownOutcome():
            return _next_rung(attempt, policy)
        case Resting():
            return SitOut()
        case Unauthorised(expired=True):
            return _next_rung(attempt, policy)
        case Throttled():
            rest = rest_after(error, policy)
            return PauseLane(error.supplier, rest, longest=rest, alert=False)
        case Unauthorised() | Misconfigured():
            return PauseLane(error.supplier, policy.probe_first, policy.probe_cap, alert=True, lapse=Lapse.PROBE)
        case BooksUnavailable():
            return PauseLane(DATABASE, policy.database_rest, longest=policy.probe_first, alert=False)
        case Rejected():
            return Reject()
        case Snoozed() | StateError():
            return _snooze(error, attempt, policy)
        case _:
            return DeadLetter()


def _immediate_delay(tries: int, policy: Policy) -> timedelta:
    return min(policy.immediate_delay * policy.immediate_factor**tries, policy.immediate_cap)


def rest_after(error: Throttled, policy: Policy) -> timedelta:
    """Return how long a supplier's lanes rest on a 429."""
    # Whoever says "at once" says it to every call, one after the other: that is no rest.
    return max(error.retry_after or policy.throttle_rest, policy.throttle_rest)


def _next_rung(attempt: Attempt, policy: Policy) -> Action:
    if attempt.number > len(policy.delays):
        return DeadLetter()
    return RetryIn(policy.delays[attempt.number - 1], attempt.number + 1)


def _snooze(error: RelayError, attempt: Attempt, policy: Policy) -> Action:
    if attempt.snoozed >= policy.snooze_limit:
        return DeadLetter()
    wished = error.delay if isinstance(error, Snoozed) and error.delay is not None else policy.delays[0]
    return Snooze(min(policy.delays, key=lambda rung: abs(rung - wished)))
