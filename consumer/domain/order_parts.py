"""What an order is made of beside its state: days, goods, what YLH said last, what waits for its create. Values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.domain.writes import InboxKey


@dataclass(frozen=True, slots=True)
class Days:
    """Days of delivery and installation as ISO dates; None: not given."""

    distribution_on: str | None = None
    install_on: str | None = None

    def under(self, newer: Days) -> Days:
        """Return these days with those that ``newer`` gives in their place."""
        return Days(newer.distribution_on or self.distribution_on, newer.install_on or self.install_on)


NO_DAYS = Days()
"""Neither day is given."""


@dataclass(frozen=True, slots=True)
class Goods:
    """One product of an order.

    Attributes:
        product_code: Haier's code.
        quantity: units ordered, over all lines of that product.
        received: units that the customer kept; like the two below None until YLH has told quantities.
        returned: units that came back.
        rejected: units refused at the door.
    """

    product_code: str
    quantity: int
    received: int | None = None
    returned: int | None = None
    rejected: int | None = None

    @property
    def all_back(self) -> bool:
        """Whether no unit stayed with the customer."""
        return (self.returned or 0) + (self.rejected or 0) >= self.quantity


class Word(StrEnum):
    """What a callback says (SUPPLIERS, "YLH calls us back")."""

    TAKEN_ON = "taken_on"
    TURNED_DOWN = "turned_down"
    OUT_OF_STOCK = "out_of_stock"
    CANCEL_DONE = "cancel_done"
    CANCEL_REFUSED = "cancel_refused"
    QUANTITIES = "quantities"


@dataclass(frozen=True, slots=True)
class Stamp:
    """The newest callback of one track.

    Attributes:
        word: what it said.
        at: its ``TimeStamp`` (aware); whole seconds, as YLH writes it.
        digest: fingerprint of all that it said, to tell a repetition from a contradiction in the same second.
    """

    word: Word
    at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class HeldReschedule:
    """An ``order.rescheduled`` that came before its create: it goes with it.

    Attributes:
        key: inbox key of the event; its result is told under it.
        version: the event's version.
        days: what it asks for.
        held_at: since when (aware, UTC).
    """

    key: InboxKey
    version: int
    days: Days
    held_at: datetime


@dataclass(frozen=True, slots=True)
class Consignee:
    """Who gets the goods. Personal data: never in a log, a metric or an error; scrubbed after the order's end."""

    name: str
    mobile: str
    address: str
