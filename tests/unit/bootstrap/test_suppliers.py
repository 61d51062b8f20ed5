"""How many calls go to a supplier together."""

from __future__ import annotations

import pytest

from consumer.bootstrap.suppliers import calls_at_once
from consumer.settings import Prefetch


@pytest.mark.parametrize(("orders", "calls"), [(10, 100), (100, 100), (200, 200)])
def test_an_order_in_hand_never_waits_for_anothers_call(orders: int, calls: int) -> None:
    assert calls_at_once(Prefetch(orders=orders)) == calls
