"""The suite ``catalogue``: what is synced in which order, and how often what a quota's target is about is tried."""

from __future__ import annotations

# ruff: noqa: T201 -- a run takes long: each sync is told when it is done
from typing import TYPE_CHECKING, Final

from tests.benchmarks.catalogue_report import FULL, AtQuota, Catalogue
from tests.support.sharing import NotHereError

if TYPE_CHECKING:
    from tests.benchmarks.catalogue import Catalogues

_ROUNDS_AT_QUOTA: Final = 3
"""Until one holds: where the machine stands still for some 20 ms, calls arrive too close together, and 429 it is."""


async def catalogue(catalogues: Catalogues, goods: int) -> Catalogue:
    """Sync ``goods`` goods in all the ways that have a target."""
    print(f"\ncatalogue: syncs of {goods:,} goods, some minutes", flush=True)
    at_quota = []
    for quota, processes in ((100, 1), (100, 4), (2_000, 1)):
        for _ in range(_ROUNDS_AT_QUOTA):
            synced = await catalogues.at_quota(goods, quota, processes=processes)
            one = AtQuota(quota, synced, targeted=quota == 100 and goods >= FULL)
            print(f"  {one.line()}", flush=True)
            if one.holds:
                break
        at_quota.append(one)
    by_hand, whole = await catalogues.against_by_hand(goods, latency=0.02)
    try:
        again = await catalogues.again(goods)
    except NotHereError as error:
        print(f"  not measured: {error}", flush=True)
        again = None
    return Catalogue(at_quota, by_hand, whole, again, await catalogues.whole_list(goods * 10))
