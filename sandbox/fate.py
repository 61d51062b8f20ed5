"""What YLH decides about an order that it took in, and about a cancel: drawn by the configuration's shares and seed."""

from dataclasses import dataclass
from enum import StrEnum

from sandbox.callback_config import CallbackConfig
from sandbox.ledger import Quantities
from sandbox.lots import Lots

FAIL_MESSAGES = ("收货地址超出配送范围", "商品已下架", "收货人电话无法接通")


class Decision(StrEnum):
    """One decision of YLH; each has its callback."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    OUT_OF_STOCK = "out_of_stock"
    CANCELLED = "cancelled"
    SETTLED = "settled"
    CANCEL_REFUSED = "cancel_refused"


@dataclass(frozen=True, slots=True)
class Turn:
    """A decision, and how many seconds after the one before it (or the call) it is made."""

    decision: Decision
    after: float


class Fates:
    """Draws what becomes of orders; equal for equal ``so_id`` and seed."""

    def __init__(self, config: CallbackConfig) -> None:
        self._config = config
        self._lots = Lots(config.seed)

    def of_create(self, so_id: str) -> tuple[Turn, ...]:
        """What follows a create."""
        config, lots = self._config, self._lots
        if lots.hit(config.refused, so_id, "refused"):
            return self._turns(so_id, Decision.REFUSED)
        decisions = [Decision.CONFIRMED]
        if lots.hit(config.out_of_stock, so_id, "out of stock"):
            decisions.insert(0, Decision.OUT_OF_STOCK)
        if lots.hit(config.intercepted, so_id, "intercepted"):
            decisions.append(self._ended(so_id, "intercepted"))
        return self._turns(so_id, *decisions)

    def of_cancel(self, so_id: str, number: int) -> tuple[Turn, ...]:
        """What follows the so-manieth cancel that was accepted."""
        asked = f"cancel {number}"
        if self._lots.hit(self._config.cancel_refused, so_id, asked, "refused"):
            return self._turns(f"{so_id}/{asked}", Decision.CANCEL_REFUSED)
        return self._turns(f"{so_id}/{asked}", self._ended(so_id, asked))

    def quantities(self, so_id: str, goods: tuple[tuple[str, int], ...]) -> tuple[Quantities, ...]:
        """What came back of each article, once each; they add up to what was ordered."""
        units: dict[str, int] = {}
        for code, quantity in goods:
            units[code] = units.get(code, 0) + quantity
        return tuple(self._divided(so_id, code, total) for code, total in units.items())

    def fail_msg(self, so_id: str) -> str:
        """A reason for a refusal."""
        return FAIL_MESSAGES[self._lots.one_of(len(FAIL_MESSAGES), so_id, "reason")]

    def _ended(self, *of: object) -> Decision:
        return Decision.SETTLED if self._lots.hit(self._config.settled, *of, "settled") else Decision.CANCELLED

    def _turns(self, of: str, *decisions: Decision) -> tuple[Turn, ...]:
        span = self._config.span
        return tuple(Turn(decision, self._lots.between(span, of, decision, "after")) for decision in decisions)

    def _divided(self, so_id: str, code: str, total: int) -> Quantities:
        received = self._lots.one_of(total + 1, so_id, code, "received")
        returned = self._lots.one_of(total - received + 1, so_id, code, "returned")
        return Quantities(code, total, received, returned, total - received - returned)
