"""Lines of orders that an older system pushed: what is taken, and how each fault is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consumer.domain.order import OrderState
from consumer.domain.order_parts import Days, Goods
from ops.orders_import import read_lines

LINE: dict[str, Any] = {
    "so_id": "SO-1",
    "online_no": "JD-88",
    "version": 3,
    "state": "confirmed",
    "items": [{"product_code": "BX1", "quantity": 2}, {"product_code": "BX1", "quantity": 1}],
}


def _line(**changed: Any) -> bytes:
    return json.dumps({**LINE, **changed}, ensure_ascii=False).encode()


def test_a_line_becomes_an_order_as_it_stands_at_ylh() -> None:
    orders, faults = read_lines([_line(ext_order_no="E-7", distribution_on="2026-12-01", source_system="old"), b"  "])
    assert faults == []
    order = orders[0].order()
    assert (order.so_id, order.state, order.applied_version) == ("SO-1", OrderState.CONFIRMED, 3)
    assert (order.row_version, order.ext_order_no, order.source_system) == (0, "E-7", "old")
    assert order.goods == (Goods("BX1", 3),)
    assert order.days == Days("2026-12-01", None)
    assert order.at_supplier


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (b"{", "JSON"),
        (b'"SO-1"', "line:"),
        (_line(so_id="SO 1"), "so_id"),
        (_line(version=0), "version"),
        (_line(version="3"), "version"),
        (_line(state="lost"), "state"),
        (_line(state="pushing"), "from pushed on"),
        (_line(items=[]), "items"),
        (_line(items=[{"product_code": "BX1", "quantity": 0}]), "items.0.quantity"),
        (_line(install_on="soon"), "install_on"),
        (_line(mobile="13812345678"), "mobile"),
    ],
)
def test_a_fault_is_named_with_its_line_and_field_and_nothing_of_its_content(line: bytes, names: str) -> None:
    orders, faults = read_lines([_line(so_id="SO-0"), line, _line(so_id="SO-2")])
    assert [order.so_id for order in orders] == ["SO-0", "SO-2"]
    assert [fault.line for fault in faults] == [2]
    assert names in faults[0].why
    assert "13812345678" not in faults[0].why


def test_an_order_that_comes_twice_is_a_fault() -> None:
    orders, faults = read_lines([_line(), _line(version=4)])
    assert [order.version for order in orders] == [3]
    assert [(fault.line, "SO-1" in fault.why) for fault in faults] == [(2, True)]
