"""Our books held against the supplier's own ledger: all in which they disagree, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from consumer.domain.order import OrderState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from consumer.domain.order import Order

SHANGHAI = timezone(timedelta(hours=8))
STATES: Mapping[str, frozenset[OrderState]] = {
    # Never created: refused before any call, or cancelled before it came.
    "unknown": frozenset({OrderState.NEW, OrderState.CANCELLED}),
    "confirmed": frozenset({OrderState.CONFIRMED}),
    "refused": frozenset({OrderState.REFUSED}),
    "cancelled": frozenset({OrderState.CANCELLED}),
    "cancel_failed": frozenset({OrderState.CANCEL_FAILED}),
    "settled": frozenset({OrderState.SETTLED}),
}
"""What our books may say, for each state that an order at YLH can end in once all callbacks have gone."""
NOT_DELIVERED = frozenset({"refused", "cancelled", "settled"})
"""States in which no day is in force any more."""


def disagreements(pages: Mapping[str, Mapping[str, Any]], books: Mapping[str, Order]) -> list[str]:
    """Say for each order in what ledger and books differ; empty: in nothing."""
    absent = {so_id for so_id, page in pages.items() if page["state"] == "unknown"} - set(books)
    found = [f"{so_id}: at YLH {pages[so_id]['state']}, not in our books" for so_id in set(pages) - set(books) - absent]
    for so_id, order in books.items():
        page = pages.get(so_id, {"state": "unknown"})
        found += [f"{so_id}: {difference}" for difference in _differences(page, order)]
    return sorted(found)


def history(results: Sequence[Mapping[str, Any]], so_id: str) -> list[str]:
    """Say what was told of an order, in order of its sequence; for whoever reads a failure."""
    told = {
        result["id"]: result for result in results if result.get("subject") == so_id and "sequence" in result["data"]
    }
    return [
        f"{data['sequence']} {result['type']} {data['state']} version {data['version']} "
        f"for {result['correlationid']} because of {result.get('causationid')}"
        for result in sorted(told.values(), key=lambda result: result["data"]["sequence"])
        for data in (result["data"],)
    ]


def _differences(page: Mapping[str, Any], order: Order) -> Iterator[str]:
    there = page["state"]
    if order.state not in STATES.get(there, frozenset()):
        yield f"state {there} at YLH, {order.state.value} in our books"
    if order.at_supplier is not (there != "unknown"):
        yield f"{there} at YLH, and our books say at_supplier {order.at_supplier}"
    if there == "unknown":
        return
    if page["creates"] != 1:
        yield f"created {page['creates']} times"
    if order.retail_order_no not in {None, page["retail_order_no"]}:
        yield f"number {page['retail_order_no']} at YLH, {order.retail_order_no} in our books"
    yield from _number(page, order)
    if there not in NOT_DELIVERED:
        yield from _days(page, order)
    yield from _goods(page, order)


def _number(page: Mapping[str, Any], order: Order) -> Iterator[str]:
    # A refusal does not bring Haier's number; every other callback does.
    brought = any(made["word"] not in {"refused", "cancel_refused"} for made in page["decisions"])
    expected = {page["ext_order_no"]} if brought else {None, page["ext_order_no"]}
    if order.ext_order_no not in expected:
        yield f"Haier's number {page['ext_order_no']} at YLH, {order.ext_order_no} in our books"


def _days(page: Mapping[str, Any], order: Order) -> Iterator[str]:
    at_ylh = (_day(page["distribution_time"]), _day(page["install_time"]))
    ours = (order.days.distribution_on, order.days.install_on)
    if at_ylh != ours:
        yield f"days {at_ylh} at YLH, {ours} in our books"


def _goods(page: Mapping[str, Any], order: Order) -> Iterator[str]:
    ordered: dict[str, int] = {}
    for item in page["goods"]:
        ordered[item["product_code"]] = ordered.get(item["product_code"], 0) + item["quantity"]
    ours = {item.product_code: item.quantity for item in order.goods}
    if ordered != ours:
        yield f"goods {ordered} at YLH, {ours} in our books"
    told = {item["product_code"]: (item["received"], item["returned"], item["rejected"]) for item in page["quantities"]}
    kept = {
        item.product_code: (item.received, item.returned, item.rejected)
        for item in order.goods
        if item.received is not None
    }
    if told != kept:
        yield f"quantities {told} at YLH, {kept} in our books"


def _day(milliseconds: str | None) -> str | None:
    if milliseconds is None:
        return None
    moment = datetime.fromtimestamp(int(milliseconds) / 1000, UTC).astimezone(SHANGHAI)
    return moment.date().isoformat()
