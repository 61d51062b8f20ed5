"""One queue's consumer: fetches, hands deliveries on, tells the broker how they ended, comes back after every loss.

It consumes in sessions (`session`): one channel with one consumer. Work in flight is not cancelled with a lost session;
it commits its outcome, and the redelivery is then a duplicate. A session that fetches no more settles its deliveries
beside the next one where a rest ended it: one call that hangs must not keep a lane from going on a second later.

Plain connections under our own supervision rather than aio-pika's robust ones: those bring consumers back behind our
back, which a pause, a trial and a drain must be able to decide on.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from aiormq.exceptions import ChannelNotFoundEntity

from consumer.domain.delivery import Settlement
from consumer.observability.logging import get_logger
from consumer.runtime.pauses import Fetching
from consumer.runtime.session import Session
from consumer.runtime.waiting import first_of
from rabbitmq.connection import CHANNEL_ERRORS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from consumer.domain.delivery import Delivery
    from consumer.runtime.broker import Broker
    from consumer.runtime.pause_board import PauseBoard
    from publishers.supervision import Link

log = get_logger(__name__)

_AFTER_A_LOSS = 0.5
_LOOK_EVERY = 15.0
_SETTLING_BESIDE = 2
"""Sessions that may settle beside the one that fetches; each may hold a prefetch of deliveries that hang."""


class Subscriber:
    """Consumes one queue until told to stop.

    Args:
        queue: its name.
        broker: the consuming connection.
        prefetch: deliveries in hand at most; this is also the concurrency.
        handle: takes a delivery to its end. It must not raise: what it raises is a defect, is logged as such, and
            leaves the delivery to the broker.
        pauses: where to look before fetching.
        resources: what the queue's work needs (suppliers, database).
    """

    def __init__(
        self,
        queue: str,
        *,
        broker: Broker,
        prefetch: int,
        handle: Callable[[Delivery], Awaitable[Settlement]],
        pauses: PauseBoard,
        resources: frozenset[str],
    ) -> None:
        self.queue = queue
        self._broker = broker
        self._prefetch = prefetch
        self._handle = handle
        self._pauses = pauses
        self._resources = resources
        self._stopping = asyncio.Event()
        self._consuming = False
        self._in_flight: set[asyncio.Task[None]] = set()
        self._settling: set[asyncio.Task[None]] = set()

    @property
    def consuming(self) -> bool:
        """Is the broker sending us deliveries, as far as we know."""
        return self._consuming

    @property
    def resting(self) -> bool:
        """Is it not consuming on purpose."""
        return self._pauses.fetching(self._resources) is Fetching.PAUSED

    @property
    def in_flight(self) -> int:
        """Deliveries in hand."""
        return len(self._in_flight)

    def stop(self) -> None:
        """Stop fetching; what is in flight goes on."""
        self._stopping.set()

    async def run(self) -> None:
        """Consume until `stop`; returns once fetching has ended, with work perhaps still in flight (see `drained`)."""
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while not self._stopping.is_set():
                await self._one_session(stopping)
        finally:
            stopping.cancel()

    async def drained(self, within: timedelta) -> int:
        """Wait for what is in flight; cancel what takes longer than ``within`` and return how many those were."""
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=within.total_seconds())
        left = list(self._in_flight)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.gather(*self._settling)
        return len(left)

    async def _one_session(self, stopping: asyncio.Task[bool]) -> None:
        mode = self._pauses.fetching(self._resources)
        if mode is Fetching.PAUSED:
            await first_of(stopping, self._pauses.until_other_than(mode, self._resources))
            return
        link = await first_of(stopping, self._broker.link())
        if link is None:
            return
        session = Session(self.queue, cast("Link", link), self._spawn)
        try:
            await session.open(1 if mode is Fetching.TRIAL else self._prefetch)
            self._consuming = True
            await first_of(
                stopping, self._pauses.until_other_than(mode, self._resources), session.ended(), self._watch(session)
            )
        except CHANNEL_ERRORS as error:
            log.warning("cannot consume; trying again", queue=self.queue, error=type(error).__name__)
            if isinstance(error, ChannelNotFoundEntity):
                await self._broker.repair()
            await first_of(stopping, asyncio.sleep(_AFTER_A_LOSS))
        finally:
            self._consuming = False
            await session.end_fetching()
            settling = self._settle(session)
            rested = self._pauses.fetching(self._resources) is not mode
            if not self._stopping.is_set() and not (rested and len(self._settling) <= _SETTLING_BESIDE):
                await settling
                if session.left:
                    # What was left comes again at once: give whatever is in its way a moment.
                    await first_of(stopping, asyncio.sleep(_AFTER_A_LOSS))

    def _settle(self, session: Session) -> asyncio.Task[None]:
        """Close a session that fetches no more; acks still go out on its channel until its last delivery has ended."""
        settling = asyncio.create_task(session.close_when_settled(), name=f"settling {self.queue}")
        self._settling.add(settling)
        settling.add_done_callback(self._settling.discard)
        return settling

    async def _watch(self, session: Session) -> None:
        """Return when the broker no longer knows our consumer although nobody told us."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            if await session.consumers() == 0:
                log.warning("the broker has no consumer on this queue; consuming again", queue=self.queue)
                return

    def _spawn(self, session: Session, tag: int, delivery: Delivery) -> None:
        task = asyncio.create_task(self._carry(session, tag, delivery))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _carry(self, session: Session, tag: int, delivery: Delivery) -> None:
        settlement = Settlement.LEAVE
        try:
            settlement = await self._handle(delivery)
        except Exception:  # a fault of the pipeline itself: the broker keeps the message, a person needs the traceback
            log.exception("delivery not carried through", queue=self.queue)
        finally:
            await session.settle(tag, settlement)
