"""A process that applies batches until it is killed; run by `test_crash.py`.

``crashing.py URL PREFIX``: each batch is `UNITS` units of an inbox entry, an order and two messages, and its number is
printed once it is durable. ``crashing.py URL PREFIX held``: writes one batch, prints ``written`` and hangs before the
commit.
"""

from __future__ import annotations

import asyncio
import sys
import time
from itertools import count
from typing import TYPE_CHECKING

from consumer.domain.order import Order
from consumer.domain.writes import ClearSuspect, SaveOrder, UnitOfWork
from consumer.persistence.store import Store
from consumer.persistence.suspects import Suspects
from tests.integration.persistence.making import entry, message, unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

UNITS = 100


def batch(prefix: str, number: int) -> list[UnitOfWork]:
    names = [f"{prefix}-{number}-{place}" for place in range(UNITS)]
    return [
        unit(entry(name), SaveOrder(Order(name), "me"), message(f"{name}-1", name), message(f"{name}-2", name))
        for name in names
    ]


class HangingSuspects(Suspects):
    """The last statements of a transaction, which never come to their end."""

    def clear(self, connection: Connection, cleared: Sequence[ClearSuspect]) -> None:
        super().clear(connection, cleared)
        print("written", flush=True)  # noqa: T201 (how the parent knows)
        time.sleep(60)


async def main(url: str, prefix: str, *mode: str) -> None:
    store = Store.open(url)
    if mode:
        store._suspects = HangingSuspects(store._database.dialect)
    # With a suspect to clear, a unit is several statements on every database.
    more = [unit(ClearSuspect(prefix))] if mode else []
    for number in count():
        outcomes = await store.apply([*batch(prefix, number), *more])
        if any(outcomes):
            raise SystemExit(f"not applied: {outcomes}")
        print(number, flush=True)  # noqa: T201 (how the parent knows)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
