"""The proof's own eyes: each way in which ledger and books can differ is seen, and agreement is seen as such."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consumer.domain.order import Order, OrderState
from consumer.domain.order_parts import Days, Goods
from tests.support.order_lives import planned
from tests.support.order_truth import disagreements

PAGE: dict[str, Any] = {
    "state": "confirmed",
    "creates": 1,
    "retail_order_no": "SO.20261122.000000000001",
    "ext_order_no": "10000000000001",
    # 23:59:59 of 2026-12-01 in Shanghai.
    "distribution_time": "1796140799000",
    "install_time": None,
    "goods": [{"product_code": "A", "quantity": 1}, {"product_code": "A", "quantity": 2}],
    "quantities": [],
    "decisions": [{"word": "confirmed", "timestamp": "20261122120000"}],
}
ORDER = Order(
    "SO-1",
    state=OrderState.CONFIRMED,
    applied_version=3,
    retail_order_no=PAGE["retail_order_no"],
    ext_order_no=PAGE["ext_order_no"],
    days=Days("2026-12-01", None),
    goods=(Goods("A", 3),),
)


def test_agreement() -> None:
    assert disagreements({"SO-1": PAGE}, {"SO-1": ORDER}) == []
    assert disagreements({"SO-1": PAGE}, {"SO-1": replace(ORDER, retail_order_no=None)}) == []
    assert disagreements({"SO-1": {**PAGE, "state": "unknown"}}, {}) == []
    tombstone = Order("SO-1", state=OrderState.CANCELLED)
    assert disagreements({"SO-1": {**PAGE, "state": "unknown"}}, {"SO-1": tombstone}) == []


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"state": "cancelled"}, "state cancelled at YLH, confirmed in our books"),
        ({"state": "created"}, "state created at YLH"),
        ({"state": "unknown"}, "at_supplier True"),
        ({"creates": 2}, "created 2 times"),
        ({"retail_order_no": "SO.20261122.000000000002"}, "number SO.20261122.000000000002"),
        ({"ext_order_no": "10000000000002"}, "Haier's number 10000000000002"),
        ({"distribution_time": "1796227199000"}, "2026-12-02"),
        ({"install_time": "1796227199000"}, "2026-12-02"),
        ({"goods": [{"product_code": "A", "quantity": 1}]}, "goods {'A': 1}"),
        ({"quantities": [{"product_code": "A", "received": 1, "returned": 2, "rejected": 0}]}, "quantities {'A'"),
    ],
)
def test_each_difference_is_seen(change: dict[str, Any], seen: str) -> None:
    found = disagreements({"SO-1": {**PAGE, **change}}, {"SO-1": ORDER})
    assert any(seen in difference for difference in found), found


def test_an_order_that_only_ylh_has_is_seen() -> None:
    assert disagreements({"SO-1": PAGE}, {}) == ["SO-1: at YLH confirmed, not in our books"]


def test_a_seed_draws_all_that_can_happen_and_again_the_same() -> None:
    plan = planned(1, 400, seconds=10)
    assert plan.sendings == planned(1, 400, seconds=10).sendings
    assert plan.sendings != planned(2, 400, seconds=10).sendings
    assert len(plan.sendings) > len(plan.events), "some are sent twice"
    begun: dict[str, list[str]] = {}
    for sending in plan.sendings:
        begun.setdefault(sending.document["subject"], []).append(sending.document["type"])
    assert set(begun) <= set(plan.so_ids)
    for early in ("order.cancelled", "order.rescheduled", "order.status.requested"):
        assert any(types[0] == early and "order.paid" in types for types in begun.values()), f"{early} overtakes"
    assert any("order.paid" not in types for types in begun.values())
    assert any("order.rescheduled" in types[types.index("order.cancelled") :] for types in begun.values()
               if "order.cancelled" in types)  # fmt: skip
