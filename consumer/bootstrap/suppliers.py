"""Both supplier clients, each over connections and limits of its own, so that one's trouble is not the other's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from consumer.domain.recoverability import Policy
from consumer.suppliers.authorised import Conduct
from consumer.suppliers.calling import Unobserved
from consumer.suppliers.haier.client import HaierClient
from consumer.suppliers.limits import Released, Unlimited
from consumer.suppliers.transport import AiohttpTransport
from consumer.suppliers.ylh.client import YlhClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from consumer.observability.metrics import Metrics
    from consumer.runtime.pauses import PauseBoard
    from consumer.settings import Settings
    from consumer.suppliers.calling import CallObserver

_ANSWERED: Final = frozenset({"ok", "rejected"})
CALLS_AT_ONCE: Final = 100
"""Calls under way together to one supplier: its documented limit is a hundred a second (SUPPLIERS, common facts)."""


class Suppliers:
    """Both supplier clients over connection pools of their own, so that one supplier's trouble is not the other's.

    Args:
        settings: of both accounts.
        observer: hears of every HTTP call.
    """

    def __init__(self, settings: Settings, observer: CallObserver) -> None:
        conduct = Conduct.of(
            settings.limits,
            policy=policy_of(settings),
            observer=observer,
            at_once=CALLS_AT_ONCE,
            quota=Unlimited(),
            brake=Released(),
        )
        self._transports = tuple(AiohttpTransport(slots=conduct.connections) for _ in range(2))
        self.ylh = YlhClient(settings.ylh, self._transports[0], conduct)
        self.haier = HaierClient(settings.haier, self._transports[1], conduct)

    async def aclose(self) -> None:
        """Close both clients and their connections."""
        await self.ylh.aclose()
        await self.haier.aclose()
        for transport in self._transports:
            await transport.aclose()


class CallWatch:
    """Counts each call, and ends a supplier's pause when a call to it got an answer.

    A login proves nothing: the calls behind it may still be refused.
    """

    def __init__(self, metrics: Metrics, pauses: PauseBoard) -> None:
        self._metrics = metrics
        self._pauses = pauses

    def supplier_call(self, supplier: str, operation: str, outcome: str, *, seconds: float, status: int | None) -> None:
        """Take note of one call."""
        self._metrics.supplier_call(supplier, operation, outcome, seconds=seconds, status=status)
        if operation != "token" and outcome in _ANSWERED:
            self._pauses.lift(supplier)


def policy_of(settings: Settings) -> Policy:
    """Return how patient the service is."""
    return Policy(
        delays=settings.broker.retry_delays,
        immediate_retries=settings.limits.immediate_retries,
        probe_first=settings.limits.probe_first,
        probe_cap=settings.limits.probe_longest,
        snooze_limit=settings.limits.snooze_limit,
    )


def supplier_logins(settings: Settings) -> Mapping[str, Callable[[], Awaitable[None]]]:
    """Return for each supplier a function that logs in once and raises `SupplierError` if it may not."""

    async def login(name: str) -> None:
        suppliers = Suppliers(settings, Unobserved())
        try:
            await (suppliers.ylh if name == "ylh" else suppliers.haier).login()
        finally:
            await suppliers.aclose()

    return {name: partial(login, name) for name in ("ylh", "haier")}
