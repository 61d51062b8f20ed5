"""The pure parts: what is news, what a pattern binds, how long to pause, who gets a slot."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publishers.sequences import RecentSequences, is_news
from publishers.slots import Slots
from publishers.supervision import Backoff
from rabbitmq.topology import topic_binds


@given(st.lists(st.integers(min_value=0, max_value=9), max_size=30))
def test_what_is_handed_over_only_ever_rises(sequences: list[int]) -> None:
    latest: int | None = None
    handed: list[int] = []
    for sequence in sequences:
        if is_news(sequence, latest):
            handed.append(sequence)
            latest = max(sequence, latest or 0)
    assert handed == sorted(handed)
    assert len({s for s in handed if s}) == len([s for s in handed if s])
    assert max(handed, default=None) == max(sequences, default=None)


async def test_the_memory_of_sequences_is_bounded_and_forgets_the_longest_unheard() -> None:
    memory = RecentSequences(orders=3)
    for so_id in ("A", "B", "C"):
        await memory.remember(so_id, 1)
    await memory.remember("A", 2)
    await memory.remember("D", 1)
    assert [await memory.latest(so_id) for so_id in "ABCD"] == [2, None, 1, 1]
    await memory.remember("A", 1)
    assert await memory.latest("A") == 2
    with pytest.raises(ValueError, match="at least 1"):
        RecentSequences(orders=0)


@pytest.mark.parametrize(
    ("pattern", "key", "binds"),
    [
        ("#", "order.push.succeeded", True),
        ("#", "", True),
        ("order.*", "order.confirmed", True),
        ("order.*", "order.push.succeeded", False),
        ("order.*", "order", False),
        ("order.#", "order", True),
        ("order.#", "order.push.succeeded", True),
        ("#.failed", "order.push.failed", True),
        ("*.push.#", "order.push.failed", True),
        ("order", "order.x", False),
        ("order.#.failed", "order.failed", True),
        ("orderx", "order", False),
    ],
)
def test_topic_patterns_bind_as_on_a_broker(pattern: str, key: str, *, binds: bool) -> None:
    assert topic_binds(pattern, key) is binds


@given(st.integers(min_value=1, max_value=10_000), st.floats(min_value=0, max_value=1, exclude_max=True))
def test_pauses_grow_stay_bounded_and_never_vanish(failures: int, roll: float) -> None:
    backoff = Backoff(first=0.2, longest=15)
    pause = backoff.pause(failures, roll)
    assert 0.1 <= pause <= 15
    assert pause <= backoff.pause(failures + 1, 0.0)


async def test_slots_are_never_given_out_twice_nor_lost() -> None:
    slots = Slots(5)
    rolls = random.Random(7)  # noqa: S311 - a repeatable test
    most = 0

    async def user() -> None:
        nonlocal most
        got = await slots.take(rolls.randint(1, 4))
        assert 1 <= got <= 4
        most = max(most, slots.taken)
        await asyncio.sleep(rolls.random() / 200)
        for _ in range(got):
            slots.give()

    users = [asyncio.create_task(user()) for _ in range(300)]
    await asyncio.sleep(0.01)
    for task in users[::3]:
        if slots.taken == 5:
            task.cancel()
    # A user that is cancelled while holding slots would keep them; those that merely wait must not.
    holding = await asyncio.gather(*users[1::3], *users[2::3], return_exceptions=True)
    assert not [error for error in holding if error is not None]
    assert most == 5
