"""Looking after the suppliers while nothing calls them: does the login work, and is there money left?

One process of many does it (`Peers.first`); nothing is asked of a supplier that is at rest: what rests probes by
itself, and what a person has paused gets no call at all.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from consumer.domain.errors import SupplierError
from consumer.observability.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from decimal import Decimal

    from consumer.domain.goods import PayerBalance
    from consumer.observability.metrics import Metrics
    from consumer.runtime.call_window import CallWindow
    from consumer.runtime.reporting import Peers

log = get_logger(__name__)

LOOK_EVERY: Final = timedelta(seconds=10)
"""How often it is asked whether anything is due; cheap."""
IDLE: Final = timedelta(minutes=1)
"""Without a call for so long a supplier is probed by a login."""
BALANCE_EVERY: Final = timedelta(minutes=10)


class LoginProbes:
    """Logs in at each supplier that nobody calls.

    Args:
        logins: makes one login, by supplier; raises `SupplierError`.
        window: this process's calls.
        peers: the other processes' calls.
        resting: whether no call may be made to a supplier.
        metrics: told whether it is up.
    """

    def __init__(
        self,
        logins: Mapping[str, Callable[[], Awaitable[None]]],
        *,
        window: CallWindow,
        peers: Peers,
        resting: Callable[[str], bool],
        metrics: Metrics,
    ) -> None:
        self._logins = logins
        self._window = window
        self._peers = peers
        self._resting = resting
        self._metrics = metrics
        self._refused: set[str] = set()

    async def run(self) -> None:
        """Probe those that have been idle for a minute."""
        for supplier in self._logins:
            idle = self._window.idle(supplier)
            if self._resting(supplier) or (idle is not None and idle < IDLE.total_seconds()):
                continue
            seen = self._seen_elsewhere(supplier)
            if seen is not None:
                self._metrics.supplier_up(supplier, seen)
            elif self._peers.first:
                await self._probe(supplier)

    def _seen_elsewhere(self, supplier: str) -> bool | None:
        """Return what the process saw that called last, if any did within the minute."""
        seen = [
            (stored.report.idle + stored.age.total_seconds(), stored.report.up)
            for stored in self._peers.others(supplier)
            if stored.report.idle is not None and stored.report.up is not None
        ]
        idle, up = min(seen, default=(IDLE.total_seconds(), None))
        return up if idle < IDLE.total_seconds() else None

    async def _probe(self, supplier: str) -> None:
        try:
            await self._logins[supplier]()
        except SupplierError as error:
            self._metrics.supplier_up(supplier, up=False)
            if supplier not in self._refused:
                self._refused.add(supplier)
                log.warning("an idle supplier does not let us in", supplier=supplier, error=error)
            return
        self._metrics.supplier_up(supplier, up=True)
        if supplier in self._refused:
            self._refused.discard(supplier)
            log.info("an idle supplier lets us in again", supplier=supplier)


class BalanceWatch:
    """Looks at what is left on the payers' accounts at Haier.

    Args:
        balances: asks for them; raises `SupplierError`.
        low_water: below this somebody should pay in; None: no warning.
        peers: whether it is this process's turn.
        resting: whether no call may be made to a supplier.
        metrics: told the amounts; a process whose turn it is not says nothing of them.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        balances: Callable[[], Awaitable[Sequence[PayerBalance]]],
        *,
        low_water: Decimal | None,
        peers: Peers,
        resting: Callable[[str], bool],
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._balances = balances
        self._low_water = low_water
        self._peers = peers
        self._resting = resting
        self._metrics = metrics
        self._clock = clock
        self._due = clock()
        self._low: set[str] = set()

    async def run(self) -> None:
        """Ask, if ten minutes have passed since the last time."""
        if not self._peers.first:
            self._metrics.forget_payers()
            self._low.clear()
            return
        if self._resting("haier") or self._clock() < self._due:
            return
        self._due = self._clock() + BALANCE_EVERY.total_seconds()
        try:
            balances = await self._balances()
        except SupplierError as error:
            log.warning("balance not read; it is asked for again in ten minutes", error=error)
            return
        self._tell(_lowest(balances))

    def _tell(self, amounts: Mapping[str, Decimal]) -> None:
        # An account that is gone must not go on being reported.
        self._metrics.forget_payers()
        low_accounts = set()
        for account, amount in amounts.items():
            low = self._low_water is not None and amount < self._low_water
            if low:
                low_accounts.add(account)
            self._metrics.payer_balance(account, amount)
            self._metrics.payer_balance_low(account, low)
            if low and account not in self._low:
                log.warning(
                    "a payer's balance is low: pay in, or orders will be refused",
                    payer_account=account,
                    amount=amount,
                    low_water=self._low_water,
                )
            elif not low and account in self._low:
                log.info("a payer's balance is above the mark again", payer_account=account, amount=amount)
        self._low = low_accounts


def _lowest(balances: Sequence[PayerBalance]) -> dict[str, Decimal]:
    """Return the amount by payer; of several groups' the lowest, for it is the one that stops orders first."""
    amounts: dict[str, Decimal] = {}
    for balance in balances:
        amounts[balance.payer_code] = min(balance.balance, amounts.get(balance.payer_code, balance.balance))
    return amounts
