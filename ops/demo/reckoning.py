"""Holds the suppliers' own books against the results that came, and names whatever does not agree. Pure.

Three accounts have to be the same: what went in (the scenario), what the service said (the results), and what the
suppliers have (their ledger). Every check looks at two of them; none trusts the service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ops.demo.disagreeing import Disagreement
from ops.demo.figures import Figures, figures
from ops.demo.lives import lives, unsettled
from ops.demo.scenario import ENDING_OF, Fate
from schemas.results import EventRejected, FailedItem, SyncCompleted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ops.demo.evidence import Received, SupplierBooks
    from ops.demo.scenario import Planned, Scenario
    from schemas.envelope import Event


_FORGED: Final = "forged"
"""Callbacks that the sandbox signs wrongly on purpose."""


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
        *lives(scenario, received, books),
        *_callbacks(books),
        *_goods(scenario, received, books),
        *_faults(scenario, books),
    )
    return Verdict(figures(scenario, books, received), disagreements)


def missing_ends(scenario: Scenario, received: Received) -> list[str]:
    """Return what is still to come: the ends of events, the last words on orders, the articles that were asked for."""
    ends = received.ends()
    told = set(received.goods())
    return [
        *(event.event_id for event in scenario.firsts() if event.event_id not in ends),
        *unsettled(scenario, received),
        *(code for code in scenario.product_codes if code not in told),
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


def _callbacks(books: SupplierBooks) -> Iterator[Disagreement]:
    """What YLH says is taken in, the same again too; what somebody else says in its name is not."""
    for kind, called in sorted(books.callbacks.items()):
        if kind != _FORGED and called.others:
            said = ", ".join(f"{count} x {answer}" for answer, count in sorted(called.others.items()))
            yield Disagreement("callback_not_taken", kind, {"said": said})
        if kind == _FORGED and called.taken:
            yield Disagreement("forged_taken", kind, {"count": called.taken})


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
            # What cannot be ordered now is in step, told as changed, and named among the failed with the reason.
            off = {code for code, changes in told.items() if not changes[-1].new.procurable}
            named = {item.product_code for item in result.data.failed if isinstance(item, FailedItem)}
            if named != off or row.success_count != len(scenario.product_codes) - len(off):
                counted = f"{row.success_count} of {row.total_count}"
                yield Disagreement("sync_incomplete", row.id, {"status": row.status, "counted": counted})


def _faults(scenario: Scenario, books: SupplierBooks) -> Iterator[Disagreement]:
    for fault, fired in zip(scenario.faults, books.fired, strict=True):
        if fired < fault.least:
            yield Disagreement("fault_not_shown", fault.name.value, {"fired": fired, "planned": fault.least})
