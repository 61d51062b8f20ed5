"""What our books are asked for those who watch, and how often orders are counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from consumer.domain.order import OrderState
from consumer.observability.metrics import Metrics
from consumer.persistence.stats import Stats
from consumer.runtime.measuring import BooksMeasuring

if TYPE_CHECKING:
    from consumer.persistence.store import Store


@dataclass
class Books:
    """A store in which counting all orders takes ``takes`` seconds of a clock of its own."""

    takes: float
    clock: float = 1000.0
    counted: int = 0
    ages: dict[OrderState, timedelta] = field(default_factory=dict)

    @property
    def stories(self) -> Books:
        return self

    async def stats(self) -> Stats:
        return Stats({}, 0, None)

    async def counts(self) -> dict[OrderState, int]:
        self.clock += self.takes
        self.counted += 1
        return {OrderState.PUSHED: self.counted}

    async def oldest(self) -> dict[OrderState, timedelta]:
        return self.ages


def _measuring(books: Books) -> tuple[BooksMeasuring, Metrics]:
    metrics = Metrics.create(version="1", event_types=())
    return BooksMeasuring(cast("Store", books), metrics, now=lambda: books.clock), metrics


async def test_counting_all_orders_takes_a_small_part_of_the_time_however_many_there_are() -> None:
    books = Books(takes=3.0)
    measuring, metrics = _measuring(books)
    for _ in range(480):
        await measuring.run()
        books.clock += 15
    assert 7200 / 600 - 1 <= books.counted <= 7200 / 600 + 1
    # Meanwhile the last figures stand.
    assert metrics.registry.get_sample_value("relay_orders", {"state": "pushed"}) == books.counted


async def test_few_orders_are_counted_each_time_and_a_state_that_nobody_is_in_any_more_has_no_age() -> None:
    books = Books(takes=0.001, ages={OrderState.CANCELLING: timedelta(hours=2)})
    measuring, metrics = _measuring(books)
    await measuring.run()
    age = ("relay_order_oldest_age_seconds", {"state": "cancelling"})
    assert metrics.registry.get_sample_value(*age) == 7200
    books.clock += 15
    books.ages = {}
    await measuring.run()
    assert metrics.registry.get_sample_value(*age) is None
    assert books.counted == 2
