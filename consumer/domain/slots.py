"""Slots: the moments at which an account's calls may be sent, given out from one place to all who use the account.

All times are whole microseconds by the clock of whoever gives the slots out (the database), so that processes whose
own clocks differ agree on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

SECOND: Final = 1_000_000
"""Microseconds."""


@dataclass(frozen=True, slots=True)
class SlotRequest:
    """A wish for slots.

    Attributes:
        account: whose quota, ``<supplier>:<client id>``.
        count: how many, one after the other.
        interval: from one slot to the next.
        lead: the first one is to lie at least so far ahead, for a database whose answers take long.
        horizon: a next slot further ahead than this is no backlog but a clock that was set back; it is forgotten.
    """

    account: str
    count: int
    interval: int
    lead: int
    horizon: int

    @property
    def span(self) -> int:
        """What the row moves on by."""
        return self.count * self.interval

    def first(self, next_slot: int, now: int) -> int:
        """Return the first slot, where ``next_slot`` is the first one that nobody has yet."""
        earliest = now + self.lead
        return next_slot if earliest < next_slot <= now + self.horizon else earliest


@dataclass(frozen=True, slots=True)
class Reservation:
    """Slots that are ours: ``first``, and the others of the request behind it; ``now``: when they were given out."""

    first: int
    now: int


class Slots(Protocol):
    """Gives out each slot once."""

    async def reserve_slots(self, request: SlotRequest) -> Reservation:
        """Give out the next slots.

        Raises:
            BooksUnavailable: they are kept in our database, which does not answer.
        """
        ...
