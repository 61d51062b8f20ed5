"""One supplier's client for a command: a person looks, also while the supplier is at rest, but within the quota."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from consumer.bootstrap.suppliers import policy_of
from consumer.suppliers.authorised import Conduct
from consumer.suppliers.calling import Unobserved
from consumer.suppliers.haier.client import HaierClient
from consumer.suppliers.limits import Released
from consumer.suppliers.quota import SharedQuota
from consumer.suppliers.transport import Transport
from consumer.suppliers.ylh.client import YlhClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.accounts.choosing import AccountInUse
    from consumer.domain.slots import Slots
    from consumer.settings import Settings, YlhSettings

_AT_ONCE: Final = 2


@asynccontextmanager
async def haier_by_hand(settings: Settings, account: AccountInUse, slots: Slots) -> AsyncIterator[HaierClient]:
    """Haier's client for the length of the block: one try for each call.

    Args:
        settings: time-outs and quota.
        account: whose calls they are.
        slots: where the account's quota is kept; the store, or `LocalSlots` where there is none.
    """
    async with _conduct(settings, f"haier:{account.haier.client_id}", slots) as (conduct, transport):
        client = HaierClient(account.haier, transport, conduct, origin=account.origin)
        try:
            yield client
        finally:
            await client.aclose()


@asynccontextmanager
async def ylh_by_hand(settings: Settings, account: YlhSettings, slots: Slots) -> AsyncIterator[YlhClient]:
    """YLH's client for the length of the block; as `haier_by_hand`."""
    async with _conduct(settings, f"ylh:{account.client_id}", slots) as (conduct, transport):
        client = YlhClient(account, transport, conduct)
        try:
            yield client
        finally:
            await client.aclose()


@asynccontextmanager
async def _conduct(settings: Settings, account: str, slots: Slots) -> AsyncIterator[tuple[Conduct, Transport]]:
    quota = SharedQuota(account, settings.limits.rate_limit, slots)
    conduct = Conduct.of(
        settings.limits,
        policy=policy_of(settings),
        observer=Unobserved(),
        at_once=_AT_ONCE,
        quota=quota,
        brake=Released(),
    ).probing()
    transport = Transport(slots=conduct.connections)
    try:
        yield conduct, transport
    finally:
        await quota.aclose()
        await transport.aclose()
