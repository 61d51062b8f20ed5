"""Questions asked together are answered together, and nobody suffers for a neighbour."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.runtime.batching import Batcher

if TYPE_CHECKING:
    from collections.abc import Sequence


class Doubling:
    """Doubles what it is asked; odd questions fail alone, and ``gate`` can hold a batch back."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: BaseException | None = None

    async def __call__(self, questions: list[int]) -> Sequence[int | Exception]:
        self.batches.append(questions)
        self.begun.set()
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return [ValueError(f"{question} is odd") if question % 2 else question * 2 for question in questions]


async def several(batcher: Batcher[int, int], *questions: int) -> list[int | BaseException]:
    asked = [batcher.ask(question) for question in questions]
    return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 2)


async def test_what_is_asked_together_is_one_batch() -> None:
    work = Doubling()
    assert await several(Batcher(work, limit=10), 2, 4, 6) == [4, 8, 12]
    assert work.batches == [[2, 4, 6]]


async def test_what_is_asked_meanwhile_goes_into_the_next_batch() -> None:
    work = Doubling()
    batcher = Batcher(work, limit=10)
    work.gate.clear()
    first = asyncio.create_task(batcher.ask(2))
    await work.begun.wait()
    others = [asyncio.create_task(batcher.ask(question)) for question in (4, 6, 8)]
    await asyncio.sleep(0)
    work.gate.set()
    assert await asyncio.gather(first, *others) == [4, 8, 12, 16]
    assert work.batches == [[2], [4, 6, 8]]


async def test_a_batch_has_its_limit() -> None:
    work = Doubling()
    assert await several(Batcher(work, limit=2), 0, 2, 4, 6, 8) == [0, 4, 8, 12, 16]
    assert work.batches == [[0, 2], [4, 6], [8]]


async def test_an_error_goes_to_its_own_caller() -> None:
    first, second, third = await several(Batcher(Doubling(), limit=10), 2, 3, 4)
    assert (first, third) == (4, 8)
    assert isinstance(second, ValueError)


async def test_work_that_fails_fails_for_all_of_its_batch_and_the_next_goes_on() -> None:
    work = Doubling()
    work.failure = OSError("disk full")
    batcher = Batcher(work, limit=2)
    failed = await several(batcher, 2, 4)
    assert [type(answer) for answer in failed] == [OSError, OSError]
    work.failure = None
    assert await several(batcher, 2) == [4]


async def test_a_cancelled_caller_disturbs_nobody() -> None:
    work = Doubling()
    batcher = Batcher(work, limit=10)
    work.gate.clear()
    tasks = [asyncio.create_task(batcher.ask(question)) for question in (2, 3, 4)]
    await work.begun.wait()
    tasks[0].cancel()
    tasks[1].cancel()
    await asyncio.sleep(0)
    work.gate.set()
    answers = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 2)
    assert [type(answer) for answer in answers] == [asyncio.CancelledError, asyncio.CancelledError, int]
    await batcher.idle()
    assert await several(batcher, 8) == [16]


async def test_who_is_answered_may_ask_again_at_once() -> None:
    work = Doubling()
    batcher = Batcher(work, limit=10)

    async def again_and_again(question: int) -> int:
        for _ in range(5):
            question = await batcher.ask(question)
        return question

    assert await asyncio.wait_for(asyncio.gather(*map(again_and_again, (2, 4))), 2) == [64, 128]
    assert len(work.batches) == 5


async def test_idle_waits_for_the_last_answer() -> None:
    work = Doubling()
    batcher = Batcher(work, limit=1)
    await asyncio.wait_for(batcher.idle(), 1)
    tasks = [asyncio.create_task(batcher.ask(question)) for question in (2, 4)]
    await asyncio.sleep(0)
    await asyncio.wait_for(batcher.idle(), 1)
    assert len(work.batches) == 2
    assert await asyncio.gather(*tasks) == [4, 8]


async def test_work_that_is_cancelled_is_cancelled_for_its_batch() -> None:
    work = Doubling()
    work.failure = asyncio.CancelledError()
    batcher = Batcher(work, limit=10)
    cancelled = await several(batcher, 2, 4)
    assert [type(answer) for answer in cancelled] == [asyncio.CancelledError] * 2
    work.failure = None
    assert await several(batcher, 2) == [4]


async def test_a_cancelled_batch_strands_nobody_who_waits_for_the_next() -> None:
    work = Doubling()
    work.failure = asyncio.CancelledError()
    batcher = Batcher(work, limit=1)
    tasks = [asyncio.create_task(batcher.ask(question)) for question in (2, 4)]
    _, pending = await asyncio.wait(tasks, timeout=0.05)
    for task in pending:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if pending:
        raise TimeoutError


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 4)), max_size=30), st.integers(1, 7))
def test_everybody_gets_the_answer_to_their_own_question(asked: list[tuple[int, int]], limit: int) -> None:
    async def ask(batcher: Batcher[int, int], question: int, wait: int) -> None:
        for _ in range(wait):
            await asyncio.sleep(0)
        try:
            assert await batcher.ask(question) == question * 2
        except ValueError:
            assert question % 2

    async def all_of_them() -> None:
        work = Doubling()
        batcher = Batcher(work, limit=limit)
        await asyncio.wait_for(asyncio.gather(*(ask(batcher, question, wait) for question, wait in asked)), 5)
        assert sorted(question for batch in work.batches for question in batch) == sorted(
            question for question, _ in asked
        )
        assert all(1 <= len(batch) <= limit for batch in work.batches)

    asyncio.run(all_of_them())
