"""Holds the life of each order, as the results tell it, against its page in the supplier's books. Pure.

The last word on an order is that of the highest ``sequence``: results may overtake each other, and so may the callbacks
behind them (EVENTS, "Out").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.demo.disagreeing import Disagreement
from ops.demo.events import Rescheduled
from ops.demo.evidence import Days
from schemas.results import OrderPushSucceeded, OrderRescheduleSucceeded, OrderResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ops.demo.evidence import Page, Received, SupplierBooks
    from ops.demo.scenario import Scenario
    from schemas.envelope import Event

_CREATED = {"pushed": "created"}
"""What YLH calls a state otherwise than we do."""


def lives(scenario: Scenario, received: Received, books: SupplierBooks) -> Iterator[Disagreement]:
    """Compare every order that an event named."""
    told, given = received.orders(), given_days(scenario)
    for so_id in dict.fromkeys(planned.so_id for planned in scenario.firsts()):
        if so_id is not None:
            results, page = told.get(so_id, []), books.orders.get(so_id)
            yield from _arrival(so_id, results, page)
            # Of an order that is not told as pushed there is nothing more to say than that.
            if page is not None and page.creates and _pushed(results):
                yield from _standing(so_id, scenario.states.get(so_id), results, page)
                yield from _days(so_id, given.get(so_id), results, page)


def unsettled(scenario: Scenario, received: Received) -> list[str]:
    """Return the orders at YLH of which the last word is still to come."""
    told = received.orders()
    return [so_id for so_id, state in scenario.states.items() if _state_told(told.get(so_id, [])) != state]


def given_days(scenario: Scenario) -> Mapping[str, Days]:
    """Return the days that the shop gave each order whose days it changed."""
    days: dict[str, Days] = {}
    for planned in scenario.firsts():
        if isinstance(planned.payload, Rescheduled):
            new = Days(planned.payload.distribution_on, planned.payload.install_on)
            days[planned.payload.so_id] = days.get(planned.payload.so_id, Days()).under(new)
    return days


def told_days(results: Sequence[Event]) -> Days | None:
    """Return the days that results say hold; None: none says anything of days."""
    moved = [result.data for result in results if isinstance(result.data, OrderRescheduleSucceeded)]
    days = Days()
    for one in sorted(moved, key=lambda one: one.version or 0):
        days = days.under(Days(one.distribution_on, one.install_on))
    return days if moved else None


def _state_told(results: Sequence[Event]) -> str:
    last = next((result.data for result in reversed(results) if isinstance(result.data, OrderResult)), None)
    return "-" if last is None or last.state is None else last.state


def _pushed(results: Sequence[Event]) -> list[OrderPushSucceeded]:
    return [result.data for result in results if isinstance(result.data, OrderPushSucceeded)]


def _arrival(so_id: str, results: Sequence[Event], page: Page | None) -> Iterator[Disagreement]:
    """The supplier has it once if and only if a result says that it was pushed."""
    pushed = _pushed(results)
    creates = 0 if page is None else page.creates
    if creates > 1:
        yield Disagreement("doubled", so_id, {"count": creates})
    if pushed and not creates:
        yield Disagreement("pushed_but_absent", so_id, {})
    if creates and not pushed:
        types = ", ".join(sorted(result.type for result in results)) or "-"
        yield Disagreement("present_but_not_pushed", so_id, {"types": types})
    if page is not None and pushed and creates and not _same_number(pushed[0], page):
        yield Disagreement(
            "other_number", so_id, {"told": str(pushed[0].retail_order_no), "held": str(page.retail_order_no)}
        )
    if page is not None and page.cancels > 1:
        yield Disagreement("cancelled_twice", so_id, {"count": page.cancels})


def _same_number(told: OrderPushSucceeded, page: Page) -> bool:
    """An order whose answer was lost has no number yet: a duplicate refusal proves its arrival and names none.

    A callback that proves it names Haier's own.
    """
    if told.retail_order_no is not None:
        return told.retail_order_no == page.retail_order_no
    return page.duplicates_refused > 0 or (told.ext_order_no is not None and told.ext_order_no == page.ext_order_no)


def _standing(so_id: str, planned: str | None, results: Sequence[Event], page: Page) -> Iterator[Disagreement]:
    """Three accounts of how it stands: the scenario's, the last result's, YLH's."""
    told = _state_told(results)
    if told == "cancelled" != page.state:
        yield Disagreement("cancelled_but_stands", so_id, {})
    elif page.state == "cancelled" != told:
        yield Disagreement("stands_but_cancelled", so_id, {})
    elif _CREATED.get(told, told) != page.state:
        yield Disagreement("other_state", so_id, {"told": told, "held": page.state})
    elif planned is not None and told != planned:
        yield Disagreement("unplanned_state", so_id, {"planned": planned, "found": told})


def _days(so_id: str, planned: Days | None, results: Sequence[Event], page: Page) -> Iterator[Disagreement]:
    told = told_days(results)
    if planned is not None and not planned == told == page.days:
        facts = {"planned": str(planned), "told": str(told or Days()), "held": str(page.days)}
        yield Disagreement("other_days", so_id, facts)
