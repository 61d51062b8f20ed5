"""The life of `relay schedule`: put together, run until it is told to stop.

It needs the database alone: requests go into the outbox, from where any `relay consume` sends them.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from consumer.bootstrap.watching import process_name
from consumer.domain.errors import RelayError
from consumer.observability.logging import configure
from consumer.persistence.store import Store
from consumer.runtime.scheduler import Pace, Scheduler

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from consumer.domain.schedule_books import Holder
    from consumer.runtime.scheduler import Leading
    from consumer.settings import Settings


async def keep_schedule(
    settings: Settings,
    *,
    stop: asyncio.Event,
    tell: Callable[[Leading | Holder], None],
    pace: Pace | None = None,
) -> None:
    """Request syncs as RELAY_SCHEDULE says, or stand by while another process does, until ``stop`` is set.

    Starts without a database, and goes on as soon as it answers.

    Args:
        settings: with the database.
        stop: set to return.
        tell: told whenever this process begins to run the schedule, or to stand by.
        pace: of the lease; None: the usual one.
    """
    async with AsyncExitStack() as stack:
        logs = configure(
            level=settings.logging.level,
            directory=settings.logging.directory,
            timezone=settings.service.timezone,
            secrets=settings.secrets(),
            speaking=(RelayError,),
        )
        stack.callback(logs.close)
        store = await stack.enter_async_context(Store.open(settings.database.url.get_secret_value()))
        scheduler = Scheduler(
            settings.schedule.entries,
            settings.service.timezone,
            store.schedule,
            owner=process_name(),
            tell=tell,
            pace=pace or Pace(),
        )
        await scheduler.run(stop)
