"""Both sides of the demo's account as an honest run leaves them; tests doctor one of them and look what is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ops.demo.answers import OUT_OF_STOCK_FIRST
from ops.demo.events import Rescheduled
from ops.demo.evidence import Article, Called, Days, Page, Received, SupplierBooks
from ops.demo.lives import given_days
from ops.demo.reckoning import reckon
from ops.demo.scenario import ENDING_OF, Fate, Planned, Scenario, build, so_id_of
from schemas.codec import new_event
from schemas.registry import OUTBOUND

if TYPE_CHECKING:
    from pydantic import BaseModel

    from schemas.envelope import Event

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
SCENARIO = build(NOW)
PUSHED, PARKED, REFUSED, CANCELLED = "SO-1001", "SO-1006", "SO-1020", "SO-1012"
LOST = "SO-1010"
MOVED = "SO-1022"
STRANGER = Page("created", 1, 1, 0, 0, None)
GOODS = "BX0000003"


class Account:
    """Both sides as an honest run leaves them, to be doctored."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.orders = {
            event.so_id: page_of(event)
            for event in scenario.firsts()
            if event.so_id is not None and event.event_id.startswith("paid-")
        }
        for event in scenario.firsts():
            if event.fate is Fate.CANCEL_TAKEN and event.so_id is not None:
                self.orders[event.so_id] = replace(self.orders[event.so_id], cancels=1)
        self.articles = {code: Article(f"M-{code}", "海尔", "冰箱", procurable=True) for code in scenario.product_codes}
        self.fired = [fault.least for fault in scenario.faults]
        self.received = Received()
        for event in scenario.firsts():
            self.received.take(result_of(event, self.orders))
        for so_id, state in scenario.states.items():
            self.received.take(last_word(so_id, state))
        self.received.take(said(so_id_of(OUT_OF_STOCK_FIRST), "order.out_of_stock", "out_of_stock", sequence=2))
        for code, article in self.articles.items():
            self.received.take(changed(code, article))
        self.callbacks = {"true": Called(166, {}), "repeated": Called(8, {}), "forged": Called(0, {"401 refused": 2})}

    def books(self) -> SupplierBooks:
        return SupplierBooks(self.orders, self.articles, {"ylh.create": 200}, self.fired, self.callbacks)

    def codes(self) -> list[tuple[str, str]]:
        """What the reckoning finds: (code, subject)."""
        return [(one.code, one.subject) for one in reckon(self.scenario, self.books(), self.received).disagreements]

    def without(self, event_id: str) -> Event:
        """Take the result out that ends an event."""
        (result,) = self.received.ends()[event_id]
        del self.received.results[result.id]
        return result


def page_of(event: Planned) -> Page:
    there = event.fate is Fate.PUSHED
    so_id = str(event.so_id)
    return Page(
        state=SCENARIO.states[so_id] if there else "unknown",
        creates=int(there),
        create_calls=1,
        duplicates_refused=0,
        cancels=0,
        retail_order_no=f"R-{so_id}" if there else None,
        ext_order_no=f"H-{so_id}" if there else None,
        was_out_of_stock=so_id == so_id_of(OUT_OF_STOCK_FIRST),
        days=given_days(SCENARIO).get(so_id, Days()),
    )


WORDS = {
    "confirmed": "order.confirmed",
    "refused": "order.refused",
    "cancelled": "order.cancel.succeeded",
    "settled": "order.settled",
}


def last_word(so_id: str, state: str) -> Event:
    """What YLH's last callback brought about."""
    return said(so_id, WORDS[state], state, sequence=9)


def said(so_id: str, type_: str, state: str, *, sequence: int) -> Event:
    items = ({"product_code": "BX1", "total": 1, "received": 0, "returned": 0, "rejected": 1},)
    values = {
        **order_values(so_id, state=state, sequence=sequence),
        "fail_msg": "商品已下架",
        "at_supplier": True,
        "refundable": True,
        "items": items,
    }
    model = OUTBOUND[type_]
    data = model.model_validate({name: value for name, value in values.items() if name in model.model_fields})
    return new_event(
        type_,
        data,
        source="/relay",
        id_=f"{type_}/{so_id}/{sequence}",
        correlationid=f"paid-{so_id}-1",
        causationid="callback",
        subject=so_id,
    )


def order_values(so_id: str | None, *, state: str | None, sequence: int) -> dict[str, object]:
    return {
        "so_id": so_id,
        "online_no": None,
        "source_system": None,
        "version": 1,
        "state": state,
        "sequence": sequence,
        "occurred_at": NOW,
        "retail_order_no": None,
        "ext_order_no": None,
    }


def result_of(event: Planned, orders: dict[str, Page]) -> Event:
    type_ = ENDING_OF[event.fate]
    payload = event.payload
    order = {
        **order_values(event.so_id, state=None, sequence=1),
        "retail_order_no": orders[event.so_id].retail_order_no if event.so_id in orders else None,
        "distribution_on": payload.distribution_on if isinstance(payload, Rescheduled) else None,
        "install_on": payload.install_on if isinstance(payload, Rescheduled) else None,
        # Of a cancel that ends at once: the order never got there.
        "at_supplier": event.fate is not Fate.CANCELLED_UNSEEN,
        "refundable": False,
        "applied_version": None,
        "error": {
            "class": "rejected",
            "code": "refused",
            "message": "no",
            "supplier_message": "不行",
            "retriable": False,
        },
    }
    other: dict[str, dict[str, object]] = {
        "event.dead_lettered": {"error": order["error"], "attempts": 3, "dead_letter_id": "d-1"},
        "event.rejected": {
            "errors": [{"field": getattr(event.payload, "field", "body"), "expected": "x", "input": "y"}],
            "message_id": event.event_id,
            "body_sha256": "0" * 64,
        },
        "sync.completed": {"sync_log": ROW, "changed": 200, "unchanged": 0},
    }
    model = OUTBOUND[type_]
    values = other.get(type_) or {name: value for name, value in order.items() if accepts(model, name)}
    return told(type_, model.model_validate(values), event.event_id, subject=event.so_id)


ROW = {
    "id": "6f1ed002-ab5a-4d4e-a5d7-9b6a3f0f3f11",
    "sync_type": "products",
    "status": "success",
    "message": None,
    "total_count": 200,
    "success_count": 200,
    "failed_count": 0,
    "started_at": NOW,
    "completed_at": NOW,
    "created_at": NOW,
}


def accepts(model: type[BaseModel], name: str) -> bool:
    return name in model.model_fields


def told(type_: str, data: BaseModel, correlationid: str, *, subject: str | None = None, again: str = "") -> Event:
    id_ = f"{type_}/{correlationid}{again}"
    return new_event(type_, data, source="/relay", id_=id_, correlationid=correlationid, subject=subject)


def changed(code: str, article: Article, *, again: str = "") -> Event:
    new = {"model": article.model, "brand": article.brand, "category": article.category, "procurable": True}
    data = OUTBOUND["product.changed"].model_validate({"product_code": code, "new": new})
    return new_event("product.changed", data, source="/relay", id_=f"{code}{again}", correlationid="sync-goods-1")
