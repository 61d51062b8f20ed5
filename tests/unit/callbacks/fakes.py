"""A broker and books for the receiver that a test can take away."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumer.domain.errors import BooksUnavailable
from consumer.domain.writes import Letter, OutboxMessage
from publishers.outgoing import Outgoing, Unconfirmed

if TYPE_CHECKING:
    from consumer.domain.writes import InboxEntry, InboxKey, UnitOfWork


@dataclass
class FakeBroker:
    """Confirms, fails, or keeps silent."""

    is_connected: bool = True
    fails: bool = False
    silent: bool = False
    messages: list[Outgoing] = field(default_factory=list)
    asked: int = 0

    async def publish(self, message: Outgoing) -> None:
        self.asked += 1
        if self.silent:
            await asyncio.Event().wait()
        if self.fails:
            raise Unconfirmed("connection lost", message)
        self.messages.append(message)


@dataclass
class FakeBooks:
    """Keeps letters and outbox rows; the first of an id stays."""

    away: bool = False
    silent: bool = False
    letters: dict[str, Letter] = field(default_factory=dict)
    outbox: dict[str, OutboxMessage] = field(default_factory=dict)
    done: dict[InboxKey, InboxEntry] = field(default_factory=dict)

    async def commit(self, unit: UnitOfWork) -> None:
        await self._answers()
        for write in unit.writes:
            match write:
                case Letter():
                    self.letters.setdefault(write.id, write)
                case OutboxMessage():
                    self.outbox.setdefault(write.id, write)
                case _:
                    raise AssertionError(f"the receiver writes no {type(write).__name__}")

    async def inbox(self, key: InboxKey) -> InboxEntry | None:
        await self._answers()
        return self.done.get(key)

    async def _answers(self) -> None:
        if self.silent:
            await asyncio.Event().wait()
        if self.away:
            raise BooksUnavailable("the database is away", code="unreachable")
