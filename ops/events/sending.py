"""Sends what has come as soon as it has come, some batches at a time, and tells outcomes in the order of the input.

A pipe that is silent after ten events has these ten confirmed and told, instead of waiting for a full batch.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from publishers.streaming import Entry, Outcome, outgoing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from publishers.outgoing import Outgoing, PublishError

    Send = Callable[[Sequence[Outgoing]], Awaitable[list[PublishError | None]]]

_AT_ONCE: Final = 8
"""Batches under way; each is what one read of the input gave (64 kB, some hundred events)."""


async def sent(batches: AsyncIterator[list[Entry]], send: Send) -> AsyncIterator[Outcome]:
    """Send batches as they come; closing the iterator early abandons what is under way."""
    under_way: asyncio.Queue[asyncio.Task[list[Outcome]] | None] = asyncio.Queue(_AT_ONCE)
    tasks: set[asyncio.Task[list[Outcome]]] = set()

    async def feed() -> None:
        try:
            async for batch in batches:
                task = asyncio.create_task(_sent(batch, send))
                tasks.add(task)
                await under_way.put(task)
        finally:
            # Also when reading fails: who waits for outcomes has to wake up.
            await under_way.put(None)

    feeding = asyncio.create_task(feed(), name="reading events")
    try:
        while (task := await under_way.get()) is not None:
            for outcome in await task:
                yield outcome
            tasks.discard(task)
        await feeding
    finally:
        for one in (feeding, *tasks):
            one.cancel()
        # The queue may be full: the feeder's last word then has to find a place, or it would wait for ever.
        while not under_way.empty():
            under_way.get_nowait()
        await asyncio.gather(feeding, *tasks, return_exceptions=True)


async def _sent(batch: list[Entry], send: Send) -> list[Outcome]:
    good = [outgoing(entry.event, entry.body) for entry in batch if entry.event is not None and entry.error is None]
    answers = iter(await send(good) if good else [])
    return [Outcome(entry.number, entry.event, entry.error or next(answers)) for entry in batch]
