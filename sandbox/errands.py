"""What goes on in the background until it is done or the server stops."""

import asyncio
from collections.abc import Coroutine


class Errands:
    """Tasks that nobody waits for, kept so that they can be counted and dropped."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def pending(self) -> int:
        """How many are under way."""
        return len(self._tasks)

    def send(self, errand: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Start one."""
        task = asyncio.get_running_loop().create_task(errand)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drop(self) -> None:
        """End them all, done or not."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
