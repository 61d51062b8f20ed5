"""What YLH says of the orders afterwards: whom it confirms, refuses, has no goods for, cancels, settles. Pure.

YLH's decisions are the sandbox's own, drawn by the shares and the seed below; the same seed decides the same for the
same order, whatever the order of calls. So they are known here before the run, and a test draws them again.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CALLBACKS: Final[Mapping[str, object]] = MappingProxyType(
    {
        # Long enough that a create whose answer was lost is sent again before YLH speaks of it: else the callback
        # would be the proof of its arrival, now here and now there, and no two runs would show the same.
        "delay": [1.1, 1.7],
        "seed": 9497797,
        "refused": 0.008,
        "out_of_stock": 0.008,
        "intercepted": 0.014,
        "settled": 0.35,
        "early": 0.02,
        "twice": 0.025,
        "forged": 0.012,
    }
)
"""How the sandbox calls back (`sandbox.callback_config.CallbackConfig`), but for the address."""

# Orders by their running number, as `ops.demo.scenario` has them.
TURNED_DOWN: Final = 85
OUT_OF_STOCK_FIRST: Final = 46
INTERCEPTED: Final = 49
"""Cancelled by YLH, which nobody had asked for."""
SETTLED: Final = 55
"""It came back: quantities are told, which nobody had asked for either."""
ANSWERED_BEFORE_THE_CALL: Final = frozenset({2, 52, 58})
"""The callback is there before the create's own answer."""

_STATES: Final = MappingProxyType({TURNED_DOWN: "refused", INTERCEPTED: "cancelled", SETTLED: "settled"})


def state_at_last(number: int, *, cancelled: bool) -> str:
    """Return how an order that YLH took in stands there at the end (EVENTS, ``state``).

    Args:
        number: which order.
        cancelled: whether the shop cancels it.
    """
    return "cancelled" if cancelled else _STATES.get(number, "confirmed")
