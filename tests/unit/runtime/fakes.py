"""What lies around a pipeline: a store that checks its conditions, a publisher that may fail, one lane of both."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from consumer.domain.delivery import Delivery, Settlement
from consumer.domain.errors import AlreadyDone, BooksUnavailable, RelayError
from consumer.domain.outcome import Ending, Outcome
from consumer.domain.recoverability import Policy
from consumer.domain.writes import (
    ClearSuspect,
    InboxEntry,
    InboxKey,
    Letter,
    MarkDispatched,
    MarkSuspect,
    OutboxMessage,
    SyncLogRow,
    UnitOfWork,
)
from consumer.runtime.books import BatchedBooks
from consumer.runtime.courier import Courier
from consumer.runtime.outbox_relay import OutboxRelay
from consumer.runtime.pause_board import PauseBoard
from consumer.runtime.pipeline import Pipeline
from consumer.runtime.turns import Solitude, Turns
from tests.support.events import paid

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
    from datetime import timedelta

    from consumer.domain.order import Order
    from consumer.domain.outcome import Result
    from consumer.persistence.store import Store
    from publishers.confirms import ConfirmedPublisher
    from publishers.outgoing import Outgoing, PublishError
    from schemas.envelope import Event

LANE = "relay.orders"
AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
POLICY = Policy()


class FakeStore:
    """What `consumer.persistence.store.Store` promises, in memory."""

    writes_at_once = 2

    def __init__(self) -> None:
        self.entries: dict[InboxKey, InboxEntry] = {}
        self.messages: dict[str, OutboxMessage] = {}
        self.letters: dict[str, Letter] = {}
        self.marks: dict[str, int] = {}
        self.sync_rows: dict[str, SyncLogRow] = {}
        self.dispatched: list[str] = []
        self.commits = 0
        self.failure: RelayError | None = None
        self.refuses_once: RelayError | None = None
        self.claimable: deque[list[OutboxMessage]] = deque()

    async def apply(self, units: Sequence[UnitOfWork]) -> list[RelayError | None]:
        if isinstance(self.failure, BooksUnavailable):
            raise self.failure
        self.commits += 1
        refused, self.refuses_once = self.refuses_once, None
        return [refused or self.failure or self._apply(unit) for unit in units]

    async def inbox(self, keys: Collection[InboxKey]) -> dict[InboxKey, InboxEntry]:
        if self.failure is not None:
            raise self.failure
        return {key: self.entries[key] for key in keys if key in self.entries}

    async def standings(
        self, keys: Collection[InboxKey], _so_ids: Collection[str]
    ) -> tuple[dict[InboxKey, InboxEntry], dict[str, Order]]:
        return await self.inbox(keys), {}

    async def outbox_of(self, key: InboxKey) -> list[OutboxMessage]:
        return [message for message in self.messages.values() if message.key == key]

    async def claim_outbox(self, limit: int, claim_for: timedelta) -> list[OutboxMessage]:
        assert limit > 0
        assert claim_for.total_seconds() > 0
        if self.failure is not None:
            raise self.failure
        return self.claimable.popleft() if self.claimable else []

    async def suspects(self, keys: Collection[str]) -> dict[str, int]:
        if self.failure is not None:
            raise self.failure
        return {key: self.marks[key] for key in keys if key in self.marks}

    async def sync_log(self, id_: str) -> SyncLogRow | None:
        if self.failure is not None:
            raise self.failure
        return self.sync_rows.get(id_)

    def _apply(self, unit: UnitOfWork) -> RelayError | None:
        for write in unit.writes:
            if isinstance(write, InboxEntry) and write.key in self.entries:
                return AlreadyDone(write.key.event_id)
        for write in unit.writes:
            self._write(write)
        return None

    def _write(self, write: object) -> None:
        match write:
            case InboxEntry():
                self.entries[write.key] = write
            case OutboxMessage():
                self.messages.setdefault(write.id, write)
            case Letter():
                self.letters.setdefault(write.id, write)
            case SyncLogRow():
                self.sync_rows[write.id] = write
            case MarkSuspect():
                self.marks[write.key] = self.marks.get(write.key, 0) + 1
            case ClearSuspect():
                self.marks.pop(write.key, None)
            case MarkDispatched():
                self.dispatched.extend(write.ids)
            case _:
                raise AssertionError(f"not expected here: {write!r}")


class FakePublisher:
    """Confirms everything, but for the failures that it was given, which come first."""

    def __init__(self, *failures: type[PublishError]) -> None:
        self.sent: list[Outgoing] = []
        self.failures = deque(failures)

    async def publish(self, message: Outgoing) -> None:
        if self.failures:
            raise self.failures.popleft()("as the test wants it", message)
        self.sent.append(message)

    async def publish_many(self, messages: Sequence[Outgoing]) -> list[PublishError | None]:
        outcomes: list[PublishError | None] = []
        for message in messages:
            if self.failures:
                outcomes.append(self.failures.popleft()("as the test wants it", message))
            else:
                self.sent.append(message)
                outcomes.append(None)
        return outcomes


def as_publisher(fake: FakePublisher) -> ConfirmedPublisher:
    return cast("ConfirmedPublisher", fake)


def as_store(fake: FakeStore) -> Store:
    return cast("Store", fake)


@dataclass(frozen=True)
class Ended:
    type: str | None
    outcome: str


class Watching:
    """Notes what the pipeline tells its observer."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended_: list[Ended] = []

    def began(self, lane: str) -> None:
        assert lane == LANE
        self.begun += 1

    def ended(self, lane: str, type_: str | None, outcome: str, *, seconds: float, age: float) -> None:
        assert lane == LANE
        assert seconds >= 0
        assert isinstance(age, float)
        self.ended_.append(Ended(type_, outcome))


