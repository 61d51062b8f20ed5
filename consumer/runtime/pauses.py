"""A supplier or our database at rest, and how a lane that needs it may fetch (`consumer.runtime.pause_board` says)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from consumer.domain.recoverability import Lapse

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.domain.errors import RelayError


class Fetching(StrEnum):
    """How a lane may fetch."""

    FULL = "full"
    TRIAL = "trial"
    PAUSED = "paused"


class Change(StrEnum):
    """What has happened to a resource."""

    RESTS = "rests"
    """A pause began, was renewed, or took over what another cause asks for."""
    TRIAL = "trial"
    """A probe passed."""
    LIFTED = "lifted"
    HELD = "held"
    """A person paused it."""
    RELEASED = "released"
    """A person resumed it."""


@dataclass(frozen=True, slots=True)
class Pause:
    """One resource at rest by itself, or on trial.

    Attributes:
        resource: supplier name, or ``database``.
        cause: the error that began or renewed it.
        since: when the resource went to rest; renewals do not change it.
        ends: monotonic time at which its rest is over.
        ends_at: the same on the wall's clock: the next probe, or the trial.
        length: seconds; what a renewal doubles.
        alert: a person has to mend something.
        lapse: what follows when the rest is over.
        trial_since: monotonic time at which a probe passed; None before.
    """

    resource: str
    cause: RelayError
    since: datetime
    ends: float
    ends_at: datetime
    length: float
    alert: bool
    lapse: Lapse
    trial_since: float | None = None

    def on_trial(self, now: float) -> float | None:
        """Return since when (monotonic) it is on trial at ``now``, or None."""
        if self.trial_since is None and self.lapse is Lapse.TRIAL and now >= self.ends:
            return self.ends
        return self.trial_since
