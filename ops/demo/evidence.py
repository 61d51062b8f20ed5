"""Both sides of the account, as values: the suppliers' own books, and the results that a listener received."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ops.demo.scenario import ENDING_OF
from schemas.results import ProductChanged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.envelope import Event

ENDINGS: Final = frozenset((*ENDING_OF.values(), "order.cancel.failed"))
"""Types of the results that end an event."""


@dataclass(frozen=True, slots=True)
class Page:
    """One order in the supplier's books. ``creates`` and ``cancels`` are effects, ``create_calls`` are arrivals."""

    state: str
    creates: int
    create_calls: int
    duplicates_refused: int
    cancels: int
    retail_order_no: str | None


@dataclass(frozen=True, slots=True)
class Article:
    """One article in the supplier's catalogue."""

    model: str
    brand: str
    category: str
    procurable: bool


@dataclass(frozen=True, slots=True)
class SupplierBooks:
    """What both suppliers know.

    Attributes:
        orders: by ``so_id``; also those that were only ever refused.
        articles: by product code.
        calls: how often each call came, by its name such as ``ylh.create``.
        fired: how often each rule for a fault fired, in the order in which the rules were given.
    """

    orders: Mapping[str, Page]
    articles: Mapping[str, Article]
    calls: Mapping[str, int]
    fired: Sequence[int]


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
            if result.type in ENDINGS and result.correlationid is not None:
                ends.setdefault(result.correlationid, []).append(result)
        return ends

    def goods(self) -> dict[str, list[ProductChanged]]:
        """Return the changes of each article, by its code."""
        goods: dict[str, list[ProductChanged]] = {}
        for result in self.results.values():
            if isinstance(result.data, ProductChanged):
                goods.setdefault(result.data.product_code, []).append(result.data)
        return goods


def supplier_books(
    ledger: Mapping[str, Any], catalogue: Sequence[Mapping[str, Any]], rules: Sequence[Mapping[str, Any]]
) -> SupplierBooks:
    """Read the answers of the sandbox's ``ledger``, ``catalogue`` and ``faults``.

    Raises:
        KeyError: it does not speak as its README says.
    """
    return SupplierBooks(
        orders={
            so_id: Page(
                state=page["state"],
                creates=page["creates"],
                create_calls=page["create_calls"],
                duplicates_refused=page["duplicates_refused"],
                cancels=page["cancels"],
                retail_order_no=page["retail_order_no"],
            )
            for so_id, page in ledger["orders"].items()
        },
        articles={
            one["code"]: Article(
                model=one["model"], brand=one["brand"], category=one["group"], procurable=one["procurable"]
            )
            for one in catalogue
        },
        calls=dict(ledger["calls"]),
        fired=[rule["fired"] for rule in sorted(rules, key=lambda rule: rule["id"])],
    )
