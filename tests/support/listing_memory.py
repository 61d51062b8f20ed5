"""Reads every product of a Haier through our client and prints what it took: a process of its own, for its memory.

``python -m tests.support.listing_memory SIZE_OF_A_PART`` with ``HAIER_*`` in the environment prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

import uvloop

from consumer.domain.recoverability import Policy
from consumer.settings import load
from consumer.suppliers.authorised import Conduct
from consumer.suppliers.haier.client import HaierClient
from consumer.suppliers.haier.listing import SpooledListing
from consumer.suppliers.limits import Timeouts
from consumer.suppliers.transport import Transport


class Held:
    """How long the event loop was kept from its other work: a look at the clock, as often as it lets us."""

    def __init__(self) -> None:
        self.holds: list[float] = []

    async def watch(self) -> None:
        """Look until cancelled."""
        before = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            self.holds.append(now - before - 0.001)
            before = now


def peak() -> int:
    """Return the most memory that this process has had, in bytes.

    On Linux ``getrusage`` still knows what the process was that started this one; ``VmHWM`` began anew.
    """
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


async def read(size: int) -> dict[str, float]:
    """Read the whole list in parts of ``size`` and tell what it took, times in seconds, sizes in bytes."""
    section = load(dotenv=None, need=["haier"]).haier
    held = Held()
    async with Transport() as transport:
        client = HaierClient(section, transport, Conduct(Timeouts(call=120), Policy(immediate_retries=0)))
        await client.check()
        before = peak()
        watch = asyncio.create_task(held.watch())
        began = time.perf_counter()
        found = unreadable = largest = 0
        async with client.listing() as listing:
            arrived = time.perf_counter()
            async for look in listing.parts(size):
                found += len(look.found)
                unreadable += len(look.unreadable)
                largest = max(largest, len(look.found))
            body = listing.spool.size if isinstance(listing, SpooledListing) else 0
        ended = time.perf_counter()
        watch.cancel()
        await client.aclose()
    holds = sorted(held.holds)
    return {
        "found": found,
        "unreadable": unreadable,
        "largest_part": largest,
        "body": body,
        "peak_before": before,
        "peak": peak(),
        "arriving": arrived - began,
        "reading": ended - arrived,
        "longest_hold": holds[-1],
        "hold_99": holds[int(len(holds) * 0.99)],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(uvloop.run(read(int(sys.argv[1])))) + "\n")
