"""Deliveries come out of their frames whole and in order, and nothing else is kept from the channel."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.commands import Basic, Channel
from pamqp.header import ContentHeader

from consumer.runtime.intake import Intake

if TYPE_CHECKING:
    from aiormq.abc import AbstractChannel


class Taken:
    """An intake on a channel's queue, and what it took."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.channel = SimpleNamespace(frames=self.queue)
        self.bodies: list[tuple[int | None, bytes]] = []
        self.intake = Intake(
            cast("AbstractChannel", self.channel),
            lambda method, _, body: self.bodies.append((method.delivery_tag, body)),
        )

    async def put(self, *frames: object) -> None:
        for frame in frames:
            await self.channel.frames.put((1, frame))


def delivery(tag: int, *parts: bytes) -> list[object]:
    header = ContentHeader(body_size=sum(map(len, parts)), properties=Basic.Properties())
    return [Basic.Deliver(delivery_tag=tag), header, *map(ContentBody, parts)]


@given(st.lists(st.lists(st.binary(min_size=1, max_size=5), max_size=3), max_size=6))
def test_each_delivery_is_put_together_from_its_frames(bodies: list[list[bytes]]) -> None:
    async def all_of_them() -> None:
        taken = Taken()
        for tag, parts in enumerate(bodies, 1):
            await taken.put(*delivery(tag, *parts))
        assert taken.bodies == [(tag, b"".join(parts)) for tag, parts in enumerate(bodies, 1)]
        assert taken.queue.empty()

    asyncio.run(all_of_them())


async def test_all_else_goes_to_the_channel_in_order() -> None:
    taken = Taken()
    ok, cancel = Basic.ConsumeOk("tag"), Basic.Cancel("tag")
    await taken.put(ok, *delivery(1, b"body"), cancel)
    assert [(await taken.intake.get())[1] for _ in range(2)] == [ok, cancel]
    taken.intake.task_done()
    taken.intake.task_done()
    await asyncio.wait_for(taken.queue.join(), 1)
    assert taken.bodies == [(1, b"body")]


async def test_who_waits_already_gets_the_next_frame() -> None:
    taken = Taken()
    waiting = asyncio.create_task(taken.queue.get())
    await asyncio.sleep(0)
    close = Channel.Close(reply_code=404)
    await taken.put(close)
    assert (await asyncio.wait_for(waiting, 1))[1] is close


async def test_a_message_that_is_broken_off_is_not_delivered() -> None:
    taken = Taken()
    close = Channel.Close(reply_code=541)
    await taken.put(*delivery(1, b"half", b"missing")[:3], close, *delivery(2, b"whole"))
    assert taken.bodies == [(2, b"whole")]
    assert (await taken.intake.get())[1] is close


async def test_a_returned_message_is_the_channels() -> None:
    taken = Taken()
    returned = [Basic.Return(312), *delivery(1, b"back")[1:]]
    await taken.put(*returned)
    assert [(await taken.intake.get())[1] for _ in returned] == returned
    assert taken.bodies == []


def test_another_aiormq_is_told_apart() -> None:
    with pytest.raises(TypeError, match=r"intake\.py has to follow"):
        Intake(cast("AbstractChannel", SimpleNamespace()), lambda *_: None)
