"""What the summary shows: in, out, once each, refused with reason, parked; counted on both sides. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.demo.lives import given_days, told_days
from schemas.results import (
    EventDeadLettered,
    EventRejected,
    OrderCancelSucceeded,
    OrderPushFailed,
    OrderPushSucceeded,
    OrderRefused,
    OrderResult,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ops.demo.evidence import Page, Received, SupplierBooks
    from ops.demo.scenario import Scenario
    from schemas.envelope import Event


@dataclass(frozen=True, slots=True)
class Refused:
    """Orders that the supplier refused for one reason, in its own words."""

    reason: str
    so_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that broke the contract."""

    event_id: str
    field: str
    expected: str
    came: str


@dataclass(frozen=True, slots=True)
class Parked:
    """An event whose attempts are used up."""

    event_id: str
    so_id: str | None
    error_class: str
    message: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Orders at YLH of which one thing is true, counted on both sides.

    Attributes:
        name: what; a key of the texts (``sum.<name>``).
        told: as the results say.
        held: as the supplier's books say.
    """

    name: str
    told: int
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the summary shows.

    Attributes:
        events_in: events sent, with repeats.
        kinds: the same by kind.
        ended: events with exactly one end; ``distinct`` is how many there are without repeats.
        results: different results received; ``copies`` counts each delivery.
        told_pushed, held: orders that the results call pushed; orders that the supplier has.
        doubled: orders that the supplier has more than once.
        rescued: orders at the supplier after more than one call: the first was answered 503 or not at all.
        standings: what became of the orders at YLH.
        moved_along: orders at the supplier with new days and without a call for them: these came before the order.
        callbacks: callbacks that were taken; of them ``callbacks_repeated`` the very same once more.
        callbacks_refused: forged ones that were not.
        told_goods, held_goods: articles told by ``product.changed``; articles in the supplier's catalogue that were
            asked for.
    """

    events_in: int
    kinds: Mapping[str, int]
    distinct: int
    ended: int
    results: int
    copies: int
    told_pushed: int
    held: int
    doubled: int
    rescued: int
    create_calls: int
    duplicates_refused: int
    standings: tuple[Standing, ...]
    moved_along: int
    callbacks: int
    callbacks_repeated: int
    callbacks_refused: int
    superseded: tuple[str, ...]
    refused: tuple[Refused, ...]
    parked: tuple[Parked, ...]
    rejected: tuple[Rejected, ...]
    told_goods: int
    held_goods: int
    calls: Mapping[str, int]
    faults: Mapping[str, int]


def figures(scenario: Scenario, books: SupplierBooks, received: Received) -> Figures:
    """Count what went in, what came out, and what the suppliers have."""
    ends = received.ends()
    results = list(received.results.values())
    held = [page for page in books.orders.values() if page.creates]
    fired: dict[str, int] = {}
    for fault, times in zip(scenario.faults, books.fired, strict=True):
        fired[fault.name.value] = fired.get(fault.name.value, 0) + times
    firsts = scenario.firsts()
    moved = given_days(scenario)
    return Figures(
        events_in=len(scenario.events),
        kinds=scenario.kinds(),
        distinct=len(firsts),
        ended=sum(len(ends.get(planned.event_id, [])) == 1 for planned in firsts),
        results=len(results),
        copies=received.copies,
        told_pushed=sum(isinstance(result.data, OrderPushSucceeded) for result in results),
        held=len(held),
        doubled=sum(page.creates > 1 for page in held),
        rescued=sum(page.create_calls > 1 for page in held),
        create_calls=sum(page.create_calls for page in books.orders.values()),
        duplicates_refused=sum(page.duplicates_refused for page in books.orders.values()),
        standings=_standings(scenario, books, received),
        moved_along=sum(so_id in books.orders and not books.orders[so_id].reschedule_calls for so_id in moved),
        callbacks=sum(called.taken for called in books.callbacks.values()),
        callbacks_repeated=books.callbacks["repeated"].taken if "repeated" in books.callbacks else 0,
        callbacks_refused=sum(sum(called.others.values()) for called in books.callbacks.values()),
        superseded=tuple(sorted(result.subject or "-" for result in results if result.type == "order.superseded")),
        refused=_refused(results),
        parked=_parked(results),
        rejected=_rejected(results),
        told_goods=len(received.goods()),
        held_goods=sum(code in books.articles for code in scenario.product_codes),
        calls=dict(books.calls),
        faults=fired,
    )


