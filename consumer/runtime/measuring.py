"""What is measured now and then for those who watch: queues at the broker, and what our books say."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from consumer.observability.logging import get_logger
from consumer.observability.metrics import QueueFigures
from rabbitmq.connection import CHANNEL_ERRORS
from rabbitmq.topology import UNCLAIMED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from consumer.observability.metrics import Metrics
    from consumer.persistence.store import Store
    from consumer.runtime.broker import Broker

log = get_logger(__name__)

_REST: Final = 200
"""The count of orders takes at most one part in so many of the time."""


class QueueMeasuring:
    """Asks the broker for depth and consumers of each queue (AMQP alone, passive declares)."""

    def __init__(self, broker: Broker, queues: Sequence[str], metrics: Metrics) -> None:
        self._broker = broker
        self._queues = queues
        self._metrics = metrics

    async def run(self) -> None:
        """Measure once; while the broker is away the last figures stand."""
        if not self._broker.is_up:
            return
        try:
            figures = await self._broker.depths(self._queues)
        except CHANNEL_ERRORS as error:
            log.warning("queues not measured", error=type(error).__name__)
            return
        self._metrics.queues({name: QueueFigures(*found) for name, found in figures.items()})
        unclaimed = figures.get(UNCLAIMED)
        if unclaimed is not None:
            self._metrics.results_unclaimed(unclaimed[0])


class BooksMeasuring:
    """Asks our database for orders by state, open letters, and what waits in the outbox.

    All of that costs the same whatever the history, but for the count of orders, which reads an index of all of them
    (at a million some 0.1 s). So it is made again only after `_REST` times as long as it took; its figures stand
    meanwhile.

    Args:
        store: our database.
        metrics: of this process.
        now: a clock that never goes back, in seconds.
    """

    def __init__(self, store: Store, metrics: Metrics, now: Callable[[], float] = monotonic) -> None:
        self._store = store
        self._metrics = metrics
        self._now = now
        self._count_again_at = now()

    async def run(self) -> None:
        """Measure once."""
        stats = await self._store.stats()
        if self._now() >= self._count_again_at:
            await self._count()
        oldest = await self._store.stories.oldest()
        self._metrics.orders_waiting({state.value: age.total_seconds() for state, age in oldest.items()})
        self._metrics.dead_letters(
            {(lane, error_class.value): count for (lane, error_class), count in stats.open_letters.items()}
        )
        age = stats.outbox_oldest_age
        self._metrics.outbox(pending=stats.outbox_pending, oldest_age_seconds=0 if age is None else age.total_seconds())

    async def _count(self) -> None:
        began = self._now()
        counts = await self._store.stories.counts()
        ended = self._now()
        self._count_again_at = ended + _REST * (ended - began)
        self._metrics.orders({state.value: count for state, count in counts.items()})


class Forgetting:
    """Deletes rows that are older than they have to be kept, and scrubs the data of people (DESIGN section 5).

    Args:
        store: our database.
        keep: how long inbox and outbox rows stay.
        keep_letters: how long dead letters stay once they are closed.
        keep_personal_data: how long after an order's end, or a letter's, its customer's data stay.
    """

    def __init__(self, store: Store, keep: timedelta, keep_letters: timedelta, keep_personal_data: timedelta) -> None:
        self._store = store
        self._keep = keep
        self._keep_letters = keep_letters
        self._keep_personal_data = keep_personal_data

    async def run(self) -> None:
        """Delete and scrub once."""
        purged = await self._store.purge(self._keep)
        letters = await self._store.purge_letters(self._keep_letters)
        log.info("old rows deleted", rows=purged.total + letters)
        scrubbed = await self._store.scrub(self._keep_personal_data)
        log.info("data of people scrubbed", rows=scrubbed)
