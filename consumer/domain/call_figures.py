"""Figures of calls that can be added up: how many ended how, and how long they took, over any number of processes.

Times go into geometric buckets, each `GROWTH` times as wide as the one before, so that a quantile is right within
`ERROR` of its value, whatever its size, and adding the counts of two processes is exact.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

GROWTH: Final = 1.05
"""Upper bound of a bucket, over the upper bound of the one before."""
ERROR: Final = math.sqrt(GROWTH) - 1
"""How far a quantile may be off, as a share of it (2.5 %): the middle of a bucket stands for all in it."""
SMALLEST: Final = 0.000_1
"""Seconds; what is faster is counted as this."""

_LOG_GROWTH: Final = math.log(GROWTH)
_OK: Final = "ok"


def bucket_of(seconds: float) -> int:
    """Return the number of the bucket that ``seconds`` belong to: 0 for `SMALLEST` and less."""
    return math.ceil(math.log(seconds / SMALLEST) / _LOG_GROWTH) if seconds > SMALLEST else 0


def seconds_of(bucket: int) -> float:
    """Return the seconds that stand for all in ``bucket``: its geometric middle."""
    middle: float = SMALLEST * GROWTH ** (bucket - 0.5)
    return middle if bucket else SMALLEST


@dataclass(frozen=True, slots=True)
class CallFigures:
    """What calls of one kind came to.

    Attributes:
        outcomes: calls by outcome: ``ok`` or the error class.
        buckets: calls by bucket of their duration.
        seconds: how long all of them took together.
    """

    outcomes: dict[str, int] = field(default_factory=dict)
    buckets: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def sum(cls, parts: Iterable[CallFigures]) -> CallFigures:
        """Add up."""
        outcomes: Counter[str] = Counter()
        buckets: Counter[int] = Counter()
        seconds = 0.0
        for part in parts:
            outcomes.update(part.outcomes)
            buckets.update(part.buckets)
            seconds += part.seconds
        return cls(dict(outcomes), dict(buckets), seconds)

    @property
    def calls(self) -> int:
        """How many there were."""
        return sum(self.outcomes.values())

    @property
    def success_rate(self) -> float | None:
        """Share of them that ended well, 0 to 1; a business refusal did not. None without a call."""
        return self.outcomes.get(_OK, 0) / self.calls if self.calls else None

    @property
    def mean(self) -> float | None:
        """Seconds of a call on average; None without a call."""
        return self.seconds / self.calls if self.calls else None

    def quantile(self, share: float) -> float | None:
        """Return the seconds within which ``share`` (0 to 1) of the calls ended, give or take `ERROR`; None for none.

        It is the smallest duration that at least that share did not exceed (nearest rank).
        """
        total = sum(self.buckets.values())
        rank = max(1, math.ceil(share * total))
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                return seconds_of(bucket)
        return None
