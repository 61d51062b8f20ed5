"""One at a time for each order, and alone for a suspect, whatever the order of coming, going and giving up."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.domain.errors import Snoozed
from consumer.runtime.turns import Solitude, Turns


async def some_turns_of_the_loop(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


VISITS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 4), st.integers(0, 3), st.none() | st.integers(0, 8)), max_size=15
)


@settings(max_examples=60)
@given(VISITS)
def test_a_key_is_held_by_one_at_a_time_and_leaves_nothing_behind(
    visits: list[tuple[str, int, int, int | None]],
) -> None:
    holding: Counter[str] = Counter()

    async def visit(turns: Turns, key: str, before: int, within: int) -> None:
        await some_turns_of_the_loop(before)
        async with turns.turn(key):
            holding[key] += 1
            assert holding[key] == 1
            try:
                await some_turns_of_the_loop(within)
            finally:
                holding[key] -= 1

    async def all_of_them() -> None:
        turns = Turns()
        loop = asyncio.get_running_loop()
        tasks = []
        for key, before, within, given_up in visits:
            task = loop.create_task(visit(turns, key, before, within))
            tasks.append((task, given_up))
        for now in range(9):
            for task, given_up in tasks:
                if given_up == now:
                    task.cancel()
            await asyncio.sleep(0)
        outcomes = await asyncio.wait_for(asyncio.gather(*(task for task, _ in tasks), return_exceptions=True), 5)
        assert all(outcome is None or isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
        assert turns._locks == {}

    asyncio.run(all_of_them())


async def test_turns_are_taken_in_the_order_of_coming() -> None:
    turns = Turns()
    order: list[int] = []

    async def visit(number: int) -> None:
        async with turns.turn("SO1"):
            order.append(number)
            await some_turns_of_the_loop(number % 3)

    await asyncio.gather(*map(visit, range(10)))
    assert order == list(range(10))


async def test_other_keys_do_not_wait() -> None:
    turns = Turns()
    async with turns.turn("SO1"), asyncio.timeout(1), turns.turn("SO2"):
        assert set(turns._locks) == {"SO1", "SO2"}


async def test_a_failure_in_a_turn_passes_the_turn_on() -> None:
    turns = Turns()
    for _ in range(2):
        try:
            async with turns.turn("SO1"):
                raise OSError  # noqa: TRY301 - the block is what is tested
        except OSError:
            assert turns._locks == {}


GUESTS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 3), st.none() | st.integers(0, 12)), max_size=14
)


@settings(max_examples=120)
@given(GUESTS)
def test_a_suspect_is_alone_and_nobody_waits_for_ever(guests: list[tuple[bool, int, int, int | None]]) -> None:
    together: set[int] = set()
    alone: set[int] = set()

    async def visit(solitude: Solitude, number: int, *, suspect: bool, before: int, within: int) -> None:
        await some_turns_of_the_loop(before)
        present = alone if suspect else together
        async with solitude.alone() if suspect else solitude.together():
            assert not alone
            assert not (suspect and together)
            present.add(number)
            try:
                await some_turns_of_the_loop(within)
            finally:
                present.discard(number)

    async def all_of_them() -> None:
        solitude = Solitude()
        tasks = [
            (asyncio.ensure_future(visit(solitude, number, suspect=suspect, before=before, within=within)), given_up)
            for number, (suspect, before, within, given_up) in enumerate(guests)
        ]
        for now in range(13):
            for task, given_up in tasks:
                if given_up == now:
                    task.cancel()
            await asyncio.sleep(0)
        outcomes = await asyncio.wait_for(asyncio.gather(*(task for task, _ in tasks), return_exceptions=True), 5)
        assert all(outcome is None or isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
        assert (solitude._running, solitude._suspects) == (0, 0)

    asyncio.run(all_of_them())


async def test_a_waiting_suspect_keeps_newcomers_out() -> None:
    solitude = Solitude()
    order: list[str] = []
    leave = asyncio.Event()

    async def first() -> None:
        async with solitude.together():
            await leave.wait()
            order.append("first")

    async def suspect() -> None:
        async with solitude.alone():
            order.append("suspect")

    async def newcomer() -> None:
        async with solitude.together():
            order.append("newcomer")

    tasks = []
    for visit in (first, suspect, newcomer):
        tasks.append(asyncio.ensure_future(visit()))
        await some_turns_of_the_loop(3)
    leave.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 2)
    assert order == ["first", "suspect", "newcomer"]


async def test_who_waits_too_long_for_its_turn_comes_round_again_and_harms_nobody() -> None:
    turns = Turns(longest_wait=0.02)
    async with turns.turn("SO1"):
        with pytest.raises(Snoozed) as caught:
            async with turns.turn("SO1"):
                pytest.fail("two at a time")
        assert caught.value.code == "turn_taken"
        async with turns.turn("SO2"):
            pass
    async with turns.turn("SO1"):
        pass
    assert turns._locks == {}
