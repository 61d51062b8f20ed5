"""How many refusals one address gets explained and logged; after that it is told only that there were too many.

Refusals alone are counted. A form that is rightly signed is taken from whatever address: behind a reverse proxy all
callers share one, and nobody knows whether YLH sends again what we turned away.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import Final

AT_ONCE: Final = 20
PER_SECOND: Final = 0.5
MOST_ADDRESSES: Final = 10_000
"""Some 2 MB; beyond that the address that was refused longest ago is forgotten."""

_LONGEST: Final = 64


class RefusedCalls:
    """A bucket of refusals for each address: `AT_ONCE` at first, refilled with `PER_SECOND`."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def explained(self, peer: str, now: float) -> bool:
        """Count one refusal of ``peer`` at ``now`` (seconds of a steady clock); False where there were too many."""
        key = _network(peer)
        left, at = self._buckets.get(key, (float(AT_ONCE), now))
        left = min(float(AT_ONCE), left + (now - at) * PER_SECOND)
        if left < 1:
            return False
        self._buckets[key] = (left - 1, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        return True


def _network(peer: str) -> str:
    """Return what counts as one caller: an IPv4 address, or the /64 of an IPv6 one, of which one line has them all."""
    text = peer[:_LONGEST]
    if ":" not in text:
        return text
    try:
        address = ipaddress.IPv6Address(text.partition("%")[0])
    except ValueError:
        # A proxy's own way of writing it: as good a key as any.
        return text
    mapped = address.ipv4_mapped
    return str(mapped) if mapped is not None else str(ipaddress.IPv6Network((address, 64), strict=False))
