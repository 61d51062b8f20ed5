"""`relay sync logistics` as a shell sees it: asked, watched to its end, and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.cli_process import Answer, relay
from tests.support.events import paid
from tests.support.relay import Relay, serving, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def given(amqp_url: str, tmp_path: Path) -> AsyncIterator[Relay]:
    """A system whose service runs in this process, with two orders at YLH."""
    async with system(amqp_url, f"sqlite+aiosqlite:///{tmp_path}/relay.db") as relay_system, serving(relay_system):
        await relay_system.send(paid("SO-1"), paid("SO-2"))
        await relay_system.until(lambda: len(relay_system.of("order.push.succeeded")) == 2)
        yield relay_system


async def ask(given: Relay, directory: Path, *arguments: str) -> Answer:
    return await relay(
        "sync", "logistics", *arguments, "--output", "json", given=given.environment, directory=directory
    )


async def test_open_orders_are_watched_to_the_end(given: Relay, tmp_path: Path) -> None:
    answer = await ask(given, tmp_path, "--open", "--detail", "--photos", "--wait", "--timeout", "30s")
    assert answer.code == 0, answer.err
    assert (answer.data["sync_type"], answer.data["status"], answer.data["success_count"]) == (
        "logistics",
        "success",
        2,
    )
    kept = await given.store.shipments.find(["SO-1", "SO-2"])
    assert all(parcel.traces and parcel.photos for one in kept.values() for parcel in one.parcels)


async def test_orders_that_failed_make_it_partly_done(given: Relay, tmp_path: Path) -> None:
    answer = await ask(given, tmp_path, "SO-1", "NOBODYS", "--wait", "--timeout", "30s")
    assert (answer.code, answer.data["failed_count"]) == (3, 1)


async def test_without_wait_it_says_where_to_look(given: Relay, tmp_path: Path) -> None:
    answer = await ask(given, tmp_path, "SO-1")
    assert answer.code == 0
    done = await given.result("sync.completed")
    assert (done["data"]["sync_log"]["id"], done["correlationid"]) == (
        answer.data["sync_log_id"],
        answer.data["event_id"],
    )


@pytest.mark.parametrize("arguments", [[], ["SO-1", "--open"]])
async def test_either_orders_or_open(tmp_path: Path, arguments: list[str]) -> None:
    answer = await relay("sync", "logistics", *arguments, given={}, directory=tmp_path)
    assert answer.code == 2
    assert "--open" in answer.err