class Lane:
    """One lane with the real rooms around its pipeline; the store, the publisher and the handler are fakes."""

    def __init__(self, *failures: type[PublishError]) -> None:
        self.store = FakeStore()
        self.publisher = FakePublisher(*failures)
        self.pauses = PauseBoard()
        self.relay = OutboxRelay(BatchedBooks(as_store(self.store)), as_publisher(self.publisher))
        self.observer = Watching()
        self.handled: list[Event] = []
        self.repair: Callable[[], Awaitable[None]] = self._repair
        self.repairs = 0
        self.behaviour: Callable[[Event, InboxKey], Awaitable[Outcome]] = self._done
        self.results: tuple[Result, ...] = ()
        self.pipeline = Pipeline(
            LANE,
            resources=frozenset({"ylh", "database"}),
            handlers={"order.paid": self._handle, "order.cancelled": self._handle},
            books=BatchedBooks(as_store(self.store)),
            courier=Courier(LANE, as_publisher(self.publisher), self._repaired),
            relay=self.relay,
            pauses=self.pauses,
            turns=Turns(),
            solitude=Solitude(),
            policy=POLICY,
            max_event_bytes=10_000,
            observer=self.observer,
        )

    async def carry(self, delivery: Delivery) -> Settlement:
        return await self.pipeline.carry(delivery)

    @property
    def handed_over(self) -> list[str]:
        """Ids of the rows that the outbox relay was given."""
        return [row.id for row in self.relay._rows]

    def raises(self, error: BaseException) -> None:
        async def fail(event: Event, key: InboxKey) -> Outcome:
            assert key.event_id == event.id
            raise error

        self.behaviour = fail

    async def _handle(self, event: Event, key: InboxKey) -> Outcome:
        self.handled.append(event)
        return await self.behaviour(event, key)

    async def _done(self, event: Event, key: InboxKey) -> Outcome:
        assert key.event_id == event.id
        return Outcome(Ending.DONE, self.results)

    async def _repaired(self) -> None:
        await self.repair()

    async def _repair(self) -> None:
        self.repairs += 1


def delivery(
    document: Mapping[str, Any] | bytes | None = None,
    *,
    routing_key: str | None = None,
    queue: str = LANE,
    headers: Mapping[str, Any] | None = None,
    message_id: str | None = "m-1",
) -> Delivery:
    """A delivery of ``document`` (an ``order.paid`` if none is given), or of a raw body."""
    if document is None:
        document = paid("SO1")
    raw = document if isinstance(document, bytes) else json.dumps(document, ensure_ascii=False).encode()
    key = "order.paid" if isinstance(document, bytes) else str(document["type"])
    return Delivery(
        queue, raw, routing_key or key, headers or {}, message_id, "application/cloudevents+json", datetime.now(UTC)
    )


def message(number: int, key: InboxKey | None = None) -> OutboxMessage:
    return OutboxMessage(
        id=f"r-{number}",
        key=key or InboxKey("/shop", "e-1"),
        exchange="relay.results",
        routing_key="order.superseded",
        body=b"{}",
        mandatory=False,
        created_at=AT,
    )


def messages(numbers: Iterable[int]) -> list[OutboxMessage]:
    return [message(number) for number in numbers]
