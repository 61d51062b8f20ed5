"""Both supplier clients, each over connections and limits of its own, so that one's trouble is not the other's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from consumer.domain.recoverability import Policy
from consumer.suppliers.authorised import Conduct
from consumer.suppliers.cache import ProductCache
from consumer.suppliers.calling import Unobserved
from consumer.suppliers.haier.client import HaierClient
from consumer.suppliers.limits import Released
from consumer.suppliers.quota import LocalSlots, SharedQuota
from consumer.suppliers.transport import AiohttpTransport
from consumer.suppliers.ylh.client import YlhClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from consumer.domain.slots import Slots
    from consumer.settings import Settings
    from consumer.suppliers.cache import CacheObserver
    from consumer.suppliers.calling import CallObserver
    from consumer.suppliers.limits import Brake

CALLS_AT_ONCE: Final = 100
"""Calls under way together to one supplier: its documented limit is a hundred a second (SUPPLIERS, common facts)."""


class Suppliers:
    """Both supplier clients over connection pools of their own, so that one supplier's trouble is not the other's.

    Args:
        settings: of both accounts.
        observer: hears of every HTTP call.
        slots: where the accounts' quotas are kept: the store, shared with every process on the same database; or
            `LocalSlots` for who has none.
        brake_of: gives the brake of a supplier, by its name.
        caches: hears how useful the cache of products is; None: every product is asked for each time.

    Attributes:
        quotas: by supplier.
    """

    def __init__(
        self,
        settings: Settings,
        observer: CallObserver,
        slots: Slots,
        brake_of: Callable[[str], Brake] = lambda _: Released(),
        caches: CacheObserver | None = None,
    ) -> None:
        self.quotas = {
            name: SharedQuota(f"{name}:{client_id}", settings.limits.rate_limit, slots)
            for name, client_id in (("ylh", settings.ylh.client_id), ("haier", settings.haier.client_id))
        }
        conducts = {
            name: Conduct.of(
                settings.limits,
                policy=policy_of(settings),
                observer=observer,
                at_once=CALLS_AT_ONCE,
                quota=quota,
                brake=brake_of(name),
            )
            for name, quota in self.quotas.items()
        }
        self._transports = tuple(AiohttpTransport(slots=conduct.connections) for conduct in conducts.values())
        self.ylh = YlhClient(settings.ylh, self._transports[0], conducts["ylh"])
        lifetime = settings.limits.product_cache
        cache = ProductCache(lifetime, caches) if lifetime is not None and caches is not None else None
        self.haier = HaierClient(settings.haier, self._transports[1], conducts["haier"], cache=cache)

    async def aclose(self) -> None:
        """Close both clients and their connections."""
        await self.ylh.aclose()
        await self.haier.aclose()
        for quota in self.quotas.values():
            await quota.aclose()
        for transport in self._transports:
            await transport.aclose()


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
        # A login takes no slot (`Gate`).
        suppliers = Suppliers(settings, Unobserved(), LocalSlots())
        try:
            await (suppliers.ylh if name == "ylh" else suppliers.haier).login()
        finally:
            await suppliers.aclose()

    return {name: partial(login, name) for name in ("ylh", "haier")}
