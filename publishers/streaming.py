"""Many events from a file or a generator: read ahead, sent in batches, confirmed while the next ones are read.

Each entry has its own outcome, told in the order of the input; one that breaks the contract stops nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from publishers.making import check_sendable, sendable_body
from publishers.outgoing import Outgoing
from rabbitmq.topology import EVENTS
from schemas.codec import MAX_EVENT_BYTES, decode
from schemas.faults import FieldError, InvalidEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable

    from publishers.outgoing import PublishError
    from schemas.envelope import Event

T = TypeVar("T")

_BATCHES: Final = 4
"""Batches under way at once; the window is divided among them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the input: what would be sent, or why it will not be.

    Attributes:
        number: its line or place in the input, from 1.
        event: None where it could not be read.
        body: the bytes as they go to the broker.
        error: None as long as it may be sent.
    """

    number: int
    event: Event | None
    body: bytes
    error: InvalidEvent | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one entry; `error` None means that the broker has it."""

    number: int
    event: Event | None
    error: InvalidEvent | PublishError | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts so far, for a progress bar."""

    read: int
    confirmed: int
    failed: int


def outgoing(event: Event, body: bytes) -> Outgoing:
    """The message for an event of an order system: exchange `relay.events`, routing key = type (EVENTS, envelope)."""
    return Outgoing(exchange=EVENTS, routing_key=event.type, body=body, message_id=event.id, type=event.type)


async def from_events(events: Iterable[Event] | AsyncIterable[Event]) -> AsyncIterator[Entry]:
    """Entries from events; numbered by their place."""
    number = 0
    async for event in _each(events):
        number += 1
        try:
            body = sendable_body(event)
        except InvalidEvent as error:
            yield Entry(number, event, b"", error)
        else:
            yield Entry(number, event, body, None)


async def from_lines(
    lines: Iterable[bytes | str] | AsyncIterable[bytes | str], *, max_bytes: int = MAX_EVENT_BYTES
) -> AsyncIterator[Entry]:
    """Entries from NDJSON, one whole CloudEvent a line; empty lines are skipped but counted.

    A good line is sent byte for byte as it stands, so that the same file sent twice is the same events twice.
    """
    number = 0
    async for line in _each(lines):
        number += 1
        try:
            body = (line.encode() if isinstance(line, str) else line).strip()
        except UnicodeEncodeError:
            yield Entry(number, None, b"", InvalidEvent([FieldError("body", "UTF-8", "broken characters")]))
            continue
        if not body:
            continue
        try:
            event = decode(body, max_bytes=max_bytes)
            check_sendable(event.type)
        except InvalidEvent as error:
            yield Entry(number, None, body, error)
        else:
            yield Entry(number, event, body, None)


async def streamed(
    entries: AsyncIterator[Entry],
    send: Callable[[list[Outgoing]], Awaitable[list[PublishError | None]]],
    *,
    window: int,
    progress: Callable[[Progress], None] | None,
) -> AsyncIterator[Outcome]:
    """Send entries with at most `window` of them under way; yields outcomes in the order of the input."""
    size = max(1, window // _BATCHES)
    under_way: deque[asyncio.Task[list[Outcome]]] = deque()
    read = confirmed = failed = 0
    try:
        more = True
        while more or under_way:
            if more and len(under_way) < _BATCHES:
                batch = await _up_to(size, entries)
                more = len(batch) == size
                read += len(batch)
                if batch:
                    under_way.append(asyncio.create_task(_sent(batch, send)))
                continue
            for outcome in await under_way.popleft():
                confirmed += outcome.error is None
                failed += outcome.error is not None
                if progress is not None:
                    progress(Progress(read, confirmed, failed))
                yield outcome
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _sent(
    batch: list[Entry], send: Callable[[list[Outgoing]], Awaitable[list[PublishError | None]]]
) -> list[Outcome]:
    good = [outgoing(entry.event, entry.body) for entry in batch if entry.event is not None and entry.error is None]
    answers = iter(await send(good) if good else [])
    return [Outcome(entry.number, entry.event, entry.error or next(answers)) for entry in batch]


async def _up_to(count: int, entries: AsyncIterator[Entry]) -> list[Entry]:
    batch: list[Entry] = []
    async for entry in entries:
        batch.append(entry)
        if len(batch) == count:
            break
    return batch


async def _each(source: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    if hasattr(source, "__aiter__"):
        async for one in source:
            yield one
    else:
        for one in source:
            yield one
