"""SIGKILL at any moment: what was reported durable is there, and every unit of work is there whole or not at all."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.persistence.store import Store
from tests.integration.persistence.crashing import UNITS, batch
from tests.integration.persistence.making import entry, key, unit

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[3]


async def _start(url: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.persistence.crashing", url, *arguments),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )


async def _kill(process: asyncio.subprocess.Process) -> list[str]:
    process.kill()
    said, _ = await process.communicate()
    return said.decode().split()


async def _present(store: Store, prefix: str, number: int) -> int:
    """Count the units of a batch that are in the books, and see that each is there whole."""
    names = [f"{prefix}-{number}-{place}" for place in range(UNITS)]
    assert len(batch(prefix, number)) == len(names)
    done = {found.event_id for found in await store.inbox([key(name) for name in names])}
    assert set(await store.orders(names)) == done
    for name in random.sample(names, 5):
        assert len(await store.outbox_of(key(name))) == (2 if name in done else 0)
    return len(done)


async def test_a_process_killed_while_it_writes_leaves_whole_batches(
    migrated_url: str, request: pytest.FixtureRequest
) -> None:
    for prefix in ("first", "second", "third"):
        process = await _start(migrated_url, prefix)
        assert process.stdout is not None
        await process.stdout.readline()
        await asyncio.sleep(random.uniform(0.02, 0.2))  # noqa: S311 (any moment will do)
        reported = 1 + len(await _kill(process))
        async with Store.open(migrated_url) as store:
            assert [await _present(store, prefix, number) for number in range(reported)] == [UNITS] * reported
            assert await _present(store, prefix, reported) in {0, UNITS}
            assert await _present(store, prefix, reported + 1) == 0
    if "sqlite" in request.node.name:
        with sqlite3.connect(migrated_url.partition("///")[2]) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


async def test_a_process_killed_before_the_commit_leaves_nothing_and_blocks_nobody(migrated_url: str) -> None:
    process = await _start(migrated_url, "held", "held")
    assert process.stdout is not None
    assert await process.stdout.readline() == b"written\n"
    await _kill(process)
    async with Store.open(migrated_url, busy_timeout_ms=5_000) as store:
        assert await _present(store, "held", 0) == 0
        assert await store.apply([unit(entry("held-0-0"))]) == [None]
