"""The coordinator when things fail beneath it: it neither spins nor takes the service, or other replays, along."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from consumer.deadletters.replaying import Replaying
from consumer.persistence.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta


class Books:
    """Books in which nothing goes well."""

    def __init__(self, *, away: bool) -> None:
        self.away = away
        self.looks = 0
        self.asked: list[str] = []

    async def to_lead(self, owner: str) -> Sequence[str]:
        assert owner == "me"
        self.looks += 1
        if self.away:
            raise DatabaseUnavailable("no answer", code="unreachable")
        return ["broken", "other"]

    async def step(self, replay_id: str, owner: str, lease: timedelta, room: int) -> None:
        assert (owner, room) == ("me", 0)
        assert lease.total_seconds() > 1
        self.asked.append(replay_id)
        if replay_id == "broken":
            raise KeyError(replay_id)


class Observer:
    """Nothing is ever told to it."""

    def letters_replayed(self, outcome: str, count: int) -> None:
        raise AssertionError(f"{count} {outcome}")


async def test_while_the_database_is_away_it_looks_once_a_second() -> None:
    books = Books(away=True)
    replaying = Replaying(books, lambda _: None, Observer(), owner="me")
    with pytest.raises(DatabaseUnavailable):
        await replaying.once()
    began = asyncio.get_running_loop().time()
    with pytest.raises(DatabaseUnavailable):
        await replaying.once()
    assert asyncio.get_running_loop().time() - began > 0.9
    assert books.looks == 2


async def test_a_replay_that_cannot_be_stepped_stops_no_other() -> None:
    books = Books(away=False)
    replaying = Replaying(books, lambda _: None, Observer(), owner="me")
    await replaying.once()
    assert books.asked == ["broken", "other"]
    await replaying.once()
    assert books.asked == ["broken", "other"] * 2
