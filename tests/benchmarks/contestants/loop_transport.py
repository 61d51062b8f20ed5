"""The hand-written loop with what this service calls its suppliers by: httpx's client over our transport, on uvloop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvloop

from consumer.suppliers.transport import Transport
from tests.benchmarks.contestants import loop_httpx
from tests.benchmarks.contestants.handwritten import consume
from tests.benchmarks.contestants.unit import CONCURRENCY, Supplier

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from tests.benchmarks.contestants.coroutines import Post


async def client(stack: AsyncExitStack, supplier: Supplier) -> Post:
    return await loop_httpx.client(stack, supplier, Transport(slots=CONCURRENCY))


if __name__ == "__main__":
    uvloop.run(consume(client))
