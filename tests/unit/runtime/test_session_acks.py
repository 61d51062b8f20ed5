"""Acks leave in order: a later flush never overtakes one whose frames are still on their way."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, cast

from consumer.domain.delivery import Settlement
from consumer.runtime.session import Session

if TYPE_CHECKING:
    from aiormq.abc import AbstractChannel

    from publishers.supervision import Link


class _StrictBroker:
    """A channel that, as the broker does, closes at an ack for a tag that is not open."""

    is_closed = False

    def __init__(self) -> None:
        self.open: set[int] = set()

    async def basic_ack(self, tag: int, *, multiple: bool, wait: bool) -> None:
        assert not wait
        await asyncio.sleep(0)
        acked = {other for other in self.open if other <= tag} if multiple else {tag}
        assert tag in self.open, f"unknown delivery tag {tag}"
        self.open -= acked


async def test_concurrent_settlements_never_ack_a_tag_twice() -> None:
    lot = random.Random(7)  # noqa: S311 - a repeatable order, no secret
    broker = _StrictBroker()
    session = Session("queue", cast("Link", None), lambda *_: None)
    session._channel = cast("AbstractChannel", broker)
    waiting: list[int] = []
    for tag in range(1, 2000):
        broker.open.add(tag)
        session._ledger.opened(tag)
        waiting.append(tag)
        while len(waiting) > 20 or (waiting and lot.random() < 0.5):
            settled = waiting.pop(lot.randrange(len(waiting)))
            await session.settle(settled, Settlement.ACK)
            if lot.random() < 0.4:
                await asyncio.sleep(0)
    for tag in waiting:
        await session.settle(tag, Settlement.ACK)
    while session._flushing is not None:
        await session._flushing
    assert not broker.open
