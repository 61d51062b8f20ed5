"""The life of the service: start, run until told to stop, drain.

Order of the end: stop fetching, finish what is in flight within a deadline, flush the outbox, close. What is not
finished by then is never acked: the broker delivers it again.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from consumer.domain.errors import BooksUnavailable
from consumer.observability.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from consumer.runtime.broker import Broker
    from consumer.runtime.outbox_relay import OutboxRelay
    from consumer.runtime.subscriber import Subscriber
    from publishers.confirms import ConfirmedPublisher

log = get_logger(__name__)

_LONGEST_WAIT = 10.0
_LAST_MOMENT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something done now and then beside the work, such as measuring queues or deleting old rows.

    Attributes:
        name: for the log.
        every: pause between two runs.
        run: does it once; `BooksUnavailable` and the broker's absence are its to expect.
    """

    name: str
    every: timedelta
    run: Callable[[], Awaitable[None]]


class Service:
    """One consuming process.

    Args:
        brokers: consuming connections.
        publishers: connections that publish, started first and closed last.
        relay: sends results out.
        subscribers: lanes and archivists.
        chores: done now and then.
        check_database: raises `BooksUnavailable` until the database answers and its schema is right.
        shutdown_timeout: how long in-flight work may take at the end.
    """

    def __init__(
        self,
        *,
        brokers: Sequence[Broker],
        publishers: Sequence[ConfirmedPublisher],
        relay: OutboxRelay,
        subscribers: Sequence[Subscriber],
        chores: Sequence[Chore],
        check_database: Callable[[], Awaitable[None]],
        shutdown_timeout: timedelta,
    ) -> None:
        self._brokers = brokers
        self._publishers = publishers
        self._relay = relay
        self._subscribers = subscribers
        self._chores = chores
        self._check_database = check_database
        self._shutdown_timeout = shutdown_timeout

    @property
    def consuming(self) -> bool:
        """Does every queue have its consumer, save those at rest on purpose."""
        return all(broker.is_up for broker in self._brokers) and all(
            subscriber.consuming or subscriber.resting for subscriber in self._subscribers
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set.

        Raises:
            TopologyConflict: the broker holds queues of our names with another shape.
            TopologyRefused: the broker's user may not declare them.
        """
        if not await self._database_answers(stop):
            return
        for broker in self._brokers:
            broker.start()
        for publisher in self._publishers:
            await publisher.start()
        beside = [
            asyncio.create_task(self._relay.run(), name="outbox relay"),
            *(asyncio.create_task(_repeat(chore), name=chore.name) for chore in self._chores),
        ]
        fetching = [asyncio.create_task(subscriber.run(), name=subscriber.queue) for subscriber in self._subscribers]
        stopped = asyncio.create_task(_set(stop))
        try:
            # Whatever ends by itself is a defect (or a topology that does not fit): the service ends with its error.
            await asyncio.wait({stopped, *beside, *fetching}, return_when=asyncio.FIRST_COMPLETED)
            await self._drain(fetching)
            for task in (*beside, *fetching):
                if task.done():
                    # Also one that somebody cancelled: nobody but us may, and that is further down.
                    task.result()
        finally:
            for task in (stopped, *beside, *fetching):
                task.cancel()
            await asyncio.gather(stopped, *beside, *fetching, return_exceptions=True)
            for broker in self._brokers:
                await broker.close()
            for publisher in self._publishers:
                await publisher.close()

    async def _drain(self, fetching: Sequence[asyncio.Task[None]]) -> None:
        began = time.monotonic()
        for subscriber in self._subscribers:
            subscriber.stop()
        in_flight = sum(subscriber.in_flight for subscriber in self._subscribers)
        log.info("stopping: fetching ends, what is in flight is finished", in_flight=in_flight)
        # One deadline for all of it: whoever stops us has said how long it waits.
        await asyncio.wait(fetching, timeout=self._left(began).total_seconds())
        left = sum(await asyncio.gather(*(subscriber.drained(self._left(began)) for subscriber in self._subscribers)))
        flushed = await self._relay.flush(self._left(began))
        log.info(
            "stopped",
            seconds=round(time.monotonic() - began, 2),
            given_back=left,
            results_flushed=flushed,
        )

    def _left(self, began: float) -> timedelta:
        """Return what is left of the shutdown's time, a moment at least."""
        return max(self._shutdown_timeout - timedelta(seconds=time.monotonic() - began), _LAST_MOMENT)

    async def _database_answers(self, stop: asyncio.Event) -> bool:
        """Wait for the database; False when told to stop first."""
        pause = 0.5
        while not stop.is_set():
            try:
                await self._check_database()
            except BooksUnavailable as error:
                log.warning("waiting for the database", error=error, pause=pause)
                try:
                    await asyncio.wait_for(stop.wait(), timeout=pause)
                except TimeoutError:
                    pause = min(pause * 2, _LONGEST_WAIT)
            else:
                return True
        return False


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def _repeat(chore: Chore) -> None:
    while True:
        try:
            await chore.run()
        except BooksUnavailable as error:
            log.warning("put off: the database does not answer", chore=chore.name, error=error)
        await asyncio.sleep(chore.every.total_seconds())
