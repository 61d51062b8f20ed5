"""What a shop may say about many orders, drawn by a seed: duplicates, corrections, cancels, reschedules in any order.

Each order's events have versions that count up as the shop meant them, with gaps; when each one is sent has nothing to
do with that.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tests.support.events import CODE, cancelled, event, paid

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER_CODE = "BX0000002"
PRICES = {CODE: "2999.00", OTHER_CODE: "1999.50"}
SPREAD = 5.0
"""Seconds within which all events of one order are sent."""
FIRST_DAY = date(2026, 12, 1)


@dataclass(frozen=True, slots=True)
class Sending:
    """One publish: so many seconds after the start."""

    at: float
    document: dict[str, Any]


@dataclass(slots=True)
class Plan:
    """All that is sent, by time, and the distinct events in it."""

    seed: int
    sendings: list[Sending] = field(default_factory=list)
    so_ids: list[str] = field(default_factory=list)

    @property
    def events(self) -> dict[str, dict[str, Any]]:
        """Each event by its id, once."""
        return {sending.document["id"]: sending.document for sending in self.sendings}


def planned(seed: int, orders: int, *, seconds: float) -> Plan:
    """Draw the plan of ``orders`` orders that begin within ``seconds``."""
    plan = Plan(seed)
    for number in range(orders):
        so_id = f"L{number:05}"
        # One generator for each order: a change of one order's life leaves the others as they were.
        lots = random.Random(f"{seed}/{so_id}")  # noqa: S311 - no secret
        plan.so_ids.append(so_id)
        begin = lots.uniform(0, seconds)
        for document in _life(so_id, lots):
            copies = 2 if lots.random() < 0.15 else 1
            plan.sendings += [Sending(begin + lots.uniform(0, SPREAD), document) for _ in range(copies)]
    plan.sendings.sort(key=lambda sending: sending.at)
    return plan


def _life(so_id: str, lots: random.Random) -> Iterator[dict[str, Any]]:
    versions = _versions(lots)
    if lots.random() < 0.1:
        yield event("order.status.requested", {"so_id": so_id}, event_id=f"status-{so_id}", subject=so_id)
    if lots.random() < 0.04:
        # An order that is not in our books, nor at YLH.
        yield cancelled(so_id, version=next(versions))
        return
    first = _paid(so_id, next(versions), _items(lots), lots)
    yield first
    for _ in range(lots.choice((0, 0, 0, 1, 1, 2))):
        yield _rescheduled(so_id, next(versions), lots)
    if lots.random() < 0.15:
        yield _again(first, next(versions), lots)
    if lots.random() < 0.35:
        yield cancelled(so_id, version=next(versions))
        if lots.random() < 0.15:
            yield cancelled(so_id, version=next(versions))


def _versions(lots: random.Random) -> Iterator[int]:
    version = 0
    while True:
        version += lots.randint(1, 5)
        yield version


def _paid(so_id: str, version: int, items: list[dict[str, Any]], lots: random.Random) -> dict[str, Any]:
    days = {name: _day(lots) for name in ("distribution_on", "install_on") if lots.random() < 0.6}
    return paid(so_id, version=version, items=items, total_amount=_total(items), **days)


def _again(first: dict[str, Any], version: int, lots: random.Random) -> dict[str, Any]:
    """A newer ``order.paid``: of the same content, or of another."""
    data = {**first["data"], "version": version}
    if lots.random() < 0.5:
        more = [{**item, "quantity": item["quantity"] + 1} for item in data["items"]]
        data |= {"items": more, "total_amount": _total(more)}
    return event("order.paid", data, event_id=f"paid-{data['so_id']}-{version}", subject=data["so_id"])


def _rescheduled(so_id: str, version: int, lots: random.Random) -> dict[str, Any]:
    names = lots.choice((("distribution_on",), ("install_on",), ("distribution_on", "install_on")))
    data = {"so_id": so_id, "version": version, **{name: _day(lots) for name in names}}
    return event("order.rescheduled", data, event_id=f"move-{so_id}-{version}", subject=so_id)


def _items(lots: random.Random) -> list[dict[str, Any]]:
    codes = lots.choice(((CODE,), (CODE,), (OTHER_CODE,), (CODE, OTHER_CODE), (CODE, CODE)))
    return [
        {
            "product_code": code,
            "quantity": lots.choice((1, 1, 1, 2, 3)),
            "retail_price": PRICES[code],
            "discount": "0",
            "actual_price": PRICES[code],
            "is_gift": False,
        }
        for code in codes
    ]


def _total(items: list[dict[str, Any]]) -> str:
    cents = sum(int(item["actual_price"].replace(".", "")) * item["quantity"] for item in items)
    return f"{cents // 100}.{cents % 100:02}"


def _day(lots: random.Random) -> str:
    return (FIRST_DAY + timedelta(days=lots.randrange(60))).isoformat()
