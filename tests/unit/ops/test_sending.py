"""Batches go out as they come; outcomes keep the order of the input; nothing is left running."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ops.events.sending import sent
from publishers.streaming import Entry
from schemas.codec import new_event
from schemas.events import OrderStatusRequested
from schemas.faults import FieldError, InvalidEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from publishers.outgoing import Outgoing, PublishError

INVALID = InvalidEvent([FieldError("body", "JSON", "nothing")])


def entry(number: int, error: InvalidEvent | None = None) -> Entry:
    event = new_event(
        "order.status.requested", OrderStatusRequested(so_id=f"SO-{number}"), source="/t", id_=str(number)
    )
    return Entry(number, event, b"{}", error)


async def batches(*sizes: int) -> AsyncIterator[list[Entry]]:
    number = 0
    for size in sizes:
        yield [entry(number + place + 1) for place in range(size)]
        number += size


async def confirm(messages: Sequence[Outgoing]) -> list[PublishError | None]:
    # Later batches are quicker.
    await asyncio.sleep(0.05 / int(messages[0].message_id or 1))
    return [None] * len(messages)


async def test_outcomes_come_in_the_order_of_the_input() -> None:
    outcomes = [outcome.number async for outcome in sent(batches(3, 0, 1, 40, 2), confirm)]
    assert outcomes == list(range(1, 47))


async def test_an_invalid_one_is_told_in_its_place_and_not_sent() -> None:
    seen: list[str | None] = []

    async def look(messages: Sequence[Outgoing]) -> list[PublishError | None]:
        seen.extend(message.message_id for message in messages)
        return [None] * len(messages)

    async def one_batch() -> AsyncIterator[list[Entry]]:
        yield [entry(1), entry(2, INVALID), entry(3)]

    outcomes = [outcome async for outcome in sent(one_batch(), look)]
    assert [outcome.error for outcome in outcomes] == [None, INVALID, None]
    assert seen == ["1", "3"]


async def test_a_slow_pipe_has_its_first_events_told_at_once() -> None:
    more = asyncio.Event()

    async def slow() -> AsyncIterator[list[Entry]]:
        yield [entry(1)]
        await more.wait()
        yield [entry(2)]

    outcomes = sent(slow(), confirm)
    async with asyncio.timeout(1):
        assert (await anext(outcomes)).number == 1
    more.set()
    assert (await anext(outcomes)).number == 2


async def test_reading_that_fails_is_told_after_what_was_read() -> None:
    async def broken() -> AsyncIterator[list[Entry]]:
        yield [entry(1)]
        raise OSError("the disk is gone")

    outcomes = sent(broken(), confirm)
    assert (await anext(outcomes)).number == 1
    with pytest.raises(OSError, match="disk"):
        await anext(outcomes)


async def test_leaving_early_ends_all_that_is_under_way() -> None:
    async def never(messages: Sequence[Outgoing]) -> list[PublishError | None]:
        if messages[0].message_id != "1":
            await asyncio.Event().wait()
        return [None] * len(messages)

    outcomes = sent(batches(*[1] * 50), never)
    assert (await anext(outcomes)).number == 1
    async with asyncio.timeout(1):
        await outcomes.aclose()  # type: ignore[attr-defined]  # it is an async generator
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
