"""Which of an order's results is news: they may overtake each other, and count up per order (EVENTS, "Out")."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Protocol

REMEMBERED_ORDERS: Final = 100_000
"""Some 20 MB. An order that is forgotten counts as never seen."""


class SequenceStore(Protocol):
    """Where a listener keeps the highest `sequence` handled for each order.

    An application that stores results in a database does well to keep the sequence there, in the same transaction: then
    a restart forgets nothing. `remember` is called after the handler returned and before the ack.
    """

    async def latest(self, so_id: str) -> int | None:
        """The highest sequence remembered; None for an order never seen."""

    async def remember(self, so_id: str, sequence: int) -> None:
        """Keep it, unless a higher one is there."""


class RecentSequences:
    """Keeps the orders heard of last, in memory only.

    Args:
        orders: how many; the one not heard of for the longest time goes first.
    """

    def __init__(self, orders: int = REMEMBERED_ORDERS) -> None:
        if orders < 1:
            raise ValueError(f"orders is {orders}; at least 1 order has to be remembered")
        self._orders = orders
        self._latest: OrderedDict[str, int] = OrderedDict()

    async def latest(self, so_id: str) -> int | None:
        """See `SequenceStore`."""
        return self._latest.get(so_id)

    async def remember(self, so_id: str, sequence: int) -> None:
        """See `SequenceStore`."""
        self._latest[so_id] = max(sequence, self._latest.get(so_id, sequence))
        self._latest.move_to_end(so_id)
        if len(self._latest) > self._orders:
            self._latest.popitem(last=False)


def is_news(sequence: int, latest: int | None) -> bool:
    """Tell whether a result of that sequence still says something.

    Sequence 0 is "not in our books" (EVENTS, `order.status.reported`): it is an answer each time it is asked for, until
    something is known of the order.
    """
    return latest is None or sequence > latest or sequence == latest == 0
