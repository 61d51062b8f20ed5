"""Holds the suppliers' own books against the results that came, and names whatever does not agree. Pure.

Three accounts have to be the same: what went in (the scenario), what the service said (the results), and what the
suppliers have (their ledger). Every check looks at two of them; none trusts the service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.demo.figures import Figures, figures
from ops.demo.scenario import ENDING_OF, Fate
from schemas.results import EventRejected, OrderPushSucceeded, SyncCompleted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ops.demo.evidence import Page, Received, SupplierBooks
    from ops.demo.scenario import Planned, Scenario
    from schemas.envelope import Event


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One thing that two accounts tell differently.

    Attributes:
        code: which; stable, English, a key of the texts (``disagree.<code>``).
        subject: the event, order or article.
        facts: values for the text.
    """

    code: str
    subject: str
    facts: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The account."""

    figures: Figures
    disagreements: tuple[Disagreement, ...]

    @property
    def agrees(self) -> bool:
        """True when the demo showed what it is meant to show."""
        return not self.disagreements


def reckon(scenario: Scenario, books: SupplierBooks, received: Received) -> Verdict:
    """Compare the three accounts."""
    ends = received.ends()
    disagreements = (
        *_unreadable(received),
        *_each_ends_once(scenario, ends),
        *_nobody_elses(scenario, ends, books),
        *_orders(scenario, ends, books),
        *_goods(scenario, received, books),
        *_faults(scenario, books),
    )
    return Verdict(figures(scenario, books, received), disagreements)


def missing_ends(scenario: Scenario, received: Received) -> list[str]:
    """Return the ids of the events that have no end yet, and of articles that no result names yet."""
    ends = received.ends()
    told = set(received.goods())
    return [event.event_id for event in scenario.firsts() if event.event_id not in ends] + [
        code for code in scenario.product_codes if code not in told
    ]


def _unreadable(received: Received) -> Iterator[Disagreement]:
    for words in received.unreadable:
        yield Disagreement("unreadable_result", "relay.results", {"words": words})


def _each_ends_once(scenario: Scenario, ends: Mapping[str, list[Event]]) -> Iterator[Disagreement]:
    for planned in scenario.firsts():
        found = ends.get(planned.event_id, [])
        types = ", ".join(sorted(result.type for result in found))
        wanted = ENDING_OF[planned.fate]
        if not found:
            yield Disagreement("no_result", planned.event_id, {"expected": wanted})
        elif len(found) > 1:
            yield Disagreement("several_results", planned.event_id, {"count": len(found), "types": types})
        elif found[0].type != wanted:
            yield Disagreement("other_result", planned.event_id, {"expected": wanted, "found": types})
        elif planned.fate is Fate.REJECTED:
            yield from _names_the_field(planned, found[0])


def _names_the_field(planned: Planned, result: Event) -> Iterator[Disagreement]:
    wanted = getattr(planned.payload, "field", None)
    if isinstance(result.data, EventRejected) and wanted is not None:
        named = [error.field for error in result.data.errors]
        if wanted not in named:
            yield Disagreement("other_field", planned.event_id, {"expected": wanted, "found": ", ".join(named)})


def _nobody_elses(scenario: Scenario, ends: Mapping[str, list[Event]], books: SupplierBooks) -> Iterator[Disagreement]:
    sent = {planned.event_id for planned in scenario.events}
    for event_id in sorted(ends.keys() - sent):
        yield Disagreement("stranger_result", event_id, {"types": ends[event_id][0].type})
    ours = {planned.so_id for planned in scenario.events}
    for so_id in sorted(books.orders.keys() - ours):
        yield Disagreement("stranger_order", so_id, {})


def _orders(scenario: Scenario, ends: Mapping[str, list[Event]], books: SupplierBooks) -> Iterator[Disagreement]:
    told: dict[str, list[Event]] = {}
    for planned in scenario.firsts():
        if planned.so_id is not None:
            told.setdefault(planned.so_id, []).extend(ends.get(planned.event_id, []))
    for so_id, results in told.items():
        yield from _order(so_id, results, books.orders.get(so_id))


def _order(so_id: str, results: list[Event], page: Page | None) -> Iterator[Disagreement]:
    """Compare one order: the supplier has it once if and only if a result says that it was pushed."""
    pushed = [result.data for result in results if isinstance(result.data, OrderPushSucceeded)]
    creates = 0 if page is None else page.creates
    if creates > 1:
        yield Disagreement("doubled", so_id, {"count": creates})
    if pushed and not creates:
        yield Disagreement("pushed_but_absent", so_id, {})
    if creates and not pushed:
        types = ", ".join(sorted(result.type for result in results)) or "-"
        yield Disagreement("present_but_not_pushed", so_id, {"types": types})
    if page is not None and pushed and creates and not _same_number(pushed[0].retail_order_no, page):
        yield Disagreement(
            "other_number", so_id, {"told": str(pushed[0].retail_order_no), "held": str(page.retail_order_no)}
        )
    told_cancelled = any(result.type == "order.cancel.accepted" for result in results)
    held_cancelled = page is not None and page.state == "cancelled"
    if told_cancelled and not held_cancelled:
        yield Disagreement("cancelled_but_stands", so_id, {})
    if held_cancelled and not told_cancelled:
        yield Disagreement("stands_but_cancelled", so_id, {})
    if page is not None and page.cancels > 1:
        yield Disagreement("cancelled_twice", so_id, {"count": page.cancels})


def _same_number(told: str | None, page: Page) -> bool:
    """An order whose answer was lost has no number yet: a duplicate refusal proves its arrival and names none."""
    return told == page.retail_order_no or (told is None and page.duplicates_refused > 0)


def _goods(scenario: Scenario, received: Received, books: SupplierBooks) -> Iterator[Disagreement]:
    told = received.goods()
    for code in scenario.product_codes:
        changes, article = told.get(code, []), books.articles.get(code)
        if article is None:
            yield Disagreement("article_unknown", code, {})
        elif not changes:
            yield Disagreement("article_not_told", code, {})
        elif len(changes) > 1:
            yield Disagreement("article_told_often", code, {"count": len(changes)})
        else:
            new = changes[0].new
            said = (new.model, new.brand, new.category, new.procurable)
            holds = (article.model, article.brand, article.category, article.procurable)
            if said != holds:
                yield Disagreement("article_differs", code, {"told": str(said), "held": str(holds)})
    for code in sorted(told.keys() - set(scenario.product_codes)):
        yield Disagreement("article_not_asked_for", code, {})
    for result in received.results.values():
        if isinstance(result.data, SyncCompleted):
            row = result.data.sync_log
            if (row.status, row.success_count) != ("success", len(scenario.product_codes)):
                counted = f"{row.success_count} of {row.total_count}"
                yield Disagreement("sync_incomplete", row.id, {"status": row.status, "counted": counted})


def _faults(scenario: Scenario, books: SupplierBooks) -> Iterator[Disagreement]:
    for fault, fired in zip(scenario.faults, books.fired, strict=True):
        if fired < fault.least:
            yield Disagreement("fault_not_shown", fault.name.value, {"fired": fired, "planned": fault.least})
