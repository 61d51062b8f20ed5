"""Lines of one turn of the event loop are written together, and never later than in the next."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from typing import TYPE_CHECKING

import pytest

from consumer.observability.gathering import AT_MOST
from consumer.observability.logging import configure, get_logger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Console(io.StringIO):
    """Counts how often it is written to."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)

    @property
    def lines(self) -> int:
        return self.getvalue().count("\n")


@pytest.fixture
def console() -> Iterator[Console]:
    stream = Console()
    logs = configure(console=stream)
    yield stream
    logs.close()


log = get_logger("consumer.runtime.test")


async def test_lines_of_one_turn_are_one_write(console: Console) -> None:
    for _ in range(50):
        log.info("message")
    assert console.lines == 0
    await asyncio.sleep(0)
    assert (console.lines, console.writes) == (50, 1)


async def test_a_warning_is_written_at_once_and_after_what_came_before_it(console: Console) -> None:
    log.info("first")
    log.warning("second")
    assert [line.split()[-1] for line in console.getvalue().splitlines()] == ["first", "second"]


async def test_what_proves_something_does_not_wait_in_the_files(tmp_path: Path) -> None:
    logs = configure(console=io.StringIO(), directory=tmp_path)
    log.info("head of the audit log", stream="auth")
    log.info("message")
    sizes = {file.name: file.stat().st_size for file in os.scandir(tmp_path)}
    logs.close()
    assert set(sizes) == {"auth.jsonl"}
    assert sizes["auth.jsonl"] > 0


async def test_no_more_than_so_many_wait(console: Console) -> None:
    for _ in range(AT_MOST):
        log.info("message")
    assert console.lines == AT_MOST


def test_without_a_loop_nothing_waits(console: Console) -> None:
    log.info("message")
    assert console.lines == 1


async def test_a_line_of_another_thread_does_not_wait_either(console: Console) -> None:
    log.info("of the loop")
    thread = threading.Thread(target=log.info, args=("of the thread",))
    thread.start()
    thread.join()
    assert console.lines == 2


def test_what_waits_when_its_loop_ends_is_written_when_logging_ends() -> None:
    stream = io.StringIO()
    logs = configure(console=stream)

    async def last_words() -> None:
        log.info("the last words")

    asyncio.run(last_words())
    text = stream.getvalue()
    logs.close()
    assert "the last words" in text or "the last words" in stream.getvalue()


async def test_a_loop_that_came_after_another_has_its_lines_written_too(console: Console) -> None:
    def in_a_loop_of_its_own() -> None:
        async def speak() -> None:
            log.info("elsewhere")
            await asyncio.sleep(0)

        asyncio.run(speak())

    log.info("here")
    await asyncio.to_thread(in_a_loop_of_its_own)
    await asyncio.sleep(0)
    assert console.lines == 2
