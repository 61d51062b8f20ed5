"""Both sides of the account, as values: the suppliers' own books, and the results that a listener received."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from ops.demo.scenario import ENDING_OF
from schemas.results import ProductChanged
from schemas.results.orders import OrderResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from schemas.envelope import Event

ENDINGS: Final = frozenset((*ENDING_OF.values(), "order.cancel.failed", "order.reschedule.failed"))
"""Types of the results that end an event."""

SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
"""Where a day of delivery ends (SUPPLIERS, YLH, reschedule); it has had no daylight saving since 1991."""
_TAKEN: Final = "200 taken"
"""What the sandbox notes of a callback that was answered with success."""


@dataclass(frozen=True, slots=True)
class Days:
    """Days of delivery and installation; None: not given."""

    distribution_on: date | None = None
    install_on: date | None = None

    def under(self, newer: Days) -> Days:
        """Return these with what ``newer`` gives in their place."""
        return Days(newer.distribution_on or self.distribution_on, newer.install_on or self.install_on)

    def __str__(self) -> str:
        return f"{self.distribution_on or '-'}, {self.install_on or '-'}"


@dataclass(frozen=True, slots=True)
class Page:
    """One order in the supplier's books. ``creates`` and ``cancels`` are effects; the ``_calls`` are arrivals.

    Attributes:
        state: how it stands; ``unknown`` where no create was taken.
        was_out_of_stock: at some time.
        days: that the supplier holds.
    """

    state: str
    creates: int
    create_calls: int
    duplicates_refused: int
    cancels: int
    retail_order_no: str | None
    ext_order_no: str | None = None
    reschedule_calls: int = 0
    was_out_of_stock: bool = False
    days: Days = field(default_factory=Days)


@dataclass(frozen=True, slots=True)
class Article:
    """One article in the supplier's catalogue."""

    model: str
    brand: str
    category: str
    procurable: bool


@dataclass(frozen=True, slots=True)
class Called:
    """Callbacks of one kind, as the sandbox counts them: ``true``, ``repeated``, ``forged``.

    Attributes:
        taken: answered with success.
        others: how often each other answer came, such as ``403 refused``.
    """

    taken: int
    others: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SupplierBooks:
    """What both suppliers know.

    Attributes:
        orders: by ``so_id``; also those that were only ever refused.
        articles: by product code.
        calls: how often each call came, by its name such as ``ylh.create``.
        fired: how often each rule for a fault fired, in the order in which the rules were given.
        callbacks: what YLH said to us afterwards, by kind.
    """

    orders: Mapping[str, Page]
    articles: Mapping[str, Article]
    calls: Mapping[str, int]
    fired: Sequence[int]
    callbacks: Mapping[str, Called]


@dataclass(slots=True)
class Received:
    """The results that came, each once by its id, however often it was delivered.

    Attributes:
        results: by id.
        copies: deliveries in all.
        unreadable: what came over the results exchange and does not fit the contract, as words.
    """

    results: dict[str, Event] = field(default_factory=dict)
    copies: int = 0
    unreadable: list[str] = field(default_factory=list)

    def take(self, event: Event) -> bool:
        """Note one delivery; True when its id is new."""
        self.copies += 1
        new = event.id not in self.results
        self.results.setdefault(event.id, event)
        return new

    def ends(self) -> dict[str, list[Event]]:
        """Return the results that end an event, by the event's id; one that was delivered often counts once."""
        ends: dict[str, list[Event]] = {}
        for result in self.results.values():
            event_id = ended_by(result)
            if event_id is not None:
                ends.setdefault(event_id, []).append(result)
        return ends

    def orders(self) -> dict[str, list[Event]]:
        """Return what was told of each order, by ``so_id``, in the order of its ``sequence``."""
        told: dict[str, list[tuple[int, Event]]] = {}
        for result in self.results.values():
            if isinstance(result.data, OrderResult):
                told.setdefault(result.data.so_id, []).append((result.data.sequence, result))
        return {
            so_id: [result for _, result in sorted(several, key=lambda one: one[0])] for so_id, several in told.items()
        }

    def goods(self) -> dict[str, list[ProductChanged]]:
        """Return the changes of each article, by its code."""
        goods: dict[str, list[ProductChanged]] = {}
        for result in self.results.values():
            if isinstance(result.data, ProductChanged):
                goods.setdefault(result.data.product_code, []).append(result.data)
        return goods


def ended_by(result: Event) -> str | None:
    """Return the id of the event that a result ends; None: it ends none.

    What a callback brings about bears the id of the order's ``order.paid`` too, and the callback's as ``causationid``
    (EVENTS, "Out"): it goes on with a life, and ends no event of the shop.
    """
    return result.correlationid if result.type in ENDINGS and result.causationid is None else None


def supplier_books(
    ledger: Mapping[str, Any],
    catalogue: Sequence[Mapping[str, Any]],
    rules: Sequence[Mapping[str, Any]],
    callbacks: Mapping[str, Any],
) -> SupplierBooks:
    """Read the answers of the sandbox's ``ledger``, ``catalogue``, ``faults`` and ``callbacks``.

    Raises:
        KeyError: it does not speak as its README says.
    """
    return SupplierBooks(
        orders={so_id: _page(page) for so_id, page in ledger["orders"].items()},
        articles={
            one["code"]: Article(
                model=one["model"], brand=one["brand"], category=one["group"], procurable=one["procurable"]
            )
            for one in catalogue
        },
        calls=dict(ledger["calls"]),
        fired=[rule["fired"] for rule in sorted(rules, key=lambda rule: rule["id"])],
        callbacks={
            kind: Called(outcomes.get(_TAKEN, 0), {said: n for said, n in outcomes.items() if said != _TAKEN})
            for kind, outcomes in callbacks["kinds"].items()
        },
    )


def _page(page: Mapping[str, Any]) -> Page:
    return Page(
        state=page["state"],
        creates=page["creates"],
        create_calls=page["create_calls"],
        duplicates_refused=page["duplicates_refused"],
        cancels=page["cancels"],
        retail_order_no=page["retail_order_no"],
        ext_order_no=page["ext_order_no"],
        reschedule_calls=page["reschedule_calls"],
        was_out_of_stock=any(decision["word"] == "out_of_stock" for decision in page["decisions"]),
        days=Days(_day(page["distribution_time"]), _day(page["install_time"])),
    )


def _day(milliseconds: str | None) -> date | None:
    return None if milliseconds is None else datetime.fromtimestamp(int(milliseconds) / 1000, SHANGHAI).date()
