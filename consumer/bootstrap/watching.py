"""What a process does beside the work to know how the suppliers are, and to tell the others and whoever asks."""

from __future__ import annotations

import os
import secrets
import socket
from typing import TYPE_CHECKING

from consumer.domain.supplier_report import REPORT_EVERY, SUPPLIERS, AccountSeen
from consumer.runtime.reporting import Peers, Reporting
from consumer.runtime.service import Chore
from consumer.runtime.supplier_watch import LOOK_EVERY, BalanceWatch, LoginProbes

if TYPE_CHECKING:
    from consumer.bootstrap.wiring import Wiring
    from consumer.observability.metrics import Metrics
    from consumer.settings import Settings


def process_name() -> str:
    """Return a name that no other process has, telling a person where this one runs."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"


class SupplierWatch:
    """Reports, login probes and balances of one process.

    Args:
        settings: for the low-water mark.
        wiring: what is watched.
        metrics: of this process.
    """

    def __init__(self, settings: Settings, wiring: Wiring, metrics: Metrics) -> None:
        self._wiring = wiring
        peers = Peers(process_name())
        self.reporting = Reporting(
            wiring.store.reports,
            peers,
            suppliers=SUPPLIERS,
            window=wiring.window,
            board=wiring.pauses,
            quota_used=self._quota_used,
            metrics=metrics,
            mask=wiring.mask,
            account_of=self._account_of,
        )
        self._probes = LoginProbes(
            {"haier": wiring.suppliers.haier.login, "ylh": wiring.suppliers.ylh.login},
            window=wiring.window,
            peers=peers,
            resting=self._resting,
            metrics=metrics,
        )
        self._balances = BalanceWatch(
            wiring.suppliers.haier.balances,
            low_water=settings.limits.low_balance,
            peers=peers,
            resting=self._resting,
            metrics=metrics,
        )

    def chores(self) -> list[Chore]:
        """Return what is done now and then."""
        return [
            Chore("report suppliers", REPORT_EVERY, self.reporting.run),
            Chore("probe idle suppliers", LOOK_EVERY, self._probes.run),
            Chore("look at balances", LOOK_EVERY, self._balances.run),
        ]

    def _account_of(self, supplier: str) -> AccountSeen | None:
        haier = self._wiring.suppliers.haier
        if supplier != "haier" or (haier.in_use is None and haier.trouble is None):
            return None
        account = haier.in_use
        if account is None:
            return AccountSeen(None, trouble=haier.trouble)
        return AccountSeen(account.told, account.name, account.revision, haier.trouble)

    def _resting(self, supplier: str) -> bool:
        # Not on trial: with empty queues that may last for hours, in which nothing else would ask.
        return self._wiring.pauses.why_paused(supplier) is not None

    def _quota_used(self, supplier: str) -> float:
        return self._wiring.suppliers.quotas[supplier].used_ratio()
