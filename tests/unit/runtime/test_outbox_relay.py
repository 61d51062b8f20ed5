"""The outbox relay: what is confirmed is marked, what is not stays, and memory has its bounds."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import BooksUnavailable
from consumer.runtime import outbox_relay as module
from consumer.runtime.books import BatchedBooks
from consumer.runtime.outbox_relay import OutboxRelay
from publishers.outgoing import BrokerAway, Refused, Unconfirmed
from tests.unit.runtime.fakes import FakePublisher, FakeStore, as_publisher, as_store, message, messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from publishers.outgoing import Outgoing, PublishError

SECOND = timedelta(seconds=1)
AWAY = BooksUnavailable("the database does not answer", code="unreachable")


class Office:
    """A relay over a fake store and a fake publisher."""

    def __init__(self, *failures: type[PublishError]) -> None:
        self.store = FakeStore()
        self.publisher = FakePublisher(*failures)
        self.relay = OutboxRelay(BatchedBooks(as_store(self.store)), as_publisher(self.publisher))

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.relay.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @property
    def sent(self) -> list[str | None]:
        return [sent.message_id for sent in self.publisher.sent]

    async def until_sent(self, count: int) -> None:
        async with asyncio.timeout(2):
            while len(self.publisher.sent) < count:  # noqa: ASYNC110 - the fake has nothing to wait on
                await asyncio.sleep(0.001)


async def test_what_is_handed_over_goes_out_in_order_and_is_marked() -> None:
    office = Office()
    async with office.at_work():
        office.relay.hand_over(messages(range(3)))
        office.relay.hand_over(messages(range(3, 500)))
        assert await office.relay.flush(SECOND)
    assert office.sent == [f"r-{number}" for number in range(500)]
    assert office.store.dispatched == office.sent
    assert office.relay.waiting == 0


async def test_a_row_becomes_the_message_that_it_was_stored_as() -> None:
    office = Office()
    async with office.at_work():
        office.relay.hand_over([message(7)])
        assert await office.relay.flush(SECOND)
    (sent,) = office.publisher.sent
    assert (sent.exchange, sent.routing_key, sent.body) == ("relay.results", "order.superseded", b"{}")
    assert (sent.message_id, sent.type, sent.mandatory) == ("r-7", "order.superseded", False)
    assert sent.content_type == "application/cloudevents+json"


async def test_what_does_not_fit_is_left_to_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HAND_OVER", 10)
    office = Office()
    office.relay.hand_over(messages(range(25)))
    office.relay.hand_over(messages(range(25, 30)))
    assert office.relay.waiting == 10
    async with office.at_work():
        assert await office.relay.flush(SECOND)
    assert office.sent == [f"r-{number}" for number in range(10)]


async def test_who_makes_many_waits_for_room_and_leaves_nothing_to_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HAND_OVER", 10)
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    office = Office()
    await office.relay.hand_over_in_turn(messages(range(5)))
    waiting = asyncio.create_task(office.relay.hand_over_in_turn(messages(range(5, 10))))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    async with office.at_work():
        await waiting
        for start in range(10, 100, 5):
            await office.relay.hand_over_in_turn(messages(range(start, start + 5)))
        assert await office.relay.flush(SECOND)
    assert office.sent == [f"r-{number}" for number in range(100)]


@pytest.mark.parametrize("failure", [BrokerAway, Unconfirmed, Refused])
async def test_what_is_not_confirmed_is_not_marked(failure: type[PublishError]) -> None:
    office = Office(failure)
    async with office.at_work():
        office.relay.hand_over(messages(range(3)))
        assert await office.relay.flush(SECOND)
    assert office.store.dispatched == ["r-1", "r-2"]


async def test_a_database_that_is_away_does_not_end_the_relay() -> None:
    office = Office()
    office.store.failure = AWAY
    async with office.at_work():
        office.relay.hand_over([message(1)])
        assert await office.relay.flush(SECOND)
        assert (office.sent, office.store.dispatched) == (["r-1"], [])
        office.store.failure = None
        office.relay.hand_over([message(2)])
        assert await office.relay.flush(SECOND)
    assert (office.sent, office.store.dispatched) == (["r-1", "r-2"], ["r-2"])


async def test_the_sweep_sends_what_others_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SWEEP_EVERY", timedelta(milliseconds=1))
    office = Office()
    office.store.claimable.extend([messages(range(3)), messages(range(3, 5))])
    async with office.at_work():
        await office.until_sent(5)
        assert await office.relay.flush(SECOND)
    assert office.store.dispatched == office.sent == [f"r-{number}" for number in range(5)]


async def test_the_sweep_waits_for_its_next_time_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SWEEP_EVERY", timedelta(milliseconds=1))
    office = Office(BrokerAway, BrokerAway)
    office.store.claimable.extend([messages([1]), messages([1]), messages([1])])
    async with office.at_work():
        await office.until_sent(1)
        office.store.failure = AWAY
        await asyncio.sleep(0.01)
        office.store.failure = None
        office.store.claimable.append(messages([2]))
        await office.until_sent(2)
    assert office.sent == ["r-1", "r-2"]


async def test_what_goes_out_within_a_moment_is_marked_together_without_being_asked() -> None:
    office = Office()
    async with office.at_work():
        for number in range(20):
            office.relay.hand_over([message(number)])
            await office.until_sent(number + 1)
        assert office.store.dispatched == []
        async with asyncio.timeout(5):
            while len(office.store.dispatched) < 20:  # noqa: ASYNC110 - the fake has nothing to wait on
                await asyncio.sleep(0.001)
    assert office.store.commits == 1


async def test_a_batch_does_not_wait_for_the_confirms_of_the_one_before() -> None:
    office = Office()
    slow = asyncio.Event()
    publish = office.publisher.publish_many

    async def confirmed_late(sent: Sequence[Outgoing]) -> list[PublishError | None]:
        outcomes = await publish(sent)
        if sent[0].message_id == "r-0":
            await slow.wait()
        return outcomes

    office.publisher.publish_many = confirmed_late  # type: ignore[method-assign, assignment]
    async with office.at_work():
        office.relay.hand_over([message(0)])
        await office.until_sent(1)
        office.relay.hand_over([message(1)])
        await office.until_sent(2)
        assert not await office.relay.flush(timedelta(milliseconds=10)), "one is not confirmed yet"
        slow.set()
        assert await office.relay.flush(SECOND)
    assert office.store.dispatched == ["r-1", "r-0"]


async def test_flush_says_when_it_took_too_long() -> None:
    office = Office()
    office.relay.hand_over([message(1)])
    assert not await office.relay.flush(timedelta(milliseconds=10))
    assert await Office().relay.flush(timedelta(milliseconds=10)), "nothing to send is sent at once"
