"""What the summary shows: in, out, once each, refused with reason, parked; counted on both sides. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.results import EventDeadLettered, EventRejected, OrderPushFailed, OrderPushSucceeded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.demo.evidence import Received, SupplierBooks
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
        told_cancelled, held_cancelled: the same for cancels.
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
    told_cancelled: int
    held_cancelled: int
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
        told_cancelled=sum(result.type == "order.cancel.accepted" for result in results),
        held_cancelled=sum(page.state == "cancelled" for page in books.orders.values()),
        superseded=tuple(sorted(result.subject or "-" for result in results if result.type == "order.superseded")),
        refused=_refused(results),
        parked=_parked(results),
        rejected=_rejected(results),
        told_goods=len(received.goods()),
        held_goods=sum(code in books.articles for code in scenario.product_codes),
        calls=dict(books.calls),
        faults=fired,
    )


def _refused(results: list[Event]) -> tuple[Refused, ...]:
    by_reason: dict[str, list[str]] = {}
    for result in results:
        if isinstance(result.data, OrderPushFailed):
            error = result.data.error
            by_reason.setdefault(error.supplier_message or error.message, []).append(result.data.so_id)
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
