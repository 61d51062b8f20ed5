"""What the suppliers know afterwards: each order with its effects, and how often each call came.

Tests hold this against the service's own results, so it counts arrivals and effects apart and keeps no personal data:
of a body only its SHA-256.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Literal

from sandbox.wire import JSON

State = Literal[
    "unknown", "created", "confirmed", "refused", "out_of_stock", "cancelling", "cancelled", "cancel_failed", "settled"
]
ENDED: frozenset[State] = frozenset({"cancelled", "settled"})
"""States in which YLH takes neither a cancel nor a reschedule."""
KEPT_DIGESTS = 16
KEPT_CALLS = 1000


@dataclass(frozen=True, slots=True)
class Quantities:
    """What became of the units of one article (a callback's ``itemList``)."""

    product_code: str
    total: int
    received: int
    returned: int
    rejected: int

    def told(self) -> dict[str, JSON]:
        """As the ledger's page has it."""
        return {
            "product_code": self.product_code, "total": self.total, "received": self.received,
            "returned": self.returned, "rejected": self.rejected,
        }  # fmt: skip


@dataclass(slots=True)
class Order:
    """One ``soId``. ``creates``, ``cancels``, ``reschedules`` are effects; the ``_calls`` are arrivals.

    ``state`` is how it stands at YLH. ``unknown``: calls named it, but no create was accepted; ``cancelling``: a cancel
    was accepted and is not decided yet. ``answer`` is what YLH said of the order itself, also beside a cancel. Times
    are milliseconds since 1970 as they came. ``decisions`` are YLH's own, each with its TimeStamp: callbacks tell them.
    """

    so_id: str
    state: State = "unknown"
    creates: int = 0
    create_calls: int = 0
    duplicates_refused: int = 0
    cancels: int = 0
    cancel_calls: int = 0
    reschedules: int = 0
    reschedule_calls: int = 0
    refused: int = 0
    retail_order_no: str | None = None
    ext_order_no: str | None = None
    online_no: str = ""
    goods: tuple[tuple[str, int], ...] = ()
    distribution_time: str | None = None
    install_time: str | None = None
    created_at: float = 0.0
    answer: State | None = None
    fail_msg: str | None = None
    quantities: tuple[Quantities, ...] = ()
    decisions: list[tuple[str, datetime]] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)

    @property
    def stands(self) -> bool:
        """Whether YLH has it, and has not turned it down or ended it."""
        return self.state not in {"unknown", "refused", *ENDED}

    def told(self) -> dict[str, JSON]:
        """The ledger's page for this order."""
        return {
            "state": self.state,
            "creates": self.creates,
            "create_calls": self.create_calls,
            "duplicates_refused": self.duplicates_refused,
            "cancels": self.cancels,
            "cancel_calls": self.cancel_calls,
            "reschedules": self.reschedules,
            "reschedule_calls": self.reschedule_calls,
            "refused": self.refused,
            "retail_order_no": self.retail_order_no,
            "ext_order_no": self.ext_order_no,
            "distribution_time": self.distribution_time,
            "install_time": self.install_time,
            "goods": [{"product_code": code, "quantity": units} for code, units in self.goods],
            "answer": self.answer,
            "fail_msg": self.fail_msg,
            "quantities": [item.told() for item in self.quantities],
            "decisions": [{"word": word, "timestamp": f"{at:%Y%m%d%H%M%S}"} for word, at in self.decisions],
            "body_digests": [digest.hex() for digest in self.digests],
        }


class Ledger:
    """Orders and counters of one sandbox."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self._numbers: dict[str, Order] = {}
        self.calls: Counter[str] = Counter()
        self.statuses: dict[str, Counter[str]] = {}
        self.recent: deque[dict[str, JSON]] = deque(maxlen=KEPT_CALLS)

    def order(self, so_id: str) -> Order:
        """The order's page, opened at its first mention."""
        found = self.orders.get(so_id)
        if found is None:
            found = self.orders[so_id] = Order(so_id)
        return found

    def by_number(self, number: str) -> Order | None:
        """An order by its retail order number or by Haier's own."""
        return self._numbers.get(number)

    def numbered(self, order: Order, retail_order_no: str, ext_order_no: str) -> None:
        """Give an order its two numbers, by which it is found from now on."""
        order.retail_order_no, order.ext_order_no = retail_order_no, ext_order_no
        self._numbers[retail_order_no] = self._numbers[ext_order_no] = order

    def create_arrived(self, so_id: str, body: bytes) -> None:
        """A create came in, whatever becomes of it."""
        order = self.order(so_id)
        order.create_calls += 1
        if len(order.digests) < KEPT_DIGESTS:
            order.digests.append(sha256(body).digest())

    def answered(self, call: str, status: str, fault: str | None, keys: tuple[str, ...], at: float) -> None:
        """A call has ended: ``status`` is its HTTP status, or ``none`` where nothing was answered."""
        counted = self.statuses.get(call)
        if counted is None:
            counted = self.statuses[call] = Counter()
        counted[status] += 1
        self.recent.append({"call": call, "status": status, "fault": fault, "keys": list(keys[:3]), "at": at})

    def ended(self, supplier: str, status: str) -> int:
        """How many business calls of a supplier ended with a status."""
        return sum(
            counted[status]
            for call, counted in self.statuses.items()
            if call.startswith(f"{supplier}.") and not call.endswith(".token")
        )

    def reset(self) -> None:
        """Forget everything."""
        self.orders.clear()
        self._numbers.clear()
        self.calls.clear()
        self.statuses.clear()
        self.recent.clear()

    def told(self) -> dict[str, JSON]:
        """Everything but the recent calls."""
        return {
            "orders": {so_id: order.told() for so_id, order in self.orders.items()},
            "calls": dict(self.calls),
            "statuses": {call: dict(counted) for call, counted in self.statuses.items()},
        }

    def summary(self) -> dict[str, JSON]:
        """Totals; ``doubled`` counts orders that were created more than once, which must never be."""
        orders = self.orders.values()
        doubled = [order.so_id for order in orders if order.creates > 1]
        return {
            "orders": sum(order.creates > 0 for order in orders),
            "mentioned": len(orders),
            "creates": sum(order.creates for order in orders),
            "create_calls": sum(order.create_calls for order in orders),
            "duplicates_refused": sum(order.duplicates_refused for order in orders),
            "refused": sum(order.refused for order in orders),
            "cancelled": sum(order.state == "cancelled" for order in orders),
            "cancels": sum(order.cancels for order in orders),
            "reschedules": sum(order.reschedules for order in orders),
            "doubled": len(doubled),
            "doubled_so_ids": list(doubled[:20]),
            "calls": sum(self.calls.values()),
            "operations": dict(self.calls),
        }
