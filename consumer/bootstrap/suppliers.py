"""Both supplier clients, each over connections and limits of its own, so that one's trouble is not the other's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from consumer.accounts.switching import SwitchedHaier
from consumer.domain.recoverability import Policy
from consumer.suppliers.authorised import Conduct
from consumer.suppliers.cache import ProductCache
from consumer.suppliers.haier.client import HaierClient
from consumer.suppliers.limits import Released
from consumer.suppliers.quota import SharedQuota
from consumer.suppliers.transport import Transport
from consumer.suppliers.ylh.client import YlhClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from consumer.accounts.choosing import AccountChoice, AccountInUse
    from consumer.domain.slots import Slots
    from consumer.settings import Prefetch, Settings
    from consumer.suppliers.cache import CacheObserver
    from consumer.suppliers.calling import CallObserver
    from consumer.suppliers.limits import Brake

CALLS_AT_ONCE: Final = 100
"""Calls under way together to one supplier, at least: its documented limit is a hundred a second (SUPPLIERS, common
facts), and a batch of goods makes hundreds of calls for one delivery."""


class QuotaUse(Protocol):
    """How much of an account's quota this process uses."""

    def used_ratio(self) -> float:
        """Return what it used during the last minute, as a fraction of the quota."""
        ...


@dataclass(frozen=True, slots=True)
class HaierLine:
    """A client of one account at Haier, with the connections and the quota that are that account's alone."""

    client: HaierClient
    quota: SharedQuota
    transport: Transport

    def quota_used(self) -> float:
        """Return what this process used of the account's quota during the last minute, as a fraction."""
        return self.quota.used_ratio()

    async def aclose(self) -> None:
        """Close the client and its connections."""
        await self.client.aclose()
        await self.quota.aclose()
        await self.transport.aclose()


class Suppliers:
    """Both supplier clients over connection pools of their own, so that one supplier's trouble is not the other's.

    Args:
        settings: of YLH's account, and of the limits.
        observer: hears of every HTTP call.
        slots: where the accounts' quotas are kept: the store, shared with every process on the same database.
        accounts: says which account at Haier serves.
        brake_of: gives the brake of a supplier, by its name.
        caches: hears how useful the cache of products is; None: nothing is remembered.
        learn: told the secrets of a stored account before it is used.
        on_switch: told after each change of the account at Haier.

    Attributes:
        quotas: by supplier.
    """

    def __init__(
        self,
        settings: Settings,
        observer: CallObserver,
        slots: Slots,
        accounts: AccountChoice,
        *,
        brake_of: Callable[[str], Brake] = lambda _: Released(),
        caches: CacheObserver | None = None,
        learn: Callable[[frozenset[str]], None] = lambda _: None,
        on_switch: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._observer = observer
        self._slots = slots
        self._brake_of = brake_of
        self._caches = caches
        self._ylh_quota = self._quota("ylh", settings.ylh.client_id)
        conduct = self._conduct("ylh", self._ylh_quota, at_once=calls_at_once(settings.broker.prefetch))
        self._ylh_transport = Transport(slots=conduct.connections)
        self.ylh = YlhClient(settings.ylh, self._ylh_transport, conduct)
        self.haier = SwitchedHaier(
            accounts, self._haier_line, longest_call=conduct.longest, learn=learn, on_switch=on_switch
        )
        self.quotas: Mapping[str, QuotaUse] = {"ylh": self._ylh_quota, "haier": self.haier}

    async def aclose(self) -> None:
        """Close both clients and their connections."""
        await self.ylh.aclose()
        await self.haier.aclose()
        await self._ylh_quota.aclose()
        await self._ylh_transport.aclose()

    def _haier_line(self, account: AccountInUse) -> HaierLine:
        """Return a client of ``account``; tokens, quota, connections and remembered products are an account's own."""
        quota = self._quota("haier", account.haier.client_id)
        conduct = self._conduct("haier", quota, at_once=CALLS_AT_ONCE)
        transport = Transport(slots=conduct.connections)
        lifetime = self._settings.limits.product_cache
        cache = ProductCache(lifetime, self._caches) if lifetime is not None and self._caches is not None else None
        client = HaierClient(account.haier, transport, conduct, cache=cache, origin=account.origin)
        return HaierLine(client, quota, transport)

    def _quota(self, supplier: str, client_id: str) -> SharedQuota:
        return SharedQuota(f"{supplier}:{client_id}", self._settings.limits.rate_limit, self._slots)

    def _conduct(self, supplier: str, quota: SharedQuota, *, at_once: int) -> Conduct:
        return Conduct.of(
            self._settings.limits,
            policy=policy_of(self._settings),
            observer=self._observer,
            at_once=at_once,
            quota=quota,
            brake=self._brake_of(supplier),
        )


def calls_at_once(prefetch: Prefetch) -> int:
    """Return how many calls to YLH may be under way together: an order in hand never waits for another's call."""
    return max(CALLS_AT_ONCE, prefetch.orders)


def policy_of(settings: Settings) -> Policy:
    """Return how patient the service is."""
    return Policy(
        delays=settings.broker.retry_delays,
        immediate_retries=settings.limits.immediate_retries,
        probe_first=settings.limits.probe_first,
        probe_cap=settings.limits.probe_longest,
        snooze_limit=settings.limits.snooze_limit,
    )