def _standings(scenario: Scenario, books: SupplierBooks, received: Received) -> tuple[Standing, ...]:
    told, moved = received.orders(), given_days(scenario)
    held = {so_id: page for so_id, page in books.orders.items() if page.creates}

    def named(type_: str) -> set[str]:
        return {so_id for so_id, results in told.items() if any(result.type == type_ for result in results)}

    def standing(name: str, said: set[str], holds: Callable[[str, Page], bool]) -> Standing:
        return Standing(name, len(said), sum(holds(so_id, page) for so_id, page in held.items()))

    asked, cancelled = named("order.cancel.accepted"), _cancelled_there(told)
    confirmed = {so_id for so_id, results in told.items() if _last(results).state == "confirmed"}
    in_step = {so_id for so_id, days in moved.items() if told_days(told.get(so_id, [])) == days}
    return (
        standing("confirmed", confirmed, lambda _, page: page.state == "confirmed"),
        standing("out_of_stock", named("order.out_of_stock"), lambda _, page: page.was_out_of_stock),
        standing("turned_down", named("order.refused"), lambda _, page: page.state == "refused"),
        standing("cancelled", cancelled & asked, lambda _, page: page.state == "cancelled" and page.cancels > 0),
        standing("intercepted", cancelled - asked, lambda _, page: page.state == "cancelled" and not page.cancels),
        standing("settled", named("order.settled"), lambda _, page: page.state == "settled"),
        standing("moved", in_step, lambda so_id, page: so_id in moved and page.days == moved[so_id]),
    )


def _cancelled_there(told: Mapping[str, list[Event]]) -> set[str]:
    """Orders that are told as cancelled after they had been at the supplier."""
    return {
        so_id
        for so_id, results in told.items()
        if any(isinstance(result.data, OrderCancelSucceeded) and result.data.at_supplier for result in results)
    }


def _last(results: list[Event]) -> OrderResult:
    data = results[-1].data
    if not isinstance(data, OrderResult):
        raise TypeError(f"{results[-1].type} says nothing of an order")
    return data


def _refused(results: list[Event]) -> tuple[Refused, ...]:
    by_reason: dict[str, list[str]] = {}
    for result in results:
        match result.data:
            case OrderPushFailed(so_id=so_id, error=error):
                by_reason.setdefault(error.supplier_message or error.message, []).append(so_id)
            case OrderRefused(so_id=so_id, fail_msg=reason):
                by_reason.setdefault(reason or "-", []).append(so_id)
            case _:
                continue
    return tuple(Refused(reason, tuple(sorted(so_ids))) for reason, so_ids in sorted(by_reason.items()))


def _parked(results: list[Event]) -> tuple[Parked, ...]:
    return tuple(
        Parked(
            event_id=result.correlationid or "-",
            so_id=result.subject,
            error_class=result.data.error.error_class,
            message=result.data.error.message,
            attempts=result.data.attempts,
        )
        for result in sorted(results, key=lambda result: result.correlationid or "")
        if isinstance(result.data, EventDeadLettered)
    )


def _rejected(results: list[Event]) -> tuple[Rejected, ...]:
    return tuple(
        Rejected(result.correlationid or "-", first.field, first.expected, first.input)
        for result in sorted(results, key=lambda result: result.correlationid or "")
        if isinstance(result.data, EventRejected)
        for first in result.data.errors[:1]
    )
