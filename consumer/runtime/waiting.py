"""Waiting for whichever comes first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine


async def first_of(*what: asyncio.Task[bool] | Coroutine[object, object, object]) -> object | None:
    """Wait for the first of ``what``; cancel the coroutines that lost. Returns the winner's value, None for a task's.

    Raises:
        Exception: what the winner raised.
    """
    tasks = [entry if isinstance(entry, asyncio.Task) else asyncio.ensure_future(entry) for entry in what]
    ours = [task for task, entry in zip(tasks, what, strict=True) if not isinstance(entry, asyncio.Task)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in ours:
            if not task.done():
                task.cancel()
        await asyncio.gather(*(task for task in ours if not task.done()), return_exceptions=True)
    for task in ours:
        if task.done() and not task.cancelled():
            return task.result()
    return None
