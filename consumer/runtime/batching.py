"""Coalescing: whatever is asked while the event loop is busy is one batch, so batches grow with the load.

Callers write ``await batcher.ask(question)`` as if each were alone. An idle service answers at once; a busy one
collects until its loop comes to rest (`lull`). What is queued is bounded by the number of callers, and those are
bounded by prefetch.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from consumer.runtime.lull import lull

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Batcher(Generic[Question, Answer]):
    """Turn a function on batches into one on single questions.

    Args:
        work: answers a batch in order. An answer that is an exception is raised to its own caller only; an exception
            raised by ``work`` itself is raised to every caller of that batch.
        limit: most questions in one batch.
        at_once: batches that may be under way side by side.
    """

    def __init__(
        self,
        work: Callable[[list[Question]], Awaitable[Sequence[Answer | Exception]]],
        *,
        limit: int,
        at_once: int = 1,
    ) -> None:
        self._work = work
        self._limit = limit
        self._at_once = at_once
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._runner: asyncio.Task[None] | None = None
        self._answering: set[asyncio.Task[None]] = set()

    async def ask(self, question: Question) -> Answer:
        """Return the answer to ``question``; a cancelled caller does not disturb the batch."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return await future

    async def idle(self) -> None:
        """Wait until nothing is being worked on."""
        while tasks := self._answering | ({self._runner} if self._runner is not None else set()):
            await asyncio.wait(tasks)

    async def _run(self) -> None:
        try:
            while self._waiting:
                # First this: a lull keeps the loop turning, which takes the interpreter from the database's thread.
                if len(self._answering) >= self._at_once:
                    await asyncio.wait(self._answering, return_when=asyncio.FIRST_COMPLETED)
                await lull(self._full)
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                answering = asyncio.create_task(self._answer(batch))
                self._answering.add(answering)
                answering.add_done_callback(self._answering.discard)
        finally:
            self._runner = None
            # Left over only where the runner itself was cancelled: nobody would come for them.
            for _, future in self._waiting:
                future.cancel()
            self._waiting.clear()

    def _full(self) -> bool:
        return len(self._waiting) >= self._limit

    async def _answer(self, batch: list[tuple[Question, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._work([question for question, _ in batch])
            if len(answers) != len(batch):
                raise RuntimeError(f"a batch of {len(batch)} questions got {len(answers)} answers")  # noqa: TRY301 - to all
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - handed to each caller, who decides on it
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
