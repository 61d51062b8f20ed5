"""Fakes for the tests of programs that use this package: no broker, the same checks, the same outcomes.

    relay = FakeRelay(source="/shop/orders")
    await shop.checkout(relay)                       # takes any `OrderSystemEvents`
    assert [event.type for event in relay.events] == ["order.paid"]

    async with relay.listener() as results:          # behaves as a `ResultListener`
        relay.answer("order.push.succeeded", OrderPushSucceeded(...))
        result = await anext(results)

The fakes run the real checks of `making` and the real reading rules of `reading`; one conformance suite runs against
them and against the real ones on a broker.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, Self

from publishers.order_system import OrderSystemEvents
from publishers.outgoing import BrokerAway, Unconfirmed
from publishers.reading import Delivery, ResultReader
from rabbitmq.topology import topic_binds
from schemas.codec import decode, encode, new_event
from schemas.registry import OUTBOUND

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from pydantic import BaseModel

    from publishers.outgoing import Outgoing, PublishError
    from publishers.reading import Unreadable
    from publishers.sequences import SequenceStore
    from schemas.envelope import Event

SERVICE: Final = "/haier-relay"
"""`source` of the results that the fake sends."""


class FakeRelay(OrderSystemEvents):
    """Takes the place of a `RelayPublisher`, and of the service behind it.

    Attributes:
        events: what was published, in order; read back from the bytes, as the service would.
        messages: the same as it would have gone to the broker.
    """

    def __init__(self, *, source: str = "/tests") -> None:
        super().__init__(source=source)
        self.events: list[Event] = []
        self.messages: list[Outgoing] = []
        self._state = "new"
        self._failures: deque[type[PublishError]] = deque()
        self._listeners: list[FakeResultListener] = []

    async def start(self) -> None:
        """As the real one's."""
        self._state = "open"

    async def close(self) -> None:
        """As the real one's."""
        self._state = "closed"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def is_connected(self) -> bool:
        """As the real one's."""
        return self._state == "open"

    def fail_next(self, error: type[PublishError] = BrokerAway, *, times: int = 1) -> None:
        """Let the next messages fail so; one that fails as `Unconfirmed` is recorded all the same: it may arrive."""
        self._failures.extend([error] * times)

    async def confirmed(self, messages: Sequence[Outgoing]) -> list[PublishError | None]:
        """See `OrderSystemEvents`."""
        if self._state == "new":
            raise RuntimeError("the publisher is not started: use `async with`, or await start() first")
        # As with a broker, others get their turn while a message is under way.
        await asyncio.sleep(0)
        return [self._taken(message) for message in messages]

    def of_type(self, type_: str) -> list[Event]:
        """The published events of one type."""
        return [event for event in self.events if event.type == type_]

    def listener(
        self,
        types: Sequence[str] = ("#",),
        *,
        sequences: SequenceStore | None = None,
        on_unreadable: Unreadable | None = None,
        attempts: int = 5,
    ) -> FakeResultListener:
        """A listener for the results that `answer` and `deliver` send from now on."""
        listener = FakeResultListener(types=types, sequences=sequences, on_unreadable=on_unreadable, attempts=attempts)
        self._listeners.append(listener)
        return listener

    def answer(self, type_: str, data: BaseModel, *, to: Event | None = None, id_: str | None = None) -> Event:
        """Send a result as the service would; `to` is the event that it answers."""
        if type_ not in OUTBOUND:
            raise ValueError(f"{type_!r} is no result; results are {', '.join(OUTBOUND)}")
        event = new_event(type_, data, source=SERVICE, id_=id_, correlationid=to.id if to is not None else None)
        self.deliver(encode(event), routing_key=type_)
        return event

    def deliver(self, body: bytes, *, routing_key: str) -> None:
        """Send a message as it is to every listener that binds the key, for instance one that cannot be read."""
        for listener in self._listeners:
            listener.feed(body, routing_key=routing_key)

    def _taken(self, message: Outgoing) -> PublishError | None:
        if self._state == "closed":
            return BrokerAway("the publisher is closed", message)
        failure = self._failures.popleft() if self._failures else None
        if failure is None or failure is Unconfirmed:
            self.messages.append(message)
            self.events.append(decode(message.body, routing_key=message.routing_key))
        return None if failure is None else failure("the test wants it so", message)


class FakeResultListener(ResultReader):
    """Takes the place of a `ResultListener`; a failed result comes again without a pause.

    Attributes:
        acked: bodies that were settled for good, in order.
        parked: bodies that would lie in `<queue>.dlq`.
    """

    def __init__(
        self,
        *,
        types: Sequence[str] = ("#",),
        sequences: SequenceStore | None = None,
        on_unreadable: Unreadable | None = None,
        attempts: int = 5,
    ) -> None:
        self._memory = _Memory()
        super().__init__(
            self._memory, sequences=sequences, on_unreadable=on_unreadable, attempts=attempts, first_pause=0
        )
        self._types = tuple(types)
        self.acked = self._memory.acked
        self.parked = self._memory.parked

    def feed(self, body: bytes, *, routing_key: str) -> None:
        """A message arrives on `relay.results`; one that no pattern binds goes elsewhere."""
        if any(topic_binds(pattern, routing_key) for pattern in self._types):
            self._memory.put(body)


class _Memory:
    """A queue in memory."""

    def __init__(self) -> None:
        self.acked: list[bytes] = []
        self.parked: list[bytes] = []
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self._unsettled: list[_Held] = []
        self.is_fetching = False

    def put(self, body: bytes) -> None:
        self._waiting.put_nowait(body)

    async def start(self) -> None:
        self.is_fetching = True

    async def take(self) -> Delivery:
        held = _Held(self, await self._waiting.get())
        self._unsettled.append(held)
        return held

    async def close(self) -> None:
        """What was taken and not settled comes again, as from a broker."""
        self.is_fetching = False
        for held in self._unsettled:
            self.put(held.body)
        self._unsettled.clear()

    def settle(self, held: _Held) -> bool:
        if held not in self._unsettled:
            return False
        self._unsettled.remove(held)
        return True


class _Held:
    def __init__(self, memory: _Memory, body: bytes) -> None:
        self._memory = memory
        self._body = body

    @property
    def body(self) -> bytes:
        return self._body

    @property
    def message_id(self) -> str | None:
        return None

    async def ack(self) -> None:
        if self._memory.settle(self):
            self._memory.acked.append(self._body)

    async def again(self) -> None:
        if self._memory.settle(self):
            self._memory.put(self._body)

    async def park(self) -> None:
        if self._memory.settle(self):
            self._memory.parked.append(self._body)
