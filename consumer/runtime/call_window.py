"""The calls of the last five minutes to each supplier, as this process made them; what its reports are made of.

On the way of every call: some additions into a slot of a ring, and nothing that grows with the number of calls.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from consumer.domain.call_figures import CallFigures, bucket_of
from consumer.domain.supplier_report import TOKEN, WINDOW, LastError
from consumer.observability.supplier_metrics import UP

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.domain.errors import SupplierError

SLOT: Final = 5.0
"""Seconds that are counted together; what is older than `WINDOW` is forgotten this much at a time."""
LONGEST_WORDS: Final = 300
"""Characters of an error's message that are kept."""

_SLOTS: Final = int(WINDOW.total_seconds() / SLOT)


@dataclass(slots=True)
class _Slot:
    """What ended within a few seconds; ``number`` counts slots since the clock's zero."""

    number: int = -1
    outcomes: dict[str, int] = field(default_factory=dict)
    buckets: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(slots=True)
class _State:
    """What is known of one supplier beside the counts."""

    last_call: float | None = None
    last_login: float | None = None
    up: bool | None = None
    last_error: LastError | None = None


class CallWindow:
    """Hears of every call (`CallObserver`, `FailureListener`) and says what the last five minutes came to.

    Args:
        mask: takes out of an error's message what must not be shown.
        clock: monotonic seconds.
    """

    def __init__(self, mask: Callable[[str], str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._mask = mask
        self._clock = clock
        self._began = clock()
        self._rings: dict[tuple[str, str], list[_Slot]] = {}
        self._states: defaultdict[str, _State] = defaultdict(_State)

    def supplier_call(self, supplier: str, operation: str, outcome: str, *, seconds: float, status: int | None) -> None:
        """Count one call."""
        del status
        now = self._clock()
        ring = self._rings.get((supplier, operation))
        if ring is None:
            ring = self._rings[supplier, operation] = [_Slot() for _ in range(_SLOTS)]
        number = int(now / SLOT)
        slot = ring[number % _SLOTS]
        if slot.number != number:
            slot = ring[number % _SLOTS] = _Slot(number)
        slot.outcomes[outcome] = slot.outcomes.get(outcome, 0) + 1
        bucket = bucket_of(seconds)
        slot.buckets[bucket] = slot.buckets.get(bucket, 0) + 1
        slot.seconds += seconds
        state = self._states[supplier]
        state.last_call = now
        state.up = outcome in UP
        if operation == TOKEN and outcome == "ok":
            state.last_login = now

    def supplier_failed(self, error: SupplierError) -> None:
        """Remember why a call failed."""
        self._states[error.supplier].last_error = LastError(
            at=datetime.now(UTC),
            operation=error.operation,
            error_class=error.error_class.value,
            code=error.code,
            status=error.status,
            message=self._mask(error.message)[:LONGEST_WORDS],
        )

    @property
    def seconds(self) -> float:
        """How far back the figures reach: less than `WINDOW` while the process is young."""
        now = self._clock()
        return max(now - max(self._began, (int(now / SLOT) - _SLOTS + 1) * SLOT), SLOT)

    def figures(self, supplier: str) -> dict[str, CallFigures]:
        """Return what the calls came to, by operation; only those of which there were any."""
        oldest = int(self._clock() / SLOT) - _SLOTS + 1
        found = {}
        for (called, operation), ring in sorted(self._rings.items()):
            standing = [slot for slot in ring if slot.outcomes and slot.number >= oldest]
            if called == supplier and standing:
                found[operation] = CallFigures.sum(
                    CallFigures(slot.outcomes, slot.buckets, slot.seconds) for slot in standing
                )
        return found

    def idle(self, supplier: str) -> float | None:
        """Return the seconds since the last call to ``supplier`` ended, logins too; None before the first."""
        last = self._states[supplier].last_call
        return None if last is None else self._clock() - last

    def token_age(self, supplier: str) -> float | None:
        """Return the seconds since the last login at ``supplier``; None before the first."""
        last = self._states[supplier].last_login
        return None if last is None else self._clock() - last

    def up(self, supplier: str) -> bool | None:
        """Return whether the last call got an answer; None before the first."""
        return self._states[supplier].up

    def last_error(self, supplier: str) -> LastError | None:
        """Return why the last call that failed did."""
        return self._states[supplier].last_error
